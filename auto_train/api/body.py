"""The body of a request as it arrives: no more of it than allowed, and not for longer."""

import asyncio
import time
from collections.abc import AsyncGenerator

from fastapi import Request
from starlette.requests import ClientDisconnect

from auto_train.errors import RequestError

# Seconds in which a body has to be there, and in which at least something of it has to come.
TIMEOUT_S, IDLE_S = 60, 10


async def read_body(request: Request, refusal: RequestError, max_bytes: int) -> bytes:
    """Return a whole body, as of :func:`stream_body`."""
    return b"".join([chunk async for chunk in stream_body(request, refusal, max_bytes)])


async def stream_body(request: Request, refusal: RequestError, max_bytes: int) -> AsyncGenerator[bytes, None]:
    """Yield a body in parts.

    Args:
        refusal: the 413 to raise for one that is longer. Judged by Content-Length first, then while it arrives.
        max_bytes: of the whole body.

    Raises:
        RequestError: it is too long; 400, it does not arrive in time, or the client has left.
    """
    if declared_length(request) > max_bytes:
        raise refusal
    parts, received, end = aiter(request.stream()), 0, time.monotonic() + TIMEOUT_S
    while True:
        wait_s = min(IDLE_S, end - time.monotonic())
        try:
            async with asyncio.timeout(max(wait_s, 0)):
                part = await anext(parts, None)
        except (TimeoutError, ClientDisconnect) as error:
            raise _unfinished(received) from error
        if part is None:
            return
        received += len(part)
        if received > max_bytes:
            raise refusal
        yield part


def declared_length(request: Request) -> int:
    """Return the Content-Length; 0 where the request has none, or one that no server lets pass."""
    text = request.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0


def _unfinished(received: int) -> RequestError:
    return RequestError(
        f"the body stopped after {received} bytes",
        status=400,
        type="malformed",
        hint=f"send all of it within {TIMEOUT_S} s, without pauses of {IDLE_S} s",
        headers={"Connection": "close"},
    )
