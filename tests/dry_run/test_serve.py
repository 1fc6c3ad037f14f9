from pathlib import Path

import numpy as np
import pytest

from auto_train.config import load_config
from auto_train.dry_run.serve import answer_once
from auto_train.errors import MissingError, RequestError
from tests.serving.tiny import write_project

BLUE = np.full((9, 9, 3), (5, 5, 250), np.uint8)


def test_answer_once_is_what_the_service_answers(colours: Path, tmp_path: Path) -> None:
    assert answer_once(load_config(write_project(tmp_path, colours)), BLUE)["prediction"] == "blue"


def test_answer_once_passes_the_image_limit_and_the_postprocess_function(colours: Path, tmp_path: Path) -> None:
    more = "[testing.postprocess]\n@postprocess_function = shout\n"
    config = load_config(write_project(tmp_path, colours, more))
    assert answer_once(config, BLUE) == {"colour": "BLUE!"}


def test_answer_once_of_nothing_trained_says_so(tmp_path: Path) -> None:
    (tmp_path / "x.ini").write_text(f"[project]\nname = x\nlocation = {tmp_path}/x\n")
    with pytest.raises(MissingError, match="there is no trained model"):
        answer_once(load_config(tmp_path / "x.ini"), BLUE)


def test_answer_once_raises_what_the_service_would_send(colours: Path, tmp_path: Path) -> None:
    config = load_config(write_project(tmp_path, colours, "[testing.postprocess]\n@postprocess_function = fails\n"))
    with pytest.raises(RequestError, match="the function raised KeyError: 'nothing'"):
        answer_once(config, BLUE)
