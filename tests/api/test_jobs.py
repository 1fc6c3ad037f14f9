import json
from pathlib import Path

import httpx
import pytest

from auto_train.api import create_app
from auto_train.jobs import Jobs
from tests.api.conftest import listening
from tests.jobs.conftest import order, wait_until


@pytest.fixture
def ini(tmp_path: Path) -> Path:
    path = tmp_path / "one.ini"
    path.write_text(f"[project]\nlocation = {tmp_path}/project\n")
    return path


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    return Jobs(tmp_path / "project/jobs.sqlite")


def test_jobs_are_listed_shown_and_stopped(ini: Path, jobs: Jobs) -> None:
    with listening(create_app(ini)) as client:
        assert client.get("/jobs/").json() == {"jobs": []}
        for _ in range(2):
            jobs.submit(order("a.b=<script>alert(1)</script>"))
        taken = jobs.claim()
        assert taken
        (jobs.folder(1) / "progress.json").write_text('{"stage": "train", "done": 1, "total": 2}')
        (jobs.folder(1) / "log.txt").write_bytes(b"<b>caf\xe9</b>\n")
        running = client.get("/jobs/1").json()
        assert (running["id"], running["state"], running["progress"]["done"]) == (1, "running", 1)
        assert running["command"] == "train a.b=<script>alert(1)</script>"
        assert [job["id"] for job in client.get("/jobs/", params={"limit": 1}).json()["jobs"]] == [2]
        log = client.get("/jobs/1/logs")
        assert log.text == "<b>caf\ufffd</b>\n"
        assert log.headers["content-type"].startswith("text/plain")
        assert log.headers["x-content-type-options"] == "nosniff"
        assert client.delete("/jobs/2").json()["state"] == client.delete("/jobs/2").json()["state"] == "stopped"
        assert client.delete("/jobs/1").json()["stop_requested"] is True and jobs.is_to_stop(1)
        jobs.has_ended(1, state="done", exit_code=0, error="")
        taken.lock.close()
        assert client.delete("/jobs/1").json() == client.get("/jobs/1").json()


@pytest.mark.parametrize(
    ("number", "status"), [("7", 404), ("-1", 404), (str(2**80), 404), ("9" * 5000, 404), ("x", 422), ("٣", 422)]
)
def test_job_that_is_not_there_is_404(ini: Path, jobs: Jobs, number: str, status: int) -> None:
    jobs.submit(order())
    with listening(create_app(ini)) as client:
        for reply in (
            client.get(f"/jobs/{number}"),
            client.delete(f"/jobs/{number}"),
            client.get(f"/jobs/{number}/logs"),
        ):
            assert reply.status_code == status
            assert reply.json()["error"]["type"] == ("not_found" if status == 404 else "bad_field")
            assert str(ini.parent) not in reply.text


def test_list_has_a_limit(ini: Path) -> None:
    with listening(create_app(ini)) as client:
        assert [client.get("/jobs/", params={"limit": limit}).status_code for limit in (0, 1001, "9" * 5000, 1000)] == [
            422,
            422,
            422,
            200,
        ]


def test_table_that_is_damaged_is_503_and_the_service_starts(ini: Path, jobs: Jobs) -> None:
    jobs.path.parent.mkdir()
    jobs.path.write_bytes(b"no database, " * 100)
    with listening(create_app(ini)) as client:
        assert client.get("/livez").status_code == 200
        reply = client.get("/jobs/")
    assert reply.status_code == 503 and "move it away" in reply.json()["error"]["hint"]


def test_queue_goes_on_when_a_service_starts_again(ini: Path, jobs: Jobs, tmp_path: Path) -> None:
    jobs.submit(order("--config=gone.ini", cwd=tmp_path))
    with listening(create_app(ini)) as client:
        wait_until(lambda: client.get("/jobs/1").json()["state"] == "failed")
        assert client.get("/jobs/1").json()["error"] == "gone.ini: this file does not exist"


def test_jobs_need_the_api_key(ini: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTO_TRAIN_API_KEYS", "key")
    with listening(create_app(ini)) as client:
        asked = [
            ("GET", "/jobs/"),
            ("GET", "/jobs/1"),
            ("DELETE", "/jobs/1"),
            ("GET", "/jobs/1/logs"),
            ("POST", "/train/"),
        ]
        assert {client.request(*one).status_code for one in asked} == {401}
        assert client.get("/jobs/", headers={"x-api-key": "key"}).status_code == 200


def test_openapi_describes_a_job(client: httpx.Client) -> None:
    schema = client.get("/openapi.json").json()
    assert schema["components"]["schemas"]["Job"]["properties"]["state"]["enum"] == [
        "queued", "running", "done", "failed", "stopped",
    ]  # fmt: skip
    assert {"get", "delete"} <= schema["paths"]["/jobs/{number}"].keys()


def test_jobs_are_shown_without_the_paths_of_the_machine(ini: Path, jobs: Jobs, tmp_path: Path) -> None:
    run = tmp_path / "project/runs/20261121-134959-b215d2"
    jobs.submit(order(f"--config={ini}"))
    taken = jobs.claim()
    assert taken
    (jobs.folder(1) / "progress.json").write_text(json.dumps({"run": str(run), "message": f"reads {tmp_path}/data/x"}))
    (jobs.folder(1) / "log.txt").write_text(f"run  {run}\nepoch 1/3\n")
    jobs.has_ended(1, state="failed", exit_code=4, error=f"{tmp_path}/data/x.png: damaged")
    taken.lock.close()
    with listening(create_app(ini)) as client:
        job = client.get("/jobs/1").json()
        assert (job["project"], job["run"], job["progress"]["run"]) == ("project", run.name, run.name)
        assert job["error"] == "x.png: damaged" and "--config=one.ini" in job["command"]
        assert client.get("/jobs/1/logs").text == f"run  {run.name}\nepoch 1/3\n"
        for path in ("/jobs/", "/jobs/1", "/jobs/1/logs", "/ui/jobs", "/ui/jobs/1", "/ui/jobs/7"):
            assert str(tmp_path) not in client.get(path).text, path
