"""The report of a run: made from its files alone, one page that opens offline, nothing of the data taken as HTML."""

import json
import re
import shutil
from pathlib import Path

import pytest

from auto_train.reports import write_report
from auto_train.reports.report import draw_curves


@pytest.fixture
def run(digits_run, tmp_path: Path) -> Path:
    """Return a copy of a real run's folder."""
    return Path(shutil.copytree(digits_run.folder, tmp_path / "run", symlinks=True))


def test_report_of_a_run_holds_its_final_metrics(run: Path):
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    facts = json.loads((run / "bundle" / "facts.json").read_text(encoding="utf-8"))
    assert report["schema_version"] == 1 and report["metrics"] == facts["metrics"]
    assert f"{facts['metrics']['valid/accuracy']:.4f}" in (run / "report.html").read_text(encoding="utf-8")


def test_report_page_fetches_nothing(run: Path):
    page = (run / "report.html").read_text(encoding="utf-8")
    # xmlns and the like name schemas; only src, href and url() would fetch.
    assert not re.findall(r"""(?:src|href)=["']?https?:|url\(["']?https?:|<script|@import""", page)


def test_report_shows_labels_and_warnings_as_text(run: Path):
    for file, change in [("model/config.json", {"labels": ["<b>one</b>", "two"]}), ("facts.json", {})]:
        path = run / "bundle" / file
        content = json.loads(path.read_text(encoding="utf-8")) | change
        if file == "facts.json":
            content["data"]["warning"] = "<script>alert(1)</script>"
        path.write_text(json.dumps(content), encoding="utf-8")
    page = write_report(run).read_text(encoding="utf-8")
    assert "&lt;b&gt;one&lt;/b&gt;" in page and "<script>" not in page


def test_report_says_which_data_was_really_used(run: Path):
    path = run / "bundle" / "facts.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    facts["data"] = {"origin": "fallback", "warning": "builtin:digits is used instead"}
    path.write_text(json.dumps(facts), encoding="utf-8")
    assert "builtin:digits is used instead" in write_report(run).read_text(encoding="utf-8")


def test_curves_are_drawn_for_two_epochs_and_left_out_for_one():
    epochs = [{"train/loss": 2.0, "valid/loss": 2.1}, {"train/loss": 1.0, "valid/loss": None}]
    assert draw_curves("loss", epochs).startswith("<svg")
    assert draw_curves("loss", epochs[:1]) == ""
    assert draw_curves("accuracy", epochs) == ""
