import httpx
import pytest

from tests.api.pictures import picture


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTO_TRAIN_API_KEYS", "first, sécond")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-api-key": "wrong"},
        {"authorization": "Bearer wrong"},
        {"authorization": "Basic first"},
        {"x-api-key": ""},
    ],
)
@pytest.mark.usefixtures("keys")
def test_missing_or_unknown_key_is_401(client: httpx.Client, headers: dict[str, str]) -> None:
    reply = client.post("/validate/", files={"img": picture()}, headers=headers)
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"] == "Bearer"
    assert reply.json()["error"]["type"] == "unauthorized"


@pytest.mark.parametrize("headers", [{"x-api-key": "first"}, {"authorization": "Bearer first"}])
@pytest.mark.usefixtures("keys")
def test_known_key_passes(client: httpx.Client, headers: dict[str, str]) -> None:
    assert client.post("/validate/", files={"img": picture()}, headers=headers).status_code == 200


@pytest.mark.usefixtures("keys")
def test_probes_need_no_key(client: httpx.Client) -> None:
    assert client.get("/livez").status_code == client.get("/readyz").status_code == 200
