import socket
import time
from collections.abc import Iterator

import pytest
import uvicorn

from auto_train.serving.http import MAX_HEADER_BYTES, http_protocol
from tests.api.conftest import running


async def app(scope, receive, send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[str, int]]:
    config = uvicorn.Config(app, port=0, log_level="critical", lifespan="off", http=http_protocol(headers_s=0.5))
    with running(config) as place:
        yield place


def ask(place: tuple[str, int], data: bytes) -> bytes:
    with socket.create_connection(place, timeout=10) as connection:
        try:
            connection.sendall(data)
            return connection.recv(12)
        except (BrokenPipeError, ConnectionResetError):
            return b"closed"


HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize("more", [b"", b"X: y\r\n" * 3000, b"X: " + b"y" * 60_000 + b"\r\n"])
def test_headers_of_ordinary_size_pass(place: tuple[str, int], more: bytes) -> None:
    assert ask(place, HEAD + more + b"\r\n") == b"HTTP/1.1 204"


@pytest.mark.parametrize("more", [b"X: y\r\n" * 500_000, b"X: " + b"y" * 3_000_000, b"y" * 3_000_000])
def test_headers_that_do_not_end_are_refused(place: tuple[str, int], more: bytes) -> None:
    assert ask(place, HEAD + more) in (b"HTTP/1.1 400", b"closed")


def test_large_body_is_not_taken_for_headers(place: tuple[str, int]) -> None:
    size = 3 * MAX_HEADER_BYTES
    head = HEAD + b"Content-Length: %d\r\n\r\n" % size
    assert ask(place, head + bytes(size)) == b"HTTP/1.1 204"


@pytest.mark.parametrize("begun", [b"", HEAD])
def test_headers_that_trickle_are_given_up(place: tuple[str, int], begun: bytes) -> None:
    with socket.create_connection(place, timeout=10) as connection:
        connection.sendall(begun)
        start = time.monotonic()
        assert connection.recv(100) == b""
        assert time.monotonic() - start < 5


def test_connection_with_a_second_request_has_the_time_again(place: tuple[str, int]) -> None:
    with socket.create_connection(place, timeout=10) as connection:
        for _ in range(3):
            time.sleep(0.25)
            connection.sendall(HEAD + b"\r\n")
            assert connection.recv(1000).startswith(b"HTTP/1.1 204")
        connection.sendall(HEAD)
        assert connection.recv(100) == b""
