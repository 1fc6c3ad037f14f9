import io
from pathlib import Path

from auto_train.jobs.log import Log, Output


def test_output_goes_into_the_log_and_what_it_says_to_programs_is_kept(tmp_path: Path) -> None:
    warning, run = b'{"type": "warning", "message": "w"}\n', b'{"type": "run", "run": 1}\n'
    stdout = warning + run + b'mine\n{"x": 1}\n[1]\n{"type": "run", "run": 2}'
    output = Output(Log(tmp_path / "log"), io.BytesIO(stdout), io.BytesIO(b"epoch 1\rcaf\xe9"))
    output.wait(5)
    assert output.said == {"warning": {"type": "warning", "message": "w"}, "run": {"type": "run", "run": 2}}
    logged = (tmp_path / "log").read_bytes()
    # The two streams are read side by side: lines of one may come between those of the other.
    assert all(part in logged for part in (b"epoch 1\rcaf\xe9", b"mine\n", b'{"x": 1}\n', b"[1]\n"))
    assert b"run" not in logged


def test_log_that_is_full_says_so_once_and_takes_no_more(tmp_path: Path) -> None:
    log = Log(tmp_path / "log", largest=5)
    for _ in range(3):
        log.write(b"abc")
    assert (tmp_path / "log").read_text() == "abcab\n(the rest is left out: the log is full)\n"


def test_log_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    log = Log(tmp_path / "none" / "log")
    log.write(b"x")
    assert not (tmp_path / "none").exists()
