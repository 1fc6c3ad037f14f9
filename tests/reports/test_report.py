"""The report of a run: made from its files alone, one page that opens offline, nothing of the data taken as HTML."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import numpy as np
import pandas as pd
import pytest

from auto_train import reports
from auto_train.reports import build_report, write_report
from tests.reports.written import change_json, epoch_row, predictions, write_lines, write_run

SCHEMA = json.loads((Path(reports.__file__).parent / "report.schema.json").read_text(encoding="utf-8"))
EVIL = "<img src=x onerror=alert(1)>\"'&amp;{{7*7}}"


class Page(HTMLParser):
    """Tags, the values of attributes that would fetch something, and the text of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [
            value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "data", "srcset")
        ]

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(run: Path) -> Page:
    return Page(write_report(run).read_text(encoding="utf-8"))


def junit_of(run: Path) -> dict[str, ElementTree.Element]:
    """Return the test cases by ``group/name``."""
    root = ElementTree.parse(run / "junit.xml").getroot()
    (suite,) = root
    cases = list(suite)
    assert suite.attrib["tests"] == str(len(cases))
    assert suite.attrib["failures"] == str(sum(case.find("failure") is not None for case in cases))
    return {f"{case.get('classname')}/{case.get('name')}": case for case in cases}


def failures(run: Path) -> list[str]:
    return [name for name, case in junit_of(run).items() if case.find("failure") is not None]


@pytest.fixture
def real(digits_run, tmp_path: Path) -> Path:
    """Return a copy of a real run's folder."""
    return Path(shutil.copytree(digits_run.folder, tmp_path / "real", symlinks=True))


# A training's own report


def test_report_of_a_training_holds_its_final_metrics(real: Path):
    report = json.loads((real / "report.json").read_text(encoding="utf-8"))
    facts = json.loads((real / "bundle/facts.json").read_text(encoding="utf-8"))
    assert report["metrics"] == facts["metrics"] and report["run"]["status"] == "done"
    assert f"{facts['metrics']['valid/accuracy']:.4f}" in (real / "report.html").read_text(encoding="utf-8")


def test_report_of_a_training_measures_as_the_training_did(real: Path):
    report = json.loads((real / "report.json").read_text(encoding="utf-8"))
    for name, ends in report["intervals"].items():
        assert ends["low"] <= report["metrics"][name] <= ends["high"], name
    assert {"valid/accuracy", "valid/f1_macro", "valid/ece", "valid/loss"} <= report["intervals"].keys()
    after = report["splits"]["valid"]["calibration"]["after"]["ece"]
    assert after == pytest.approx(report["metrics"]["valid/ece"], abs=1e-5)
    area = report["splits"]["valid"]["curves"]["roc"][0]["area"]
    assert area == pytest.approx(report["metrics"]["valid/roc_auc"], abs=1e-3)


def test_report_of_a_training_is_made_again_the_same(real: Path):
    before = json.loads((real / "report.json").read_text(encoding="utf-8"))
    again = build_report(real)
    assert again | {"run": None, "reproduce": None} == before | {"run": None, "reproduce": None}


def test_report_of_a_training_shows_its_mistakes(real: Path):
    report = json.loads((real / "report.json").read_text(encoding="utf-8"))
    mistakes = report["splits"]["valid"]["mistakes"]
    assert mistakes and all((real / item["picture"]).is_file() for item in mistakes)
    assert all(item["label"] != item["predicted"] for item in mistakes)
    confidences = [item["confidence"] for item in mistakes]
    assert confidences == sorted(confidences, reverse=True)


# Form


@pytest.mark.parametrize("parts", [{}, {"labels": ["no", "yes"]}, {"labels": [f"kind {i}" for i in range(102)]}])
def test_report_follows_its_schema_for_any_number_of_classes(tmp_path: Path, parts: dict):
    labels = parts.get("labels", ["cat", "dog", "owl"])
    run = write_run(tmp_path / "run", *predictions(306, labels), labels=labels)
    report = build_report(run)
    jsonschema.validate(report, SCHEMA)
    assert json.loads((run / "report.json").read_text(encoding="utf-8")) == report
    page = page_of(run)
    assert all(label in page.text for label in labels)


def test_real_report_follows_its_schema(real: Path):
    jsonschema.validate(build_report(real), SCHEMA)


def test_page_fetches_nothing_and_runs_nothing(run: Path):
    (run / "data_report.html").write_text("")

    page = page_of(run)
    inside = [value for value in page.fetched if not value.startswith(("data:image/", "#"))]
    assert inside == [] and "script" not in page.tags
    assert not re.search(
        r"url\((?!#)|@import|https?://(?!www\.w3\.org|example\.org)", (run / "report.html").read_text()
    )


def test_page_is_small_where_there_are_many_classes_and_pictures(tmp_path: Path):
    labels = [f"kind {i}" for i in range(300)]
    run = write_run(tmp_path / "run", *predictions(6000, labels, accuracy=0.3), labels=labels)
    assert write_report(run).stat().st_size < 1_000_000
    assert (run / "report.json").stat().st_size < 1_000_000


def test_page_links_the_data_report_where_there_is_one(run: Path):
    findings = [{"code": "exact_duplicate", "severity": "warning", "title": "3 images twice", "count": 3, "items": []}]
    (run / "data_report.json").write_text(json.dumps({"schema_version": 1, "findings": findings}))
    assert "data_report.html" not in page_of(run).fetched and "3 images twice" in page_of(run).text
    (run / "data_report.html").write_text("")
    assert "data_report.html" in page_of(run).fetched


def test_labels_paths_and_findings_are_shown_as_text(tmp_path: Path):
    labels = [EVIL, "$x^2$", "_hidden"]
    table, scores = predictions(60, labels, prefix=f"{EVIL}/")
    run = write_run(tmp_path / "run", table, scores, labels=labels, name="pets <b>")
    findings = [{"code": EVIL, "severity": "error", "title": EVIL, "count": 1, "items": []}]
    (run / "data_report.json").write_text(json.dumps({"findings": findings}))
    change_json(run / "bundle/facts.json", data={"origin": "fallback", "warning": EVIL})
    page = page_of(run)
    assert EVIL in page.text and "$x^2$" in page.text and "_hidden" in page.text
    assert "x" not in page.fetched and page.tags.count("b") == page_of(run).tags.count("b")
    assert "onerror" not in re.sub(r"&lt;img.*?onerror.*?&gt;", "", (run / "report.html").read_text())
    junit_of(run)


def test_names_that_are_no_utf8_or_no_xml_are_shown(tmp_path: Path):
    labels = ["bell \x07", "tab\t", "emoji 🦉"]
    table, scores = predictions(30, labels)
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    table["path"] = pd.Series([f"{name}/{i}.jpg" for i in range(30)], dtype=object)
    run = write_run(tmp_path / "run", table, scores, labels=labels)
    findings = [{"code": "bell \x07", "severity": "error", "title": "bell \x07", "count": 1, "items": []}]
    (run / "data_report.json").write_text(json.dumps({"findings": findings}))
    assert "caf�/" in page_of(run).text
    assert "data/bell �" in junit_of(run)


# What a report says


def test_data_that_was_not_asked_for_is_said_first(run: Path):
    change_json(run / "bundle/facts.json", data={"origin": "fallback", "warning": "builtin:digits is used instead"})
    page = page_of(run)
    assert page.text.index("builtin:digits is used instead") < page.text.index("accuracy")
    said = junit_of(run)["data/source"].find("system-out")
    assert said is not None and said.text == "builtin:digits is used instead"


def test_junit_has_metrics_and_gates_as_cases(run: Path):
    build_report(run)
    cases = junit_of(run)
    assert failures(run) == []
    assert {"run/training", "metrics/valid/accuracy", "gates/export onnx", "data/source"} <= cases.keys()
    said = cases["metrics/valid/accuracy"].find("system-out")
    assert said is not None and re.fullmatch(r"0\.\d+ \[0\.\d+, 0\.\d+\]", said.text or "")


def test_finding_that_is_an_error_fails_its_case(run: Path):
    rows = [("conflicting_labels", "error"), ("imbalance", "warning")]
    findings = [{"code": code, "severity": severity, "title": code, "count": 2, "items": []} for code, severity in rows]
    (run / "data_report.json").write_text(json.dumps({"findings": findings}))
    build_report(run)
    assert failures(run) == ["data/conflicting_labels"] and "data/imbalance" in junit_of(run)


def test_export_that_was_refused_fails_the_run(run: Path):
    lines = (run / "metrics.jsonl").read_text().splitlines()
    (run / "metrics.jsonl").write_text("\n".join(lines[:-1]) + "\n")
    (run / "STATUS").write_text("running\n")
    write_lines(run / "events.jsonl", [
        {"event": "start", "command": ["auto-train", "train"], "cwd": "/a b"},
        {"event": "export_refused", "format": "onnx", "error": "the ONNX export differs by 0.3"},
    ])  # fmt: skip
    report = build_report(run)
    jsonschema.validate(report, SCHEMA)
    assert report["run"]["status"] == "failed" and report["metrics"]
    assert failures(run) == ["run/training", "gates/export onnx"]
    assert "the ONNX export differs by 0.3" in page_of(run).text
    assert report["reproduce"]["commands"][0] == "cd '/a b'"


def test_refusal_of_an_earlier_start_is_forgotten(run: Path):
    with (run / "events.jsonl").open("a") as file:
        for event in ({"event": "export_refused", "format": "onnx", "error": "no"}, {"event": "start"}):
            file.write(json.dumps(event) + "\n")
    assert build_report(run)["run"]["status"] == "done"


@pytest.mark.parametrize(
    ("status", "statement"),
    [
        ("running", "This run is still under way, or its process was killed: 2 epochs are done"),
        ("interrupted", "This run was stopped: 2 epochs are done"),
        ("failed", "This run failed: 2 epochs are done; the finished model was not measured."),
    ],
)
def test_run_that_is_not_finished_shows_what_there_is(run: Path, status: str, statement: str):
    for name in ("evaluation.json", "env.json"):
        (run / name).unlink()
    for name in ("predictions", "bundle"):
        shutil.rmtree(run / name)
    (run / "STATUS").write_text(f"{status}\n")
    write_lines(run / "metrics.jsonl", [epoch_row(1), epoch_row(2)])
    with (run / "events.jsonl").open("a") as file:
        file.write(json.dumps({"event": status, "error": "the loss became nan in epoch 3"}) + "\n")
    report = build_report(run)
    jsonschema.validate(report, SCHEMA)
    assert report["run"]["statement"].startswith(statement) and report["metrics"] == {}
    page = page_of(run)
    assert statement in page.text and "svg" in page.tags
    assert ("the loss became nan in epoch 3" in page.text) == (status != "running")
    assert failures(run) == ["run/training"]


def test_run_that_has_only_begun_has_a_report(tmp_path: Path):
    (tmp_path / "run").mkdir()
    report = build_report(tmp_path / "run")
    jsonschema.validate(report, SCHEMA)
    assert report["run"]["status"] == "unknown" and "0 epochs are done" in page_of(tmp_path / "run").text


def test_predictions_that_are_gone_are_noted(run: Path):
    shutil.rmtree(run / "predictions")
    report = build_report(run)
    assert report["notes"] == [
        "predictions/valid.csv is missing: the metrics alone are left, without the images behind them"
    ]
    assert "predictions/valid.csv is missing" in page_of(run).text and report["metrics"]
    assert failures(run) == ["report/predictions/valid.csv"]


def test_run_of_an_earlier_version_has_its_metrics(run: Path):
    (run / "evaluation.json").unlink()
    shutil.rmtree(run / "predictions")
    report = build_report(run)
    assert (
        report["metrics"].keys() == {"valid/accuracy", "valid/loss"}
        and "evaluation.json is missing" in report["notes"][0]
    )


def test_run_that_has_gone_on_says_that_its_metrics_are_older(run: Path):
    write_lines(run / "metrics.jsonl", [epoch_row(i) for i in range(1, 6)])
    (run / "STATUS").write_text("interrupted\n")
    assert build_report(run)["notes"] == ["the metrics are of the model after epoch 3; the run has gone on since"]


def test_resumes_are_listed_with_their_changes(run: Path):
    change = {"key": "training.scheme.epochs", "before": "3", "after": "9", "effect": "re-plans the schedule"}
    with (run / "events.jsonl").open("a") as file:
        event = {"time": "2026-01-02T04:00:00+00:00", "event": "resume", "epoch": 2, "iter": 0, "changes": [change]}
        file.write(json.dumps(event) + "\n")
    page = page_of(run)
    assert "Resumed 2026-01-02 04:00 UTC, from epoch 2" in page.text and "re-plans the schedule" in page.text


def test_finder_plot_is_in_the_page(run: Path):
    assert "Learning-rate finder" not in page_of(run).text
    shutil.copy(run / next(iter(sorted((run / "predictions/valid").iterdir()))), run / "find_lr_plot.png")
    assert "Learning-rate finder" in page_of(run).text


def test_model_without_mistakes_says_so(tmp_path: Path):
    table, scores = predictions(40)
    table["predicted"], table["score"] = table["label"], 1
    page = page_of(write_run(tmp_path / "run", table, scores))
    assert "every answer on valid is right" in page.text


def test_parts_of_a_recipe_are_shown(tmp_path: Path):
    parts = [
        {"kind": "table", "title": "Boxes by size", "columns": ["size", "AP"], "rows": [["small", 0.5], ["-", None]]},
        {
            "kind": "curves", "title": "Error over angle", "x": "angle", "y": "error", "note": "in degrees",
            "lines": [{"name": "valid", "x": [0, 1], "y": [2.0, None]}],
        },
    ]  # fmt: skip
    run = write_run(tmp_path / "run", *predictions(), parts=parts)
    jsonschema.validate(build_report(run), SCHEMA)
    page = page_of(run)
    assert all(text in page.text for text in ("Boxes by size", "0.5000", "Error over angle", "in degrees"))


def test_task_without_classes_has_slices_and_mistakes(tmp_path: Path):
    table, _ = predictions(80)
    table = table[["path", "sha256", "width", "height", "brightness"]].assign(score=np.linspace(0, 9, 80))
    run = write_run(tmp_path / "run", table.assign(label="", loss=0.0), labels=["age"])
    written = (run / "evaluation.json").read_text().replace('"accuracy", "better": "max"', '"mae", "better": "min"')
    (run / "evaluation.json").write_text(written)
    report = build_report(run)
    jsonschema.validate(report, SCHEMA)
    found = report["splits"]["valid"]
    assert "classes" not in found and found["mistakes"][0]["score"] == 9 and found["slices"]
    assert "Worst mistakes" in page_of(run).text
