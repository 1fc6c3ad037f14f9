from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from auto_train.errors import MissingError
from auto_train.runs.listing import find_run_folder, number, read_run, run_names
from auto_train.runs.read import read_events, read_json, read_log
from tests.conftest import TrainedRun
from tests.made_runs import held, make_run, row


def test_run_of_a_real_training_is_read(digits_run: TrainedRun):
    run = read_run(digits_run.folder)
    assert (run.status, run.epochs, run.total_epochs) == ("done", 3, 3)
    assert (run.backbone, run.image_size) == ("test_resnet", "32")
    assert run.metrics.judged_by == "valid/accuracy"
    assert run.metrics.best == max(row["valid/accuracy"] for row in run.metrics.epochs)
    assert run.metrics.final["valid/accuracy"] > 0.5
    assert f"{run.started:%Y%m%d-%H%M%S}" == run.name[:15]
    assert "Best epoch" in read_log(digits_run.folder)
    assert sum(read_events(digits_run.folder)["data"]["splits"].values()) == 1797


def test_names_are_the_newest_first_without_links_files_and_hidden_folders(tmp_path: Path):
    for name in ("20260101-000000-aaaaaa", "20261121-000000-bbbbbb", ".hidden"):
        make_run(tmp_path, name)
    (tmp_path / "runs/latest").symlink_to("20261121-000000-bbbbbb")
    (tmp_path / "runs/notes.txt").touch()
    assert run_names(tmp_path) == ["20261121-000000-bbbbbb", "20260101-000000-aaaaaa"]


def test_names_without_a_project_are_none(tmp_path: Path):
    assert run_names(tmp_path / "nothing") == []


def test_status_running_is_believed_only_while_a_process_holds_the_run(tmp_path: Path):
    run = make_run(tmp_path, status="running")
    assert read_run(run).status == "killed"
    with held(run):
        assert [read_run(run).status for _ in range(3)] == ["running"] * 3
    assert read_run(run).status == "killed"


def test_looking_at_a_run_does_not_keep_a_training_from_it(tmp_path: Path):
    run = make_run(tmp_path, status="running")
    (run / ".lock").touch()
    assert read_run(run).status == "killed"
    with held(run):  # asserts that the lock was free
        pass


@pytest.mark.parametrize(("text", "status"), [("done", "done"), ("<b>", "unknown"), ("", "unknown")])
def test_status_is_one_of_the_known_words(tmp_path: Path, text: str, status: str):
    assert read_run(make_run(tmp_path, status=text)).status == status


def test_empty_folder_is_a_run_of_nothing(tmp_path: Path):
    run = read_run(tmp_path)
    assert (run.status, run.epochs, run.total_epochs, run.backbone) == ("unknown", 0, None, "")
    assert (run.metrics.judged_by, run.metrics.best) == ("", None)
    assert (read_log(tmp_path), read_events(tmp_path)) == ("", {})
    assert abs((run.started - datetime.now(UTC)).total_seconds()) < 600


def test_damaged_lines_are_counted_and_left_out_and_a_torn_last_one_is_waited_for(tmp_path: Path):
    run = make_run(tmp_path, rows=[row(1)])
    with (run / "metrics.jsonl").open("ab") as file:
        file.write(b'{"epoch": 2, "valid\n[1]\n\xff\xfe\n' + b"[" * 100_000 + b'\n{"epoch": "two"}\n\n{"epoch": 3')
    found = read_run(run)
    assert (found.epochs, found.metrics.damaged) == (1, 4)
    assert found.metrics.best == pytest.approx(0.15)


def test_version_changes_with_each_epoch_and_with_the_status(tmp_path: Path):
    run = make_run(tmp_path, rows=[row(1)])
    seen = [read_run(run).version, read_run(run).version]
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 2, "valid/accuracy": 0.5}\n')
    seen.append(read_run(run).version)
    assert read_run(run).epochs == 2
    (run / "STATUS").write_text("failed")
    seen.append(read_run(run).version)
    assert seen[0] == seen[1]
    assert len(set(seen)) == 3


@pytest.mark.parametrize(
    ("first", "judged_by", "best"),
    [
        ({"valid/mae": 3.0, "valid/loss": 1.0}, "valid/mae", 2.0),
        ({"valid/map_50": 0.3}, "valid/map_50", 0.4),
        ({"valid/loss": 1.0, "train/loss": 5.0}, "valid/loss", 0.5),
        ({"train/loss": 5.0}, "train/loss", 4.0),
        ({"ema_valid/miou": 0.1, "valid/loss": 0.1}, "ema_valid/miou", 0.2),
    ],
)
def test_best_is_the_lowest_of_errors_and_the_highest_of_metrics(
    tmp_path: Path, first: dict[str, float], judged_by: str, best: float
):
    second = {"mae": 2.0, "map_50": 0.4, "miou": 0.2, "loss": 4.0 if first.get("train/loss") else 0.2}
    later = {key: second[key.partition("/")[2]] for key in first}
    later |= {"valid/loss": 0.5} if judged_by == "valid/loss" else {}
    metrics = read_run(make_run(tmp_path, rows=[{"epoch": 1, **first}, {"epoch": 2, **later}])).metrics
    assert (metrics.judged_by, metrics.best) == (judged_by, best)


@pytest.mark.parametrize(
    ("change", "planned"),
    [
        (("", ""), 8),
        (("pretrained = false", "pretrained = true"), 9),
        (("weights = none", "weights = my.safetensors"), 9),
        (("freeze_epochs = none", "freeze_epochs = 3"), 11),
        (("minutes = none", "minutes = 5"), None),
        (("epochs = 8", "epochs = many"), None),
        (("epochs = 8", "epochs 8"), None),
        (("[project]", "[project"), 8),
    ],
)
def test_planned_epochs_are_those_of_all_stages(tmp_path: Path, change: tuple[str, str], planned: int | None):
    run = make_run(tmp_path)
    text = (run / "config.ini").read_text()
    (run / "config.ini").write_text(text.replace(*change, 1))
    assert read_run(run).total_epochs == planned


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../runs", "a/b", "..\\x", "\0", "x" * 300, ".hidden", "missing", "\ud800"]
)
def test_name_that_is_no_run_is_refused(tmp_path: Path, name: str):
    make_run(tmp_path, ".hidden")
    with pytest.raises(MissingError, match="there is no run"):
        find_run_folder(tmp_path, name)


def test_run_is_found_by_name_and_as_latest(tmp_path: Path):
    run = make_run(tmp_path)
    (tmp_path / "runs/latest").symlink_to(run.name)
    assert find_run_folder(tmp_path, run.name) == run
    assert find_run_folder(tmp_path, "latest").samefile(run)


def test_log_is_its_end_from_the_beginning_of_a_line(tmp_path: Path):
    run = make_run(tmp_path, log="".join(f"line {n}\n" for n in range(2000)))
    lines = read_log(run).splitlines()
    assert lines[-1] == "line 1999"
    assert lines[0] == f"line {2000 - len(lines)}"


@pytest.mark.parametrize("text", ["", "[]", "{", '"text"', "[" * 100_000])
def test_json_that_is_no_object_reads_as_empty(tmp_path: Path, text: str):
    (tmp_path / "facts.json").write_text(text)
    assert read_json(tmp_path / "facts.json") == {}


@pytest.mark.parametrize(
    ("value", "found"), [(1, 1.0), (0.5, 0.5), (True, None), ("1", None), (float("nan"), None), (None, None)]
)
def test_number_is_finite_or_nothing(value: Any, found: float | None):
    assert number(value) == found
