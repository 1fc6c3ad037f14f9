from pathlib import Path

import pytest

from auto_train.api import create_app
from tests.api.conftest import Serving, listening
from tests.api.pictures import picture


def test_app_without_config_starts_and_validate_is_503_with_the_hint() -> None:
    with listening(create_app()) as client:
        assert client.get("/livez").status_code == 200
        ready, answer = client.get("/readyz"), client.post("/validate/", files={"img": picture()})
    for reply in (ready, answer):
        assert reply.status_code == 503
        assert reply.json()["error"]["type"] == "not_ready"
        assert "CONFIG" in reply.text


def test_app_before_training_is_503_and_says_train_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ini = tmp_path / "new.ini"
    ini.write_text(f"[project]\nname = new\nlocation = {tmp_path}/project\n")
    monkeypatch.setenv("CONFIG", str(ini))
    with listening(create_app()) as client:
        reply = client.post("/classification/validate/", files={"img": picture()})
    assert reply.status_code == 503
    assert "train --config=new.ini" in reply.json()["error"]["hint"] and str(tmp_path) not in reply.text


def test_app_with_a_broken_config_is_503_with_the_line(tmp_path: Path) -> None:
    ini = tmp_path / "broken.ini"
    ini.write_text("[training.scheme]\nepochs = many\n")
    with listening(create_app(ini)) as client:
        reply = client.get("/readyz")
    assert reply.status_code == 503
    assert reply.json()["error"]["message"].startswith("broken.ini:2 [training.scheme] epochs")


def test_cors_is_off_unless_an_origin_is_named(serving: Serving) -> None:
    origin = {"origin": "https://here.example"}
    with serving() as client:
        assert "access-control-allow-origin" not in client.get("/livez", headers=origin).headers
    with serving("serve.cors=https://here.example") as client:
        assert client.get("/livez", headers=origin).headers["access-control-allow-origin"] == "https://here.example"
        other = client.get("/livez", headers={"origin": "https://other.example"})
        assert "access-control-allow-origin" not in other.headers
