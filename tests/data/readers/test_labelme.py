import json
from pathlib import Path

import pytest

from auto_train.data import read_samples
from auto_train.data.targets import Boxes, Masks
from auto_train.errors import DataError


@pytest.fixture
def labelme(make_files, write):
    """Return a function that writes one file with these shapes beside an image and gives the folder."""

    def labelme(*shapes: tuple[str, str, list], name: str = "1", image: str = "1.png", bom: str = "") -> Path:
        make_files(image)
        found = [{"label": label, "points": points, "shape_type": kind} for label, kind, points in shapes]
        content = {"version": "5.2", "flags": {}, "shapes": found, "imagePath": f"..\\x\\{Path(image).name}"}
        return write(f"{name}.json", bom + json.dumps({**content, "imageHeight": 16, "imageWidth": 20}))

    return labelme


@pytest.mark.parametrize(
    ("name", "image"), [("1", "1.png"), ("labels/1", "images/1.png"), ("train/a", "train/1.png"), ("1", "images/1.png")]
)
def test_labelme_shapes_give_boxes(labelme, name: str, image: str) -> None:
    shapes = [
        ("a", "rectangle", [[12, 8], [2, 3]]),
        ("b", "polygon", [[1, 1], [5, 1], [5, 9]]),
        ("a", "circle", [[8, 8], [8, 10]]),
        ("a", "point", [[1, 1]]),
    ]
    samples = read_samples(labelme(*shapes, name=name, image=image, bom="\ufeff"), target="boxes")

    assert isinstance(samples.targets, Boxes) and samples.labels == ["a", "b"]
    assert samples.targets.corners.tolist() == [[2, 3, 12, 8], [1, 1, 5, 9], [6, 6, 10, 10]]
    assert samples.targets.sizes is not None and samples.targets.sizes.tolist() == [[20, 16]]
    assert "1 point" in samples.warnings[-1]
    assert samples.table["split"].tolist() == ["train" if name.startswith("train") else ""]


def test_labelme_outlines_give_masks(labelme) -> None:
    samples = read_samples(labelme(("a", "polygon", [[2, 2], [12, 2], [12, 10], [2, 10]])), target="mask")

    assert isinstance(samples.targets, Masks) and samples.labels == ["background", "a"]
    assert samples.targets.sources[0].read()[5, 5] == 1 and samples.targets.sources[0].read()[0, 0] == 0


def test_labelme_shapes_that_are_none_are_told(labelme, write) -> None:
    folder = labelme(("", "polygon", [[1, 1]]), ("a", "polygon", [[1, 1], [2, 2]]), ("a", "rectangle", [["x", 1]]))
    write("2.json", json.dumps({"shapes": [], "imagePath": "2.png"}))

    with pytest.raises(DataError) as caught:
        read_samples(folder, target="boxes")

    for text in (
        "shape 1: a shape without a label",
        "shape 2: 'polygon' with 2 points",
        "shape 3: points",
        "2.png: no",
    ):
        assert text in caught.value.message

    (folder / "2.json").unlink()
    with pytest.raises(DataError, match="painted"):
        read_samples(labelme(("a", "mask", [[1, 1], [5, 5]])), "labelme", target="mask")
