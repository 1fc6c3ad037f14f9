from pathlib import Path

import pytest

from auto_train.proposal.target import find_telling_name


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("/d/bears/images", "bears"),
        ("/d/bears/Images/train", "bears"),
        ("/d/bears/dataset/data", "bears"),
        ("/d/flowers_240", "flowers_240"),
        ("/d/trains", "trains"),
        ("/data/images", "images"),  # nothing above it says more
    ],
)
def test_project_is_called_after_the_next_folder_with_a_name_of_its_own(folder: str, name: str) -> None:
    assert find_telling_name(Path(folder)) == name


def test_project_is_not_called_after_the_user() -> None:
    assert find_telling_name(Path.home() / "images") == "images"


def test_project_is_called_after_the_only_folder_in_one_of_a_general_name(tmp_path: Path) -> None:
    (tmp_path / "dataset/leaves/train/a").mkdir(parents=True)
    (tmp_path / "dataset/leaves/train/b").mkdir()
    assert find_telling_name(tmp_path / "dataset") == "leaves"
