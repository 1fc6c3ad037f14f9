"""Host names and HEAD, with real HTTP; a proxy's path prefix is in pages/test_prefix.py."""

import socket

import httpx
import pytest

from tests.api.conftest import Serving

FOREIGN = ["evil.example", "evil.example:{port}", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.7", "x"]
OWN = ["localhost", "LocalHost:{port}", "localhost.", "127.0.0.1:{port}", "127.0.0.2", "[::1]:{port}", "[::1]"]


def asked(client: httpx.Client, host: str, *, method: str = "GET", path: str = "/livez", origin: str = "") -> int:
    """Return the status of a request for a host name, which may bring the same name as its origin."""
    name = host.format(port=client.base_url.port)
    headers = {"host": name} | ({"origin": f"http://{name}", "sec-fetch-site": "same-origin"} if origin else {})
    return client.request(method, path, headers=headers, content=b"{}" if method == "POST" else None).status_code


@pytest.mark.parametrize("host", FOREIGN)
def test_loopback_service_without_keys_does_not_answer_to_other_names(client: httpx.Client, host: str) -> None:
    for method, path in [("GET", "/livez"), ("GET", "/"), ("GET", "/jobs/"), ("POST", "/train/"), ("POST", "/ui/jobs")]:
        assert asked(client, host, method=method, path=path, origin=host) == 421, path
    error = client.get("/livez", headers={"host": host}).json()["error"]
    assert error["type"] == "unknown_host" and "allowed_hosts" in error["hint"]


@pytest.mark.parametrize("host", OWN)
def test_loopback_service_answers_to_its_own_names(client: httpx.Client, host: str) -> None:
    assert asked(client, host) == 200


def test_two_hosts_of_which_one_is_foreign_are_refused(client: httpx.Client) -> None:
    with socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=10) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")
        assert connection.recv(100).startswith((b"HTTP/1.1 421", b"HTTP/1.1 400"))


def test_further_names_are_allowed_by_the_ini(serving: Serving) -> None:
    with serving("serve.allowed_hosts=app.example, other.example", "serve.host=my.machine") as client:
        assert [asked(client, host) for host in ("app.example", "other.example:8", "my.machine", "localhost")] == [
            200
        ] * 4
        assert asked(client, "evil.example") == 421
        # a proxy that does not pass the Host on
        for origin, status in [
            ("https://app.example", 409),
            ("https://app.example:9", 403),
            ("http://my.machine", 403),
        ]:
            assert client.post("/train/", headers={"origin": origin}).status_code == status
    with serving("serve.allowed_hosts=*") as client:
        assert asked(client, "evil.example") == 200


def test_service_with_keys_answers_to_every_name(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTO_TRAIN_API_KEYS", "key")
    assert asked(client, "app.example") == 200
    assert asked(client, "app.example", path="/jobs/") == 401


HEADS = ["/", "/livez", "/readyz", "/jobs/", "/docs", "/openapi.json", "/ui/runs", "/ui/jobs", "/nothing", "/jobs/7"]


@pytest.mark.parametrize("path", HEADS)
def test_head_is_get_without_the_body(client: httpx.Client, path: str) -> None:
    got, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    for name in ("content-type", "content-length", "content-security-policy"):
        assert head.headers.get(name) == got.headers.get(name)


def test_head_of_a_route_that_takes_post_is_405(client: httpx.Client) -> None:
    assert client.head("/validate/").status_code == 405
