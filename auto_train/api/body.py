"""The body of a request as it arrives: no more of it than allowed, and not for longer."""

import asyncio
import time
from collections.abc import AsyncGenerator

from fastapi import Request
from starlette.requests import ClientDisconnect

from auto_train.errors import RequestError

TIMEOUT_S, IDLE_S = 60.0, 10.0


async def read_body(request: Request, refusal: RequestError, max_bytes: int) -> bytes:
    """Return a whole body, as of :func:`stream_body`."""
    return b"".join([chunk async for chunk in stream_body(request, refusal, max_bytes)])


async def stream_body(
    request: Request, refusal: RequestError, max_bytes: int, *, timeout_s: float = TIMEOUT_S, idle_s: float = IDLE_S
) -> AsyncGenerator[bytes, None]:
    """Yield a body in parts.

    Args:
        refusal: the 413 to raise for one that is longer. Judged by Content-Length first, then while it arrives.
        max_bytes: of the whole body.
        timeout_s: in which all of it has to be there.
        idle_s: in which at least something of it has to come.

    Raises:
        RequestError: it is too long; 400, it does not arrive in time, or the client has left.
    """
    if read_content_length(request) > max_bytes:
        raise refusal
    parts, received, end = aiter(request.stream()), 0, time.monotonic() + timeout_s
    while True:
        try:
            async with asyncio.timeout(max(0.0, min(idle_s, end - time.monotonic()))):
                part = await anext(parts, None)
        except (TimeoutError, ClientDisconnect) as error:
            raise _unfinished_error(received, timeout_s, idle_s) from error
        if part is None:
            return
        received += len(part)
        if received > max_bytes:
            raise refusal
        yield part


def read_content_length(request: Request) -> int:
    """Return the Content-Length; 0 where the request has none, or one that no server lets pass."""
    text = request.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0


def _unfinished_error(received: int, timeout_s: float, idle_s: float) -> RequestError:
    return RequestError(
        f"the body stopped after {received} bytes",
        status=400,
        type="malformed",
        hint=f"send all of it within {timeout_s:g} s, without pauses of {idle_s:g} s",
        headers={"Connection": "close"},
    )
