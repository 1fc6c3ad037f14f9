import json
from pathlib import Path

import numpy as np
import pytest

from auto_train.cli.output import emit, warn


def test_emit_prints_one_json_line_of_plain_values(capsys: pytest.CaptureFixture[str]) -> None:
    emit("run", path=Path("a"), loss=float("nan"), shape=(1, 2), scalar=np.float32(0.5), text="é\n")
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {"type": "run", "path": "a", "loss": None, "shape": [1, 2], "scalar": 0.5, "text": "é\n"}


def test_warning_goes_to_stderr_or_as_json_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    warn(["look [here]"], as_json=False)
    warn(["look [here]"], as_json=True)
    out, err = capsys.readouterr()
    assert err == "warning: look [here]\n"
    assert json.loads(out) == {"type": "warning", "message": "look [here]"}
