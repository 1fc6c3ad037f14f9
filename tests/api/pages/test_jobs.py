import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from auto_train.api import create_app
from auto_train.api.pages.jobs import overrides_in
from auto_train.config import load_config
from auto_train.errors import RequestError
from auto_train.jobs import Jobs
from auto_train.serving.service import Service
from tests.api.conftest import listening
from tests.api.pages.conftest import address
from tests.browser import Browser
from tests.tiny import write_ini


@pytest.fixture
def ini(tmp_path: Path, digit_files: Path) -> Path:
    return write_ini(tmp_path, digit_files, "")


@pytest.fixture
def trainer(ini: Path) -> Iterator[httpx.Client]:
    """Return a client of a service that may train the tiny digits; what still trains at the end is stopped."""
    with listening(create_app(service=Service.of(ini))) as client:
        yield client
    jobs = Jobs.of(load_config(ini))
    for job in jobs.list():
        jobs.stop(job.id)
    ends_by = time.monotonic() + 60
    while any(not job.is_over for job in jobs.list()) and time.monotonic() < ends_by:
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        (" \n a.b = 3 \n\nc.d=true\n", {"a.b": 3, "c.d": True}),
        ("a.b=x=y", {"a.b": "x=y"}),
    ],
)
def test_overrides_are_lines_of_the_form(text: str, found: dict[str, Any]):
    assert overrides_in(text) == found


@pytest.mark.parametrize("text", ["epochs=3", "a.b", "--a.b"])
def test_line_that_is_no_override_is_422(text: str):
    with pytest.raises(RequestError, match="changes no key"):
        overrides_in(text)


@pytest.mark.parametrize(
    ("overrides", "status", "said"),
    [
        ("training.scheme.epochs=many", 422, "epochs"),
        ("training.dir=/etc", 403, "training.dir"),
        ("training.scheme.epoch=3", 422, "epochs"),
        ("nonsense", 422, "section.key=value"),
    ],
)
def test_training_that_may_not_start_is_said_and_the_form_is_kept(
    trainer: httpx.Client, overrides: str, status: int, said: str
):
    reply = trainer.post("/ui/jobs", data={"overrides": overrides})
    assert reply.status_code == status
    assert said in reply.text and f">{overrides}</textarea>" in reply.text
    assert "Nothing was trained in the background yet." in reply.text


def test_form_of_another_site_starts_nothing(trainer: httpx.Client):
    reply = trainer.post("/ui/jobs", headers={"origin": "https://evil.example"})
    assert reply.status_code == 403
    assert "Nothing was trained" in trainer.get("/ui/jobs").text


def test_service_without_an_ini_says_what_to_type(site: httpx.Client):
    text = site.get("/ui/jobs").text
    assert "This service has no INI to train" in text and "textarea" not in text


@pytest.mark.parametrize(
    "path", ["/ui/jobs/7", "/ui/jobs/x", "/ui/jobs/-1", "/ui/jobs/" + "9" * 40, "/ui/jobs/" + "9" * 5000]
)
def test_job_that_is_not_there_is_404(trainer: httpx.Client, path: str):
    assert trainer.get(path).status_code == 404


def test_training_is_started_followed_and_stopped_by_hand(browser: Browser, trainer: httpx.Client):
    browser.fresh()
    browser.open(f"{address(trainer)}/ui/jobs")
    browser.one("#overrides").send_keys("training.scheme.epochs=5000")
    browser.one("aside button").click()
    browser.wait(lambda: browser.text(".jobs .badge") == "running", 60, why="it does not start")
    browser.wait(lambda: browser.all(".jobs progress[max='5000']"), 90, why="there is no progress")
    before = browser.one(".jobs progress").get_attribute("value")
    browser.wait(lambda: browser.run("return document.querySelector('.jobs progress')?.value") > float(before))
    browser.one("#stop-1").click()
    browser.wait(lambda: browser.text(".jobs .badge") == "stopped", 60, why="it does not stop")
    browser.one("#job-1").click()
    browser.wait(lambda: "training.scheme.epochs=5000" in browser.text("main"))
    assert "--resume" in browser.text("main")
    browser.one("#to-run").click()
    browser.wait(lambda: browser.text(".badge") == "interrupted")
    assert browser.errors() == []
