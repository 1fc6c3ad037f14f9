import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from auto_train.api import create_app
from auto_train.jobs import Jobs
from tests.api.conftest import listening
from tests.api.pictures import picture
from tests.conftest import ROOT
from tests.jobs.conftest import order, wait_until
from tests.serving.tiny import write_project
from tests.tiny import write_ini

FUNCTIONS = """
from pathlib import Path

from auto_train import registry

Path(__file__).with_name("imported").touch()


@registry.head.register("mine")
def mine(head_input_size: int, num_classes: int, width: int = 8, file: str = "x"): ...
"""
MINE = """
[architecture.head]
@head = mine
head_input_size = 512
num_classes = 10
[mine]
folder = {folder}
size = 3
"""


@pytest.fixture
def ini(tmp_path: Path) -> Path:
    (tmp_path / "functions.py").write_text(FUNCTIONS)
    (tmp_path / "evil.py").write_text(FUNCTIONS.replace('"imported"', '"evil imported"'))
    ini = write_ini(tmp_path, more=MINE.format(folder=tmp_path / "mine"))
    text = ini.read_text().replace("name = tiny\n", "name = tiny\ncustom_functions = ${mine.folder}/../functions.py\n")
    ini.write_text(text)
    (tmp_path / "mine").mkdir()
    return ini


def post(client: httpx.Client, **overrides: Any) -> httpx.Response:
    return client.post("/train/", json={"overrides": {name.replace("__", "."): at for name, at in overrides.items()}})


def test_two_services_of_one_project_train_one_job_at_a_time(
    digit_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    ini = write_ini(tmp_path, digit_files)
    with listening(create_app(ini)) as one, listening(create_app(ini)) as other:
        assert one.post("/validate/", files={"img": picture()}).status_code == 503  # nothing is trained yet
        begun = post(one, training__scheme__epochs=9999, training__scheme__optimizer="sgd")
        assert (begun.status_code, begun.json()) == (202, {"message": "Model training has started", "job": 1})
        assert other.post("/train/").json()["job"] == 2
        states = ["queued", "running"]
        wait_until(lambda: [job["state"] for job in other.get("/jobs/").json()["jobs"]] == states, timeout_s=120)
        assert one.delete("/jobs/2").json()["state"] == "stopped"
        wait_until(lambda: other.get("/jobs/1").json()["metrics"], timeout_s=120)
        running = other.get("/jobs/1").json()
        assert running["progress"]["total"] == 9999 and running["metrics"]["valid/accuracy"] >= 0
        config = (tmp_path / "project/runs" / running["run"] / "config.ini").read_text()
        assert "optimizer = sgd\n" in config and "batch_size = 16\n" in config
        assert os.getsid(running["pid"]) == running["pid"]
        other.delete("/jobs/1")
        wait_until(lambda: one.get("/jobs/1").json()["state"] == "stopped")
        assert "epoch 1/9999" in one.get("/jobs/1/logs").text


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("project.custom_functions", "evil.py", "it is a path or an address"),
        ("training.dir", "/etc", "it is a path or an address"),
        ("training.scheme.output_path", "/etc/passwd", "it is a path or an address"),
        ("project.location", "/etc", "it is a path or an address"),
        ("project.data_source_url", ["file:///etc/passwd"], "it is a path or an address"),
        ("project.name", "../../x", "it is a part of paths"),
        ("project.type", "other", "another recipe is other code"),
        ("architecture.backbone.weights", "/etc/passwd", "it names a file or an address"),
        ("architecture.backbone.model", "local-dir:/etc", "this text could name a path"),
        ("architecture.backbone.model", "${mine.folder}", "this text could name a path"),
        ("training.jobs", 64, "it is the limit of this machine"),
        ("architecture.head.@head", "mine", "it names a function"),
        ("testing.postprocess.@postprocess_function", "mine", "it names a function"),
        ("architecture.head.file", "/etc/passwd", "only numbers, true and false are taken for it"),
        ("architecture.backbone.args.cache_dir", "/etc", "only numbers, true and false are taken for it"),
        ("mine.folder", "/etc", "only numbers, true and false are taken for it"),
    ],
)
def test_overrides_of_functions_code_and_paths_are_403(ini: Path, key: str, value: Any, reason: str) -> None:
    with listening(create_app(ini)) as client:
        reply = client.post("/train/", json={"overrides": {key: value}})
        assert client.get("/jobs/").json() == {"jobs": []}
    assert reply.status_code == 403, reply.text
    error = reply.json()["error"]
    assert (error["type"], error["message"]) == ("forbidden", f"'{key}' cannot be changed from outside: {reason}")
    assert not (ini.parent / "evil imported").exists()


def test_override_that_changes_a_path_by_a_variable_is_403(ini: Path) -> None:
    ini.write_text(ini.read_text().replace("[training]\n", "[training]\nvalidation_dir = data/${mine.size}\n"))
    with listening(create_app(ini)) as client:
        reply = post(client, mine__size=7)
    assert reply.status_code == 403
    assert "'mine.size' cannot be changed from outside: it changes the path training.validation_dir" in reply.text


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"training.scheme.epochs": -1}, "training.scheme.epochs: '-1' is out of range"),
        ({"training.scheme.epochs": None}, "training.scheme.epochs: 'none' is no number"),
        ({"training.scheme.epoch": 3}, "did you mean 'epochs'?"),
        ({"training.scheme.nonsense": "x"}, "training.scheme.nonsense: unknown key"),
        ({"nonsense.key": "x"}, "nonsense.key: unknown key"),
        ({"epochs": 3}, "this is no section.key"),
        ({"training.scheme.optimizer": "best"}, "not one of them (allowed: one of adamw, sgd"),
        ({"training.scheme.epochs": 1, "training.scheme.batch_size": 0}, "training.scheme.batch_size"),
        ({"architecture.head.nonsense": 1}, "takes no argument 'nonsense'"),
    ],
)
def test_unknown_keys_and_values_are_422_with_the_words_of_the_config(
    ini: Path, overrides: dict[str, Any], message: str
) -> None:
    with listening(create_app(ini)) as client:
        reply = client.post("/train/", json={"overrides": overrides})
        assert client.get("/jobs/").json() == {"jobs": []}
    assert reply.status_code == 422, reply.text
    assert message in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 422),
        (b"[]", 422),
        (b'{"overides": {}}', 422),
        (b'{"overrides": 3}', 422),
        (b'{"overrides": {"a.b": "\\ud800"}}', 422),
        (b"\xff", 422),
        (b" " * 70_000, 413),
    ],
)
def test_body_that_is_not_understood_is_refused(ini: Path, body: bytes, status: int) -> None:
    with listening(create_app(ini)) as client:
        reply = client.post("/train/", content=body)
        assert client.get("/jobs/").json() == {"jobs": []}
    assert reply.status_code == status
    assert reply.json()["error"]["type"] == ("bad_field" if status == 422 else "too_large")


def test_more_jobs_than_a_queue_may_hold_are_429(ini: Path, tmp_path: Path) -> None:
    jobs = Jobs(tmp_path / "project/jobs.sqlite")
    with ExitStack() as running, listening(create_app(ini)) as client:
        jobs.submit(order())
        taken = jobs.claim()
        assert taken
        running.enter_context(taken.lock)
        with closing(sqlite3.connect(jobs.path)) as db, db:
            same = "command, words, at_once, cwd, environment, created_at"
            copied = f"INSERT INTO jobs (id, {same}) SELECT ?, {same} FROM jobs WHERE id = 1"
            db.executemany(copied, [[number] for number in range(2, 101)])
        reply = client.post("/train/")
        assert client.delete("/jobs/100").json()["state"] == "stopped"
        assert client.post("/train/").json() == {"message": "Model training has started", "job": 101}
    assert (reply.status_code, reply.json()["error"]["type"]) == (429, "queue_full")
    assert int(reply.headers["retry-after"]) > 0


def test_service_without_an_ini_says_how_to_have_one(client: httpx.Client) -> None:
    reply = client.post("/train/")
    assert reply.status_code == 409
    assert reply.json()["error"] == {
        "type": "no_config",
        "message": "this service was started with a model and has no INI to train",
        "hint": "start it with --config=INI",
    }


def test_service_without_an_ini_or_a_model_says_why(tmp_path: Path) -> None:
    ini = tmp_path / "broken.ini"
    ini.write_text("[training.scheme]\nepochs = many\n")
    with listening(create_app(ini)) as client:
        reply = client.post("/train/")
    assert reply.status_code == 503 and "broken.ini:2 [training.scheme] epochs" in reply.text
    assert str(tmp_path) not in reply.text


def test_page_of_another_site_cannot_start_a_training(ini: Path) -> None:
    with listening(create_app(ini)) as client:
        host = client.base_url.netloc.decode()
        for origin, status in [("https://other.example", 403), ("null", 403), (f"http://{host}", 422)]:
            reply = client.post("/train/", headers={"origin": origin}, content=b"{")
            assert reply.status_code == status
        assert client.get("/jobs/").json() == {"jobs": []}


def test_ctrl_c_of_the_service_leaves_its_jobs_alone_and_training_loads_no_torch_in_it(
    colours: Path, digit_files: Path, tmp_path: Path
) -> None:
    more = f"[training]\ndir = {digit_files}\n[training.scheme]\nlearning_rate = 0.001\nepochs = 9999\n"
    ini = write_project(tmp_path, colours, more)
    command = [sys.executable, str(ROOT / "main.py"), "serve", f"--config={ini}", "--port=0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as service:
        assert service.stdout
        url = json.loads(service.stdout.readline())["url"]
        overrides = {"architecture.backbone.pretrained": False, "architecture.image_size": 32}
        assert httpx.post(f"{url}/train/", json={"overrides": overrides}, timeout=30).status_code == 202
        wait_until(lambda: httpx.get(f"{url}/jobs/1").json()["pid"])
        loaded = Path(f"/proc/{service.pid}/maps").read_text()
        os.killpg(service.pid, signal.SIGINT)
        assert service.wait(30) == 0
    assert "libtorch" not in loaded
    jobs = Jobs(tmp_path / "jobs.sqlite")
    assert jobs.get(1).state == "running"
    jobs.stop(1)
    wait_until(lambda: jobs.get(1).state == "stopped", timeout_s=60)
