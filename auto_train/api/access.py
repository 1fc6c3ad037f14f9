"""Optional API keys: AUTO_TRAIN_API_KEYS holds them, separated by commas; without it everyone may ask."""

import hmac
import os

from fastapi import Request

from auto_train.errors import RequestError


async def require_key(request: Request) -> None:
    """Let the request pass when it brings a known key, or none is asked for.

    Raises:
        RequestError: 401.
    """
    keys = [key.strip() for key in os.environ.get("AUTO_TRAIN_API_KEYS", "").split(",") if key.strip()]
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    given = request.headers.get("x-api-key") or (bearer if scheme.lower() == "bearer" else "")
    if keys and not any(hmac.compare_digest(given.encode(), key.encode()) for key in keys):
        raise RequestError(
            "the API key is missing or unknown",
            status=401,
            type="unauthorized",
            hint="send it as X-API-Key, or as Authorization: Bearer KEY",
            headers={"WWW-Authenticate": "Bearer"},
        )
