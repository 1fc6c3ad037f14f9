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

from auto_train.errors import DataError, Interrupted, TrainingError, UsageError
from auto_train.training.run_folder import RunFolder, all_warnings, environment, replacing, write_atomically


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


def test_log_of_a_run_ends_with_it(run: RunFolder):
    with run.recording():
        pass
    logger.info("somebody else's line")
    assert "somebody" not in (run.path / "log.txt").read_text()


def write_and_raise(path: Path, error: Exception) -> None:
    with replacing(path) as part:
        part.write_bytes(b"half of the new")
        raise error


def test_file_is_replaced_whole(tmp_path: Path):
    path = tmp_path / "new" / "weights.bin"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two" and [p.name for p in path.parent.iterdir()] == ["weights.bin"]


def test_file_stays_as_it_was_when_writing_fails(tmp_path: Path):
    path = tmp_path / "weights.bin"
    write_atomically(path, b"old")
    with pytest.raises(ZeroDivisionError):
        write_and_raise(path, ZeroDivisionError())
    assert path.read_bytes() == b"old" and [p.name for p in tmp_path.iterdir()] == ["weights.bin"]


def test_folder_where_the_file_should_be_is_a_training_error(tmp_path: Path):
    (tmp_path / "weights.bin").mkdir()
    with pytest.raises(TrainingError, match=rf"{tmp_path}: cannot write weights.bin: .*irectory") as caught:
        write_atomically(tmp_path / "weights.bin", b"new")
    assert caught.value.exit_code == 4


def test_own_errors_pass_through_unchanged(tmp_path: Path):
    with pytest.raises(DataError, match="as it was"):
        write_and_raise(tmp_path / "a", DataError("as it was"))


def test_environment_names_versions_and_machine():
    import torch

    found = environment({"device": "cpu"})
    assert torch.__version__.startswith(found["libraries"]["torch"]) and found["device"] == "cpu"
    assert found["cpu_count"] == os.cpu_count() and found["python"] in sys.version


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
