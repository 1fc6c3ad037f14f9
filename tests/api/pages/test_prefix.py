"""A service below the path prefix of a reverse proxy."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.pages.conftest import Pages
from tests.api.pictures import picture

PREFIX = "/at/digits"


@pytest.fixture(scope="module")
def prefixed(pages: Pages, project: Path) -> Iterator[httpx.Client]:
    with pages(project, f"serve.root_path={PREFIX}/") as client:
        yield client


@pytest.mark.parametrize("proxy", ["", PREFIX])
def test_pages_and_routes_work_below_a_prefix(prefixed: httpx.Client, proxy: str) -> None:
    """The proxy may have removed the prefix, or not."""
    for path in ("/", "/ui/runs", "/ui/jobs", "/docs"):
        reply = prefixed.get(proxy + path)
        assert reply.status_code == 200, path
        addresses = re.findall(r'(?:href|src|action|hx-get|hx-post)="([^"#]*)"', reply.text)
        assert len(addresses) > 8
        assert all(address.startswith(f"{PREFIX}/") for address in addresses), addresses
        for address in {address for address in addresses if "static" in address or "/ui/" in address}:
            assert prefixed.get(address).status_code in (200, 303, 405)
    assert prefixed.post(f"{proxy}/validate/", files={"img": picture()}).json()["prediction"] == "red"
    assert 'class="prediction">red' in prefixed.post(f"{proxy}/", files={"img": picture()}).text
    schema = prefixed.get(f"{proxy}/openapi.json").json()
    assert schema["servers"] == [{"url": PREFIX}] and "/validate/" in schema["paths"]
    assert f"{PREFIX}/validate/" in prefixed.get(f"{proxy}/docs").text


def test_prefix_alone_is_the_first_page_and_redirects_keep_it(prefixed: httpx.Client) -> None:
    assert prefixed.get(PREFIX).status_code == 200
    moved = prefixed.get("/jobs")
    assert moved.status_code == 307 and f"{PREFIX}/jobs/" in moved.headers["location"]
    assert prefixed.get("/at/digits2/livez").status_code == 404


def test_signing_in_below_a_prefix_stays_below_it(prefixed: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTO_TRAIN_API_KEYS", "key")
    asked_for_key = prefixed.get(f"{PREFIX}/ui/runs")
    assert asked_for_key.headers["location"] == f"{PREFIX}/ui/login?next=%2Fui%2Fruns"
    signed_in = prefixed.post(f"{PREFIX}/ui/login", data={"key": "key", "next": "/ui/runs"})
    assert signed_in.headers["location"] == f"{PREFIX}/ui/runs"
    assert f"Path={PREFIX};" in signed_in.headers["set-cookie"]
    assert prefixed.get(f"{PREFIX}/ui/runs").status_code == 200
    prefixed.post(f"{PREFIX}/ui/logout")
    assert prefixed.get(f"{PREFIX}/ui/runs").status_code == 303
