import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from auto_train.api.pages.session import COOKIE, LIFETIME_S, create_session, is_valid
from tests.api.pages.conftest import Pages
from tests.api.pictures import picture

RUN = "/ui/runs/20261121-134959-b215d2"


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTO_TRAIN_API_KEYS", "first, second")


@pytest.fixture
def visitor(site: httpx.Client) -> httpx.Client:
    """Return a browser without cookies."""
    site.cookies.clear()
    return site


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("path", ["/", "/ui/runs", RUN, f"{RUN}/report.html"])
def test_page_sends_a_stranger_to_the_form_and_back(visitor: httpx.Client, path: str):
    reply = visitor.get(path)
    place = urlsplit(reply.headers["location"])
    assert (reply.status_code, place.path, parse_qs(place.query)["next"]) == (303, "/ui/login", [path])
    assert "the report" not in reply.text
    form = {"key": "second", "next": path}
    back = visitor.post("/ui/login", data=form)
    assert (back.status_code, back.headers["location"]) == (303, path)
    assert visitor.get(path).status_code == 200


@pytest.mark.usefixtures("keys")
def test_cookie_is_kept_from_scripts_and_other_sites_and_is_not_the_key(visitor: httpx.Client):
    cookie = visitor.post("/ui/login", data={"key": "first"}).headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and f"Max-Age={LIFETIME_S}" in cookie
    assert "Secure" not in cookie  # the test's service speaks plain http
    assert "first" not in cookie


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("key", ["", "wrong", "first, second", "f" * 50_000])
def test_unknown_key_is_401_and_sets_no_cookie(visitor: httpx.Client, key: str):
    reply = visitor.post("/ui/login", data={"key": key})
    assert reply.status_code == 401
    assert "This key is not known here." in reply.text
    assert "set-cookie" not in reply.headers


@pytest.mark.usefixtures("keys")
def test_form_longer_than_any_form_is_413(visitor: httpx.Client):
    assert visitor.post("/ui/login", data={"key": "x" * 100_000}).status_code == 413


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(
    "next", ["https://evil.example", "//evil.example", "/\\evil.example", "/ui/login", "", "/ui/\nx"]
)
def test_way_back_leads_nowhere_else(visitor: httpx.Client, next: str):
    assert visitor.post("/ui/login", data={"key": "first", "next": next}).headers["location"] == "/"


def test_session_ends_with_its_time_and_with_its_key(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUTO_TRAIN_API_KEYS", "old,other")
    session = create_session("old")
    visitor, since, signature = session.split(".")
    assert is_valid(session)
    assert not is_valid(f"{visitor}.{since[:-1]}{'B' if since[-1] == 'A' else 'A'}.{signature}")
    monkeypatch.setenv("AUTO_TRAIN_API_KEYS", "other")
    assert not is_valid(session)
    monkeypatch.setenv("AUTO_TRAIN_API_KEYS", "old")
    late = time.time() + LIFETIME_S + 2
    monkeypatch.setattr(time, "time", lambda: late)
    assert not is_valid(session)


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(
    "session", ["", ".", "x.y", "visitor.99999999999.x", "visitor.²³.x", "visitor." + "1" * 5000 + ".x"]
)
def test_made_up_cookie_is_no_session(visitor: httpx.Client, session: str):
    assert not is_valid(session)
    assert visitor.get("/", headers={"cookie": f"{COOKIE}={session}".encode()}).status_code == 303


@pytest.mark.usefixtures("keys")
def test_sign_out_forgets_the_visitor(visitor: httpx.Client):
    visitor.post("/ui/login", data={"key": "first"})
    assert "Sign out" in visitor.get("/").text
    assert visitor.post("/ui/logout").headers["location"] == "/ui/login"
    assert visitor.get("/").status_code == 303


@pytest.mark.usefixtures("keys")
def test_script_of_a_page_whose_session_has_ended_is_sent_to_the_form(visitor: httpx.Client):
    reply = visitor.get("/ui/runs", headers={"hx-request": "true"})
    assert (reply.status_code, reply.headers["hx-redirect"]) == (401, "/ui/login?next=%2F")


@pytest.mark.usefixtures("keys")
def test_program_with_a_key_needs_no_cookie(visitor: httpx.Client):
    assert visitor.get("/ui/runs", headers={"x-api-key": "first"}).status_code == 200


@pytest.mark.usefixtures("keys")
def test_cookie_is_no_key_of_the_api(visitor: httpx.Client):
    visitor.post("/ui/login", data={"key": "first"})
    assert visitor.post("/validate/", files={"img": picture()}).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site", "origin": "http://127.0.0.1"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "same-origin", "origin": "https://behind.proxy"}, 200),
        ({}, 200),
    ],
)
def test_form_of_another_site_is_refused(visitor: httpx.Client, headers: dict[str, str], status: int):
    reply = visitor.post("/", files={"img": picture()}, headers=headers)
    assert reply.status_code == status
    own = {"origin": str(visitor.base_url).rstrip("/")}
    assert visitor.post("/", files={"img": picture()}, headers=own).status_code == 200


def test_without_keys_nobody_is_asked(visitor: httpx.Client):
    assert visitor.get("/ui/login").headers["location"] == "/"
    assert "Sign out" not in visitor.get("/").text


def test_cookie_is_for_https_alone_where_the_service_is(pages: Pages, keys: None, tmp_path: Path):
    with pages(tmp_path) as client:  # uvicorn believes a proxy on the same machine
        reply = client.post("/ui/login", data={"key": "first"}, headers={"x-forwarded-proto": "https"})
    assert "Secure" in reply.headers["set-cookie"]
