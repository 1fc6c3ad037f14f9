"""Signing in: where the service asks for API keys, a page takes one and gives a cookie that is not the key."""

import hashlib
from collections.abc import Mapping
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from itsdangerous import TimestampSigner

from auto_train.api.access import api_keys, brings_key, is_known, require_same_origin
from auto_train.api.body import read_body
from auto_train.api.pages.render import HEADERS, PageRoute, page, root_of
from auto_train.errors import RequestError

COOKIE, VISITOR = "auto_train_session", "visitor"
LIFETIME_S = 12 * 3600
MAX_FIELDS_BYTES = 64 * 1024

router = APIRouter(
    prefix="/ui", route_class=PageRoute, include_in_schema=False, dependencies=[Depends(require_same_origin)]
)


async def require_visitor(request: Request) -> None:
    """Let the request pass when it is signed in or brings a key, or none is asked for.

    Raises:
        RequestError: 401; 403 where a page of another site sends it.
    """
    await require_same_origin(request)
    if api_keys() and not brings_key(request) and not is_valid(request.cookies.get(COOKIE, "")):
        raise RequestError("sign in first", status=401, type="unauthorized")


def create_session(key: str) -> str:
    """Return the cookie for one who knows a key: worth nothing after its time, or once the key is withdrawn."""
    return _signer(key).sign(VISITOR).decode()


def is_valid(session: str) -> bool:
    """Tell whether a cookie was made with one of today's keys and is still good."""
    return any(_signer(key).validate(session, max_age=LIFETIME_S) for key in api_keys())


def _signer(key: str) -> TimestampSigner:
    return TimestampSigner(key, salt=COOKIE, digest_method=hashlib.sha256)


async def read_fields(request: Request) -> Mapping[str, str]:
    """Return the fields of a form without files.

    Raises:
        RequestError: 413, more than a form of ours ever has.
    """
    too_long = RequestError("the form is too long", status=413, type="too_large", hint="write less")
    body = await read_body(request, too_long, MAX_FIELDS_BYTES)
    return dict(parse_qsl(body.decode("utf-8", errors="replace"), keep_blank_values=True))


@router.get("/login")
async def ask_for_key(request: Request) -> Response:
    """Show the form; nobody needs it where there are no keys."""
    after = _here(request.query_params.get("next", ""))
    if not api_keys():
        return RedirectResponse(root_of(request) + after, 303, headers=HEADERS)
    return page(request, "login.html", next=after, is_wrong=False)


@router.post("/login")
async def take_key(request: Request) -> Response:
    """Sign in, or say that the key is unknown."""
    fields = await read_fields(request)
    key, after = fields.get("key", "").strip(), _here(fields.get("next", ""))
    if not is_known(key):
        return page(request, "login.html", status=401, next=after, is_wrong=True)
    response = RedirectResponse(root_of(request) + after, 303, headers=HEADERS)
    response.set_cookie(
        COOKIE,
        create_session(key),
        max_age=LIFETIME_S,
        httponly=True,
        samesite="strict",
        path=root_of(request) or "/",
        secure=request.url.scheme == "https",
    )
    return response


@router.post("/logout")
async def leave(request: Request) -> Response:
    """Forget the visitor."""
    response = RedirectResponse(root_of(request) + "/ui/login", 303, headers=HEADERS)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict", path=root_of(request) or "/")
    return response


def _here(path: str) -> str:
    """Return a path of this service's pages, whatever was asked for."""
    is_ours = path.startswith("/ui/") and not path.startswith("/ui/login") and path.isprintable()
    return path if is_ours else "/"
