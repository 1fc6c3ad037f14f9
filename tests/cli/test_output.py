import io
import json
from pathlib import Path

import numpy as np
import pytest

from auto_train.cli.output import emit, wants_colour, warn


def test_emit_prints_one_json_line_of_plain_values(capsys: pytest.CaptureFixture[str]) -> None:
    emit("run", path=Path("a"), loss=float("nan"), shape=(1, 2), scalar=np.float32(0.5), text="é\n")
    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert (found.pop("schema_version"), found.pop("type")) == (1, "run")
    assert found == {"path": "a", "loss": None, "shape": [1, 2], "scalar": 0.5, "text": "é\n"}


def test_warning_goes_to_stderr_or_as_json_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    warn(["look [here]"], as_json=False)
    warn(["look [here]"], as_json=True)
    out, err = capsys.readouterr()
    assert err == "warning: look [here]\n"
    assert json.loads(out) == {"schema_version": 1, "type": "warning", "message": "look [here]"}


def test_line_is_ascii_and_keeps_what_is_no_unicode(capsys: pytest.CaptureFixture[str]) -> None:
    emit("warning", message="é\udcff")
    out = capsys.readouterr().out
    assert out.isascii() and json.loads(out)["message"] == "é\udcff"


@pytest.mark.parametrize(
    ("variables", "is_terminal", "wanted"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"TERM": "dumb"}, True, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, True, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
    ],
)
def test_colour_is_wanted_by_a_terminal_unless_a_variable_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], is_terminal: bool, wanted: bool
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    class Stream(io.StringIO):
        def isatty(self) -> bool:
            return is_terminal

    assert wants_colour(Stream()) == wanted
