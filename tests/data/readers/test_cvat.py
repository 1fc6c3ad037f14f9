from pathlib import Path

import pytest

from auto_train.data import read_samples
from auto_train.data.targets import Boxes, Masks
from auto_train.errors import DataError


@pytest.fixture
def cvat(make_files, write):
    """Return a function that writes CVAT's XML for two images and gives the folder."""

    def cvat(*shapes: str, inner: str = "", bom: str = "", image: str = 'subset="Train"') -> Path:
        make_files("images/1.png", "images/2.png")
        lines = [
            f"{bom}<annotations><version>1.1</version><meta/>",
            f'<image id="0" name="1.png" {image} width="20" height="16">',
            *shapes,
            "</image>",
            '<image id="1" name="images/2.png" subset="Validation" width="20" height="16"/>',
            f"{inner}</annotations>",
        ]
        return write("annotations.xml", *lines)

    return cvat


BOX = '<box label="car" occluded="0" xtl="2.0" ytl="3" xbr="12" ybr="8.5" z_order="0"/>'
POLYGON = '<polygon label="bus" points="1,1;5,1;5,9"/>'


@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_cvat_shapes_give_boxes_and_subsets_the_splits(cvat, bom: str) -> None:
    turned = '<box label="car" xtl="4" ytl="6" xbr="12" ybr="10" rotation="90"/>'
    mask = '<mask label="car" rle="1" left="3" top="4" width="5" height="6"/>'
    round_one = '<ellipse label="car" cx="8" cy="8" rx="2" ry="4"/>'
    folder = cvat(BOX, POLYGON, turned, mask, round_one, '<points label="car" points="1,1"/>', bom=bom)

    samples = read_samples(folder, target="boxes")

    found = samples.targets
    assert isinstance(found, Boxes) and samples.labels == ["bus", "car"]
    wanted = [[2, 3, 12, 8.5], [1, 1, 5, 9], [6, 4, 10, 12], [3, 4, 8, 10], [6, 4, 10, 12]]
    assert found.corners.round(3).tolist() == wanted and found.counts.tolist() == [5, 0]
    assert samples.table["split"].tolist() == ["train", "valid"] and "1 points" in samples.warnings[-1]


def test_cvat_outlines_give_masks(cvat) -> None:
    samples = read_samples(cvat(POLYGON, BOX), target="mask")

    assert isinstance(samples.targets, Masks) and samples.labels == ["background", "bus", "car"]
    assert samples.targets.sources[0].read()[5, 8] == 2 and not samples.targets.sources[1].read().any()
    with pytest.raises(DataError, match="painted"):
        read_samples(cvat('<mask label="a" left="3" top="4" width="5" height="6"/>'), "cvat", target="mask")


def test_cvat_problems_are_told(cvat) -> None:
    with pytest.raises(DataError) as caught:
        read_samples(cvat('<box label="car" xtl="2"/>', '<polygon label="" points="1,1;2,2;3,3"/>'), target="boxes")
    assert "1.png shape 3: <box>" in caught.value.message and "1.png shape 4: <polygon>" in caught.value.message
    with pytest.raises(DataError, match="tracks of a video") as caught:
        read_samples(cvat(inner='<track id="0"/>'), target="boxes")
    assert "CVAT for images 1.1" in caught.value.hint
