import asyncio
import time

import pytest
from fastapi import Request

from auto_train.api.body import read_body, read_content_length
from auto_train.errors import RequestError

REFUSAL = RequestError("too long", status=413, type="too_large")


def request_of(*parts: bytes, pause_s: float = 0, length: str = "", is_whole: bool = True) -> Request:
    """Return a request whose body comes in parts; one that is not whole never ends."""
    left = list(parts)

    async def receive() -> dict[str, object]:
        await asyncio.sleep(pause_s if left else 0)
        if not left and not is_whole:
            await asyncio.sleep(60)
        body = left.pop(0) if left else b""
        return {"type": "http.request", "body": body, "more_body": bool(left) or not is_whole}

    headers = [(b"content-length", length.encode())] if length else []
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


def read(request: Request, max_bytes: int = 100, **limits: float) -> bytes:
    from auto_train.api.body import stream_body

    async def collect() -> bytes:
        return b"".join([part async for part in stream_body(request, REFUSAL, max_bytes, **limits)])

    return asyncio.run(collect())


def test_body_is_read_whole() -> None:
    assert read(request_of(b"ab", b"", b"c")) == b"abc"
    assert asyncio.run(read_body(request_of(b"ab", b"c"), REFUSAL, 3)) == b"abc"


@pytest.mark.parametrize("request_", [request_of(b"abc", b"d"), request_of(b"", length="4", is_whole=False)])
def test_body_that_is_longer_is_refused(request_: Request) -> None:
    with pytest.raises(RequestError) as refused:
        read(request_, 3)
    assert refused.value is REFUSAL


@pytest.mark.parametrize(
    ("parts", "pause_s", "limits"),
    [((b"a",), 0, {"idle_s": 0.1}), ((), 0, {"idle_s": 0.1}), ((b"a",) * 50, 0.02, {"idle_s": 0.2, "timeout_s": 0.3})],
)
def test_body_that_trickles_is_given_up(parts: tuple[bytes, ...], pause_s: float, limits: dict[str, float]) -> None:
    began = time.monotonic()
    with pytest.raises(RequestError) as refused:
        read(request_of(*parts, pause_s=pause_s, is_whole=False), **limits)
    assert (refused.value.http_status, refused.value.type) == (400, "malformed")
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(("text", "length"), [("12", 12), ("", 0), ("x", 0), ("9" * 5000, 0), ("-1", 0)])
def test_declared_length_may_be_anything(text: str, length: int) -> None:
    assert read_content_length(request_of(length=text)) == length
