import json

import pytest

from auto_train.data import read_samples
from auto_train.data.targets import Boxes
from tests.annotations import voc_object, xml


@pytest.mark.parametrize("kind", ["coco", "voc"])
def test_shares_in_formats_of_pixels_are_scaled_by_the_image(make_files, write, kind: str) -> None:
    make_files("1.png", "2.png", "3.png")
    corners = [(0.1, 0.25, 0.6, 0.75), (0, 0, 1, 1)]
    if kind == "voc":
        for number, box in enumerate(corners, 1):
            folder = write(f"{number}.xml", "\ufeff" + xml(voc_object("a", *box)))
    else:
        images = [{"id": i, "file_name": f"{i}.png", "width": 64, "height": 48} for i in (1, 2)]
        boxes = [
            {"image_id": i, "category_id": 1, "bbox": [left, top, right - left, bottom - top]}
            for i, (left, top, right, bottom) in enumerate(corners, 1)
        ]
        content = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "a"}]}
        folder = write("a.json", json.dumps(content))

    samples = read_samples(folder, target="boxes")

    assert isinstance(samples.targets, Boxes) and samples.targets.sizes is not None
    assert samples.targets.corners.round(3).tolist() == [[2, 4, 12, 12], [0, 0, 20, 16]]  # images are 20 x 16
    assert not samples.targets.sizes.any() and any("shares" in note for note in samples.notes)


def test_shares_on_an_image_that_cannot_be_read_are_left_to_the_doctor(make_files, write) -> None:
    make_files("1.png", "2.png")
    folder = write("labels.csv", "path,x1,y1,x2,y2,label", "1.png,.1,.1,.5,.5,a", "2.png,.1,.1,.5,.5,a")
    (folder / "2.png").write_bytes(b"")

    found = read_samples(folder, target="boxes").targets
    assert isinstance(found, Boxes) and found.counts.tolist() == [1, 0]


def test_some_shares_among_pixels_stay_as_they_are(make_files, write) -> None:
    make_files("1.png")
    folder = write("labels.csv", "path,x1,y1,x2,y2,label", "1.png,.25,.25,.5,.5,a", "1.png,1,2,9,9,a")

    found = read_samples(folder, target="boxes").targets
    assert isinstance(found, Boxes) and found.corners[0].tolist() == [0.25, 0.25, 0.5, 0.5]
