import json
import math
import os
import re
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from loguru import logger

from auto_train.cores import num_cores
from auto_train.errors import DataError, Interrupted, MissingError, TrainingError, UsageError
from auto_train.files import write_atomically
from auto_train.runs.folder import RunFolder, all_warnings, environment


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "project")


def status(run: RunFolder) -> str:
    return (run.path / "STATUS").read_text().strip()


def events(run: RunFolder) -> list[dict]:
    return [json.loads(line) for line in (run.path / "events.jsonl").read_text().splitlines()]


def test_run_is_named_by_time_and_an_id_and_latest_points_at_it(tmp_path: Path):
    first, second = RunFolder.create(tmp_path), RunFolder.create(tmp_path)
    assert re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{6}", first.path.name) and first.path != second.path
    assert first.checkpoints.is_dir() and first.bundle == first.path / "bundle"
    link = tmp_path / "runs" / "latest"
    assert link.is_symlink() and link.resolve() == second.path.resolve()
    assert not link.readlink().is_absolute()  # a project may be moved


def test_run_in_a_folder_that_is_a_file_is_a_usage_error(tmp_path: Path):
    (tmp_path / "project").write_text("")
    with pytest.raises(UsageError, match=rf"{tmp_path}/project/runs: no run folder can be made: .*\n.*location"):
        RunFolder.create(tmp_path / "project")


def test_json_holds_plain_values_and_no_nan(run: RunFolder):
    path = run.write_json("facts.json", {"path": run.path, "nan": math.nan, "umlaut": "ü"})
    assert json.loads(path.read_text(encoding="utf-8")) == {"path": str(run.path), "nan": None, "umlaut": "ü"}


def write_config(run: RunFolder) -> None:
    (run.path / "config.ini").write_text("[project]\n")


def test_run_is_opened_by_its_folder_and_by_latest(run: RunFolder):
    write_config(run)
    assert RunFolder.open(run.path).path == run.path.resolve()
    assert RunFolder.open(run.path.parent / "latest").path == run.path.resolve()


def test_folder_that_is_no_run_is_refused_with_the_run_that_was_meant(run: RunFolder, tmp_path: Path):
    write_config(run)
    with pytest.raises(MissingError, match=r"nowhere: there is no such run\n  name a folder below") as caught:
        RunFolder.open(tmp_path / "nowhere")
    assert caught.value.exit_code == 6
    for place in (run.path.parent, run.path.parent.parent):
        with pytest.raises(UsageError, match=rf"{place}: this is no run folder\n  did you mean .*/runs/latest\?"):
            RunFolder.open(place)
    run.bundle.mkdir()
    with pytest.raises(UsageError, match=rf"this is no run folder\n  did you mean {run.path.resolve()}\?"):
        RunFolder.open(run.bundle)
    with pytest.raises(UsageError, match=r"this is no run folder\n  name a folder below"):
        RunFolder.open(tmp_path)


def test_run_without_a_config_cannot_go_on(run: RunFolder):
    with pytest.raises(UsageError, match=r"ended before its config was written.*\n  start it again with --config=INI"):
        RunFolder.open(run.path)


def test_path_of_a_run_is_shown_as_a_command_here_needs_it(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert run.shown == str(run.path)
    monkeypatch.chdir(tmp_path)
    assert run.shown == f"project/runs/{run.path.name}"


def test_leftovers_of_a_killed_process_are_removed(run: RunFolder):
    run.append("metrics.jsonl", {"epoch": 1})
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 2, "lo')
    for name in (".STATUS.17-abc.part", "checkpoints/.last.ckpt.17-abc.part"):
        (run.path / name).write_text("half")
    (run.checkpoints / "last.ckpt").write_text("whole")
    run.clean()
    assert (run.path / "metrics.jsonl").read_text() == '{"epoch": 1}\n'
    assert sorted(path.name for path in run.path.rglob("*")) == ["checkpoints", "last.ckpt", "metrics.jsonl"]


def test_lines_are_appended(run: RunFolder):
    run.append("metrics.jsonl", {"epoch": 1})
    run.append("metrics.jsonl", {"epoch": 2, "loss": math.inf})
    lines = (run.path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"epoch": 1}, {"epoch": 2, "loss": None}]


def test_status_is_running_then_done(run: RunFolder):
    with run.recording():
        assert status(run) == "running"
        logger.info("hello")
    assert status(run) == "done"
    assert [event["event"] for event in events(run)] == ["start", "done"]
    assert "hello" in (run.path / "log.txt").read_text()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (DataError("no images"), "failed"),
        (ZeroDivisionError("oops"), "failed"),
        (KeyboardInterrupt(), "interrupted"),
        (Interrupted("stopped after 2 epochs"), "interrupted"),
    ],
)
def test_status_tells_how_the_run_ended(run: RunFolder, error: BaseException, expected: str):
    with pytest.raises(type(error)), run.recording():
        raise error
    assert status(run) == expected
    assert events(run)[-1]["event"] == expected and events(run)[-1]["error"] == str(error)
    assert type(error).__name__ in (run.path / "log.txt").read_text()


@pytest.mark.parametrize("has_begun", [False, True])
def test_resume_that_is_refused_leaves_the_status_as_it_was(run: RunFolder, has_begun: bool):
    run.set_status("done")

    def resume() -> None:
        with run.recording(resumed=True):
            assert run.status == "done"
            if has_begun:
                run.begin()
                assert run.status == "running"
            raise DataError("the data has changed")

    with pytest.raises(DataError):
        resume()
    assert run.status == ("failed" if has_begun else "done")
    assert "the data has changed" in (run.path / "log.txt").read_text()


def test_log_of_a_resumed_run_goes_on(run: RunFolder):
    for text in ("first", "second"):
        with run.recording(resumed=text == "second"):
            run.begin()
            logger.info(text)
    assert [event["event"] for event in events(run)] == ["start", "done"] * 2
    assert re.search(r"first\n(.*\n)*.*second\n", (run.path / "log.txt").read_text())


def test_start_of_a_run_is_recorded_with_its_place(run: RunFolder):
    with run.recording():
        pass
    start = events(run)[0]
    assert start["cwd"] == str(Path.cwd()) and start["pid"] == os.getpid() and start["command"] == sys.argv


def test_log_of_a_run_ends_with_it(run: RunFolder):
    with run.recording():
        pass
    logger.info("somebody else's line")
    assert "somebody" not in (run.path / "log.txt").read_text()


def test_environment_names_versions_and_machine():
    import torch

    found = environment({"device": "cpu"})
    assert torch.__version__.startswith(found["libraries"]["torch"]) and found["device"] == "cpu"
    assert found["cpu_count"] == num_cores() and found["python"] in sys.version


def test_warnings_are_kept_once_in_order():
    assert all_warnings(["b", "a"], ["a", "c"]) == ("b", "a", "c")


@contextmanager
def full_disk_at(size: int) -> Iterator[None]:
    """Let writing past this size fail: with EFBIG, where a full disk gives ENOSPC."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("name", ["weights.bin", "metrics.jsonl", "env.json", "anything"])
def test_full_disk_is_a_training_error_and_leaves_the_old_file(run: RunFolder, name: str):
    write_atomically(run.path / "weights.bin", b"old")
    writes = {
        "weights.bin": lambda: write_atomically(run.path / "weights.bin", bytes(9000)),
        "metrics.jsonl": lambda: run.append("metrics.jsonl", {"text": "x" * 9000}),
        "env.json": lambda: run.write_json("env.json", {"text": "x" * 9000}),
        "anything": lambda: (run.path / "anything").write_bytes(bytes(9000)),  # as a library would
    }

    def write() -> None:
        with full_disk_at(3000), run.recording():
            writes[name]()

    match = rf"{run.path}: cannot write .*: File too large\n  free some space there"
    with pytest.raises(TrainingError, match=match) as caught:
        write()
    assert caught.value.exit_code == 4 and status(run) == "failed"
    assert (run.path / "weights.bin").read_bytes() == b"old"
    assert not [path.name for path in run.path.iterdir() if path.suffix == ".part"]


def test_disk_too_full_for_the_log_does_not_hide_the_error(run: RunFolder):
    def fail() -> None:
        with run.recording(), full_disk_at(1):
            logger.info("a line that cannot be written")
            raise DataError("what really happened")

    with pytest.raises(DataError, match="what really happened"):
        fail()


def test_other_errors_of_the_system_pass_through(run: RunFolder):
    def fail() -> None:
        with run.recording():
            (run.path / "nowhere" / "file").write_text("")

    with pytest.raises(FileNotFoundError):
        fail()
