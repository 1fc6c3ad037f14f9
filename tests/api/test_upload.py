import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.api.conftest import Serving
from tests.api.pictures import noise, picture
from tests.jobs.conftest import wait_until

GREEN = (0, 255, 0)
FORM = {"content-type": "multipart/form-data; boundary=b"}


def test_missing_field_is_422_and_says_how_to_send_it(client: httpx.Client) -> None:
    reply = client.post("/validate/", files={"image": picture()})
    assert reply.status_code == 422
    assert reply.json()["error"]["message"] == "the form has no file in field 'img'"
    assert "curl -F img=@photo.jpg" in reply.json()["error"]["hint"]


def form(*parts: str | bytes, end: bytes = b"--b--\r\n") -> bytes:
    """Return a form of parts ``img``: a file's bytes, or the disposition of one that is no plain file."""
    body = b""
    for part in parts:
        named = part if isinstance(part, str) else 'name="img"; filename="a"'
        data = part if isinstance(part, bytes) else picture(GREEN)
        body += f"--b\r\nContent-Disposition: form-data; {named}\r\n\r\n".encode() + data + b"\r\n"
    return body + end


def test_each_answer_stands_in_the_place_of_its_part(client: httpx.Client) -> None:
    body = form(
        picture(), 'name="img"', 'name="other"; filename="x"', "name=\"img\"; filename*=utf-8''%C3%B6.png", b"x"
    )
    first, second, third, fourth = client.post("/validate/", content=body, headers=FORM).json()
    assert (first["prediction"], third["prediction"]) == ("red", "green")
    assert (second["error"]["type"], fourth["error"]["type"]) == ("bad_field", "not_an_image")
    page = client.post("/", content=body, headers={**FORM, "hx-request": "true"}).text
    assert re.findall(r'class="prediction">(.*?)[ <]', page) == ["red", "Image", "green", "Image"]


@pytest.mark.parametrize("cut", [form(picture(), picture())[:-60], form(picture(), picture(), end=b""), form(end=b"")])
def test_form_without_its_closing_boundary_is_400(client: httpx.Client, cut: bytes) -> None:
    for route in ("/validate/", "/"):
        assert client.post(route, content=cut, headers=FORM).status_code == 400


def test_single_file_may_be_named_by_an_extended_parameter_and_the_type_be_in_any_case(client: httpx.Client) -> None:
    headers = {"content-type": "Multipart/Form-DATA; boundary=b"}
    reply = client.post("/validate/", content=form("name=\"img\"; filename*=utf-8''a.png"), headers=headers)
    assert reply.json()["prediction"] == "green"


def test_more_images_than_allowed_are_413(client: httpx.Client) -> None:
    reply = client.post("/validate/", content=form(*[b"x"] * 65), headers=FORM)
    assert (reply.status_code, reply.json()["error"]["type"]) == (413, "too_large")


def test_bodies_that_trickle_take_no_place_from_others(serving: Serving) -> None:
    head = b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    head += b"Content-Length: 3000\r\n\r\n--b"
    with serving("serve.workers=1", "serve.queue=1") as client, ExitStack() as held:
        for number in range(20):
            place = (client.base_url.host, client.base_url.port or 0)
            connection = held.enter_context(socket.create_connection(place, timeout=10))
            connection.sendall(head % (b"/validate/", b"/", b"/train/")[number % 3])
        for route in ("/validate/", "/"):
            assert client.post(route, files={"img": picture()}).status_code == 200


def test_memory_for_uploads_is_bounded_and_given_back(serving: Serving) -> None:
    half = b"POST /validate/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    half += b"Content-Length: 1000900\r\n\r\n" + form(bytes(990_000), end=b"")
    image = noise(300)
    with serving("serve.max_mb=1") as client, ExitStack() as held:

        def hold_one_more() -> None:
            place = (client.base_url.host, client.base_url.port or 0)
            held.enter_context(socket.create_connection(place, timeout=10)).sendall(half)

        def ask() -> int:
            return client.post("/validate/", files={"img": image}).status_code

        wait_until(lambda: hold_one_more() or ask() == 429, timeout_s=9)  # those are given up after ten seconds
        held.close()
        wait_until(lambda: ask() == 200, timeout_s=9)


def test_field_that_is_no_file_is_422(client: httpx.Client) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="img"\r\n\r\nhello\r\n--b--\r\n'
    reply = client.post("/validate/", content=body, headers={"content-type": "multipart/form-data; boundary=b"})
    assert reply.status_code == 422


@pytest.mark.parametrize("content_type", [None, "application/json", "image/png", "application/x-www-form-urlencoded"])
def test_body_that_is_no_form_is_422(client: httpx.Client, content_type: str | None) -> None:
    headers = {"content-type": content_type} if content_type else {}
    reply = client.post("/validate/", content=picture(), headers=headers)
    assert reply.status_code == 422
    assert reply.json()["error"]["message"] == "the request is not a multipart form"


def test_empty_body_is_422(client: httpx.Client) -> None:
    assert client.post("/validate/").status_code == 422
    reply = client.post("/validate/", content=b"", headers={"content-type": "multipart/form-data; boundary=b"})
    assert reply.status_code in (400, 422)


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=b"])
def test_damaged_form_is_400(client: httpx.Client, content_type: str) -> None:
    reply = client.post("/validate/", content=b"--x\r\nnonsense", headers={"content-type": content_type})
    assert reply.status_code == 400
    assert reply.json()["error"]["type"] == "malformed"


def test_body_of_30_mb_is_413_before_it_is_read(client: httpx.Client) -> None:
    reply = client.post("/validate/", files={"img": bytes(30_000_000)})
    assert reply.status_code == 413
    assert reply.json()["error"] == {
        "type": "too_large",
        "message": "the upload is larger than 20 MB",
        "hint": "send a smaller image; the service's limit is [serve] max_mb",
    }


def test_announced_size_is_refused_without_waiting_for_the_body(client: httpx.Client) -> None:
    with socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=10) as connection:
        connection.sendall(
            b"POST /validate/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            b"Content-Length: 30000000\r\n\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_unannounced_30_mb_is_413_while_it_streams(client: httpx.Client) -> None:
    def body() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="img"; filename="x"\r\n\r\n'
        for _ in range(300):
            yield bytes(100_000)

    reply = client.post("/validate/", content=body(), headers={"content-type": "multipart/form-data; boundary=b"})
    assert reply.status_code == 413


def test_upload_just_below_the_limit_is_answered_and_just_above_is_not(serving: Serving) -> None:
    image = noise(300)
    with serving(f"serve.max_mb={len(image) / 1e6}") as client:
        assert client.post("/validate/", files={"img": image}).status_code == 200
        assert client.post("/validate/", files={"img": image + b"\0"}).status_code == 413


def test_client_that_leaves_half_way_does_not_hold_a_place(serving: Serving) -> None:
    with serving("serve.workers=1", "serve.queue=1") as client:
        for _ in range(5):
            with socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=10) as connection:
                connection.sendall(
                    b"POST /validate/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
                    b"Content-Length: 3000\r\n\r\n--b\r\n"
                )
        assert client.post("/validate/", files={"img": picture()}).status_code == 200
