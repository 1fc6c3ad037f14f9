import json
from pathlib import Path
from typing import Any

import pytest

from auto_train.data import read_samples
from auto_train.data.targets import Boxes, Masks
from auto_train.errors import DataError

HEADER = "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes"
RECT = {"name": "rect", "x": 2, "y": 3, "width": 10, "height": 5}
POLYGON = {"name": "polygon", "all_points_x": [1, 5, 5], "all_points_y": [1, 1, 9]}


def region(shape: dict[str, Any], **attributes: object) -> dict[str, Any]:
    return {"shape_attributes": shape, "region_attributes": attributes}


def cell(content: object) -> str:
    return '"' + json.dumps(content).replace('"', '""') + '"'


@pytest.fixture
def via(make_files, write):
    """Return a function that writes an export of two images, the second without a region, and gives the folder."""

    def via(kind: str, *regions: dict[str, Any], bom: str = "") -> Path:
        make_files("images/1.png", "images/2.png")
        if kind == "csv":
            lines = [
                f"1.png,9,{{}},2,0,{cell(one['shape_attributes'])},{cell(one['region_attributes'])}" for one in regions
            ]
            return write("via_export_csv.csv", bom + HEADER, *lines, "2.png,9,{},0,0,{},{}")
        files = {"1.png9": {"filename": "1.png", "regions": [*regions]}, "2.png9": {"filename": "2.png", "regions": []}}
        return write("via.json", bom + json.dumps({"_via_img_metadata": files} if kind == "project" else files))

    return via


@pytest.mark.parametrize("kind", ["csv", "json", "project"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_via_regions_give_boxes(via, kind: str, bom: str) -> None:
    circle = {"name": "circle", "cx": 8, "cy": 8, "r": 2}
    regions = [
        region(RECT, **{"class": "car"}),
        region(POLYGON, **{"class": "bus"}),
        region(circle, **{"class": "car"}),
    ]

    samples = read_samples(via(kind, *regions, bom=bom), target="boxes")

    assert isinstance(samples.targets, Boxes) and samples.labels == ["bus", "car"]
    assert samples.targets.corners.tolist() == [[2, 3, 12, 8], [1, 1, 5, 9], [6, 6, 10, 10]]
    assert samples.targets.counts.tolist() == [3, 0]


def test_via_class_is_the_attribute_that_is_meant(via) -> None:
    regions = [region(RECT, type={"car": True, "bus": False}, colour="red"), region(RECT, type="bus", colour="blue")]
    assert read_samples(via("json", *regions), target="boxes").labels == ["bus", "car"]
    assert read_samples(via("json", *regions), target="boxes", label_column="colour").labels == ["blue", "red"]
    with pytest.raises(DataError, match=r"no region has an attribute 'color'.*colour"):
        read_samples(via("json", *regions), target="boxes", label_column="color")
    with pytest.raises(DataError, match="several attributes may be the class: make, colour"):
        read_samples(via("json", region(RECT, make="x", colour="y")), target="boxes")
    with pytest.raises(DataError, match="no region has an attribute"):
        read_samples(via("json", region(RECT)), target="boxes")


def test_via_outlines_give_masks_and_odd_regions_are_told(via) -> None:
    samples = read_samples(via("csv", region(POLYGON, name="a"), region({"name": "point"}, name="a")), target="mask")
    assert isinstance(samples.targets, Masks) and samples.labels == ["background", "a"]
    assert samples.targets.sources[0].read().shape == (16, 20) and "1 point" in samples.warnings[-1]

    with pytest.raises(DataError) as caught:
        read_samples(
            via("csv", region({"name": "rect"}, name="a"), region(RECT, name=""), region(RECT, name="b")),
            target="boxes",
        )
    assert "1.png shape 2: 'rect' without its numbers" in caught.value.message
    assert "1.png shape 3: a region without a class" in caught.value.message
