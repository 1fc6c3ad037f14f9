from pathlib import Path

import pytest

from auto_train.jobs import files


@pytest.mark.parametrize("content", [b"", b"[1]", b'{"stage": "tr', b"\xff\xfe", b'"text"'])
def test_progress_that_is_no_object_is_none(tmp_path: Path, content: bytes) -> None:
    assert files.read_progress(tmp_path) is None
    (tmp_path / files.TOLD).write_bytes(content)
    assert files.read_progress(tmp_path) is None


def test_next_step_is_there_for_a_run_that_can_go_on(tmp_path: Path) -> None:
    assert files.describe_next_step(None) == files.describe_next_step(tmp_path) == ""
    (tmp_path / "config.ini").touch()
    assert files.describe_next_step(tmp_path) == f"go on: python main.py train --resume {tmp_path} --detach"
