"""Optional API keys: AUTO_TRAIN_API_KEYS holds them, separated by commas; without it everyone may ask."""

import hmac
import os

from fastapi import Request

from auto_train.errors import RequestError


def api_keys() -> list[str]:
    """Return the keys of this service; none: everyone may ask."""
    return [key.strip() for key in os.environ.get("AUTO_TRAIN_API_KEYS", "").split(",") if key.strip()]


def is_known(given: str) -> bool:
    """Tell whether a text is one of the keys."""
    return any(hmac.compare_digest(given.encode(), key.encode()) for key in api_keys())


def brings_key(request: Request) -> bool:
    """Tell whether a request has a known key in its headers."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    return is_known(request.headers.get("x-api-key") or (bearer if scheme.lower() == "bearer" else ""))


async def require_key(request: Request) -> None:
    """Let the request pass when it brings a known key, or none is asked for.

    Raises:
        RequestError: 401.
    """
    if api_keys() and not brings_key(request):
        raise RequestError(
            "the API key is missing or unknown",
            status=401,
            type="unauthorized",
            hint="send it as X-API-Key, or as Authorization: Bearer KEY",
            headers={"WWW-Authenticate": "Bearer"},
        )


async def require_same_origin(request: Request) -> None:
    """Refuse what a page of another site makes a browser send here. Programs, which say no origin, pass.

    Source: Fetch Metadata (W3C) where the browser sends it, else Origin against Host and ``[serve] allowed_hosts``:
    some reverse proxies do not pass the Host on.

    Raises:
        RequestError: 403.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if request.method in ("GET", "HEAD", "OPTIONS") or site in ("same-origin", "none"):
        return
    if site is not None or (origin is not None and not _is_origin_here(origin, request)):
        raise RequestError(
            "the request comes from a page of another site",
            status=403,
            type="forbidden",
            hint="open the page of this service itself",
        )


def _is_origin_here(origin: str, request: Request) -> bool:
    netloc = origin.partition("://")[2]
    return netloc in (request.headers.get("host"), *request.app.state.service.allowed_hosts)
