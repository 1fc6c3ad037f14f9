import re
import time
from pathlib import Path

import httpx
import pytest

from auto_train.api.pages.runs import RUNS_PER_PAGE
from tests.api.pages.conftest import Pages
from tests.made_runs import held, make_run, row

NAME = "20261121-134959-b215d2"
ASKED = {"hx-request": "true"}


def seen_of(text: str) -> str:
    found = re.search(r'name="seen" value="([^"]+)"', text)
    assert found
    return found[1]


def test_list_shows_status_model_epochs_best_and_date(site: httpx.Client):
    text = site.get("/ui/runs").text
    for part in ("21 Nov 2026, 13:49 UTC", "badge done", "resnet18 at&nbsp;28&nbsp;px", "8 epochs", "<b>0.8500</b>"):
        assert part in text


def test_list_without_runs_says_how_to_make_one(pages: Pages, tmp_path: Path):
    with pages(tmp_path) as client:
        text = client.get("/ui/runs").text
    assert "There is no run" in text and "python main.py train" in text


def test_two_thousand_runs_come_in_pages_and_at_once(pages: Pages, tmp_path: Path):
    for n in range(2000):
        folder = tmp_path / f"runs/20261121-{n // 3600:02}{n // 60 % 60:02}{n % 60:02}-{n:06x}"
        folder.mkdir(parents=True)
        (folder / "STATUS").write_text("done\n")
    with pages(tmp_path) as client:
        client.get("/ui/runs")
        start = time.process_time()
        first = client.get("/ui/runs")
        assert time.process_time() - start < 1.0  # it takes 0.02 s
        last = client.get("/ui/runs?page=80")
        odd = [client.get(f"/ui/runs?page={n}") for n in ("0", "-1", "9" * 50, "x", "²", "81")]
    assert first.text.count("<li ") == RUNS_PER_PAGE
    assert "page 1 of 80" in first.text and "00:33" in first.text
    assert "page 80 of 80" in last.text and "00:00" in last.text
    assert [re.search(r"page (\d+) of", reply.text)[1] for reply in odd] == ["1", "1", "1", "1", "1", "80"]  # type: ignore[index]


def test_list_is_sent_again_only_when_something_has_changed(pages: Pages, tmp_path: Path):
    run = make_run(tmp_path, rows=[row(1)])
    with pages(tmp_path) as client:
        seen = seen_of(client.get("/ui/runs").text)
        same = client.get("/ui/runs", params={"seen": seen}, headers=ASKED)
        (run / "STATUS").write_text("failed")
        other = client.get("/ui/runs", params={"seen": seen}, headers=ASKED)
    assert (same.status_code, same.text) == (204, "")
    assert "badge failed" in other.text and "<html" not in other.text


def test_run_shows_curves_metrics_log_and_report(site: httpx.Client):
    text = site.get(f"/ui/runs/{NAME}").text
    assert 'aria-label="loss over the epochs: train now 0.1875, valid now 0.2250"' in text
    assert len(re.findall('<g class="line', text)) == 4
    assert "valid f1 macro" in text and "Best epoch: 8" in text
    assert f'href="/ui/runs/{NAME}/report.html"' in text
    assert "data_report.html" not in text
    assert "hx-get" not in text  # it is over


def test_report_is_served_without_scripts_and_with_an_origin_of_its_own(site: httpx.Client):
    reply = site.get(f"/ui/runs/{NAME}/report.html")
    assert "the report" in reply.text
    policy = reply.headers["content-security-policy"]
    assert "sandbox" in policy and "script" not in policy and "default-src 'none'" in policy


@pytest.mark.parametrize(
    "path",
    [
        f"{NAME}/STATUS",
        f"{NAME}/config.ini",
        f"{NAME}/data_report.html",
        f"{NAME}/..%2f{NAME}%2freport.html",
        "..%2f..%2fetc",
        "%2e%2e",
        "%2e%2e/report.html",
        ".%00",
        "x" * 2000,
        "missing",
        "missing/report.html",
    ],
)
def test_nothing_else_of_the_disk_can_be_asked_for(site: httpx.Client, path: str):
    reply = site.get(f"/ui/runs/{path}")
    assert reply.status_code == 404
    assert "Traceback" not in reply.text


def test_report_that_links_elsewhere_is_not_followed(pages: Pages, tmp_path: Path):
    run = make_run(tmp_path)
    (tmp_path / "secret").write_text("secret")
    (run / "report.html").symlink_to(tmp_path / "secret")
    with pages(tmp_path) as client:
        assert client.get(f"/ui/runs/{NAME}/report.html").status_code == 404


def test_damaged_metrics_are_said_and_the_rest_is_shown(pages: Pages, tmp_path: Path):
    run = make_run(tmp_path, rows=[row(1), row(2)])
    with (run / "metrics.jsonl").open("a") as file:
        file.write("{{{\n")
    with pages(tmp_path) as client:
        text = client.get(f"/ui/runs/{NAME}").text
    assert "1 line of metrics.jsonl cannot be read and is left out" in text
    assert '<g class="line' in text


@pytest.mark.parametrize("status", ["failed", "interrupted", "running"])
def test_run_that_ended_early_says_why_and_how_to_go_on(pages: Pages, tmp_path: Path, status: str):
    run = make_run(tmp_path, status=status, log=f"written to {tmp_path}/models/model.pth\n")
    with (run / "events.jsonl").open("a") as file:
        file.write(f'{{"event": "{status}", "error": "the loss became <nan> in {tmp_path}/data/x.png"}}\n')
    with pages(tmp_path) as client:
        text = client.get(f"/ui/runs/{NAME}").text
    assert f"python main.py train --resume {tmp_path.name}/runs/{NAME}" in text and str(tmp_path) not in text
    assert "No epoch has ended in this run" in text
    assert ("The loss became &lt;nan&gt; in x.png" in text) is (status != "running")


def test_running_run_is_asked_about_until_it_ends(pages: Pages, tmp_path: Path):
    run = make_run(tmp_path, status="running", rows=[row(1)])
    with pages(tmp_path) as client:
        with held(run):
            page = client.get(f"/ui/runs/{NAME}")
            same = client.get(f"/ui/runs/{NAME}", params={"seen": seen_of(page.text)}, headers=ASKED)
            with (run / "metrics.jsonl").open("a") as file:
                file.write('{"epoch": 2, "train/loss": 0.5}\n')
            more = client.get(f"/ui/runs/{NAME}", params={"seen": seen_of(page.text)}, headers=ASKED)
        (run / "STATUS").write_text("done")
        end = client.get(f"/ui/runs/{NAME}", params={"seen": seen_of(more.text)}, headers=ASKED)
    assert 'hx-trigger="every 1s"' in page.text and '<progress max="8" value="1"' in page.text
    assert (same.status_code, more.status_code, end.status_code) == (204, 200, 286)
    assert 'value="2"' in more.text and "badge done" in end.text


def test_run_without_any_file_is_a_page_too(pages: Pages, tmp_path: Path):
    (tmp_path / "runs/empty").mkdir(parents=True)
    with pages(tmp_path) as client:
        assert client.get("/ui/runs/empty").status_code == 200
        assert "not begun" in client.get("/ui/runs").text
