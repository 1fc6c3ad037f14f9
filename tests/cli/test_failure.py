import errno
import re
from pathlib import Path

import pytest

from auto_train import errors
from auto_train.cli.failure import report


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError("x"), 2),
        (errors.ConfigError(["x"]), 2),
        (errors.TaskContractError("x"), 2),
        (errors.DataError("x"), 3),
        (errors.ImageError("x"), 3),
        (errors.TrainingError("x"), 4),
        (errors.GateError("x"), 5),
        (errors.MissingError("x"), 6),
        (errors.DownloadError("x"), 6),
        (errors.BundleError("x"), 6),
        (errors.ServingError("x"), 7),
        (errors.Interrupted("x"), 130),
        (KeyboardInterrupt(), 130),
        (OSError(errno.ENOSPC, "No space left on device", "/there"), 6),
        (PermissionError(errno.EACCES, "Permission denied", "/there"), 6),
        (ModuleNotFoundError("No module named 'torch'", name="torch"), 6),
    ],
)
def test_each_error_has_its_exit_code_and_no_traceback(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(error, []) == code
    text = capsys.readouterr().err
    assert text.startswith("stopped: " if code == 130 else "error: ")
    assert "Traceback" not in text
    assert "bug" not in text


def test_all_parts_of_a_message_are_shown_with_markup_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    report(errors.UsageError("got '[bold]'", where="[serve] port", allowed="1..65535", hint="see [red]"), [])
    assert capsys.readouterr().err == "error: [serve] port: got '[bold]' (allowed: 1..65535)\n  see [red]\n"


def test_bug_is_exit_1_and_names_the_log_with_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError) as caught:
        {}["missing"]
    assert report(caught.value, []) == 1
    text = capsys.readouterr().err
    assert "this is a bug of ours: KeyError: 'missing'" in text
    assert "Traceback" not in text
    log = Path(re.search(r"the traceback is in (\S+);", text).group(1))  # type: ignore[union-attr]
    assert "Traceback" in log.read_text()
    log.unlink()


def test_bug_with_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(KeyError("missing"), ["train", "--debug"]) == 1
    assert "KeyError: 'missing'" in capsys.readouterr().err


def test_package_that_is_not_installed_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    report(ModuleNotFoundError("No module named 'torch'", name="torch"), [])
    expected = "error: the package 'torch' is not installed\n  what else is missing: auto-train doctor\n"
    assert capsys.readouterr().err == expected
    assert (
        report(ModuleNotFoundError("No module named 'auto_train.nothing'", name="auto_train.nothing"), ["--debug"]) == 1
    )
