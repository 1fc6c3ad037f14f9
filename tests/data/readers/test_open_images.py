from pathlib import Path

import pytest

from auto_train.data import read_samples
from auto_train.data.targets import Boxes
from auto_train.errors import DataError

HEADER = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside"


@pytest.fixture
def table(make_files, write):
    """Return a function that writes tables of both splits, with one image each, and gives the folder."""

    def table(*corners: str) -> Path:
        make_files("train/0a1.png", "validation/0b2.png")
        rows = [f"0a1,xclick,/m/01,1,{numbers},0,0,{number},0,0" for number, numbers in enumerate(corners)]
        write("train-annotations-bbox.csv", f"\ufeff{HEADER}", *rows, "ffff,xclick,/m/01,1,0,1,0,1,0,0,0,0,0")
        return write("validation-annotations-bbox.csv", HEADER, "0b2,xclick,/m/02,1,0.5,1,0,0.5,0,0,0,0,0")

    return table


def test_open_images_corners_are_shares_and_codes_have_names(table, write) -> None:
    folder = table("0.1,0.6,0.25,0.75", "0,1,0,1")
    write("class-descriptions-boxable.csv", "/m/01,Apple", '/m/02,"Bus, red"')

    samples = read_samples(folder, target="boxes")

    found = samples.targets
    assert isinstance(found, Boxes) and samples.labels == ["Apple", "Bus, red"]
    assert found.corners.round(3).tolist() == [[2, 4, 12, 12], [0, 0, 20, 16], [10, 0, 20, 8]]
    assert found.is_crowd.tolist() == [False, True, False]
    assert samples.table["split"].tolist() == ["train", "valid"]
    assert "1 images of the tables are not here" in samples.warnings[0]


def test_open_images_without_names_or_images_says_so(table) -> None:
    folder = table("0.1,0.6,0.25,0.75")
    assert read_samples(folder, target="boxes").labels == ["/m/01", "/m/02"]
    with pytest.raises(DataError, match=r"train-annotations-bbox.csv:2: no LabelName or no four numbers"):
        read_samples(table("0.1,x,0.25,0.75"), target="boxes")
    for path in folder.glob("*/*.png"):
        path.unlink()
    with pytest.raises(DataError, match="none of the 3 images is here"):
        read_samples(folder, "open_images", target="boxes")
