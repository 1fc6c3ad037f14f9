from pathlib import Path

import pytest

from auto_train.jobs import files


@pytest.mark.parametrize("content", [b"", b"[1]", b'{"stage": "tr', b"\xff\xfe", b'"text"'])
def test_progress_that_is_no_object_is_none(tmp_path: Path, content: bytes) -> None:
    assert files.told(tmp_path) is None
    (tmp_path / files.TOLD).write_bytes(content)
    assert files.told(tmp_path) is None


def test_metrics_are_those_of_the_last_whole_line(tmp_path: Path) -> None:
    assert files.metrics(None) == files.metrics(tmp_path) == {}
    lines = '{"epoch": 1, "valid/accuracy": 0.5}\n{"epoch": 2, "valid/accuracy": 0.75, "lr": 1}\n{"epoch": 3, "valid'
    (tmp_path / "metrics.jsonl").write_text(lines)
    assert files.metrics(tmp_path) == {"valid/accuracy": 0.75}


def test_tail_of_a_log_begins_with_a_line_and_takes_any_encoding(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert files.tail(log, 10) == ""
    log.write_bytes("première\nzweite\n".encode("latin-1"))
    assert files.tail(log, 100) == "premi\ufffdre\nzweite\n"
    assert files.tail(log, 9) == "zweite\n"
    log.write_bytes(b"x" * 50)
    assert files.tail(log, 10) == "x" * 11


def test_next_step_is_there_for_a_run_that_can_go_on(tmp_path: Path) -> None:
    assert files.next_step(None) == files.next_step(tmp_path) == ""
    (tmp_path / "config.ini").touch()
    assert files.next_step(tmp_path) == f"go on: python main.py train --resume {tmp_path} --detach"
