"""What a training is given of boxes and masks: whole ones only, and none where something is wrong with them."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auto_train.common.read_data import DataRead, fetch_data, read_data
from auto_train.config import Config, load_config
from auto_train.data.doctor import read_exclude
from auto_train.data.targets import IGNORE, Boxes, Masks
from auto_train.errors import DataRefusedError
from tests.annotations import voc_object, xml

GOOD = (2, 2, 30, 30)
INI = "[project]\nname = t\ntype = {task}\nlocation = {folder}/project\n[training]\ndir = {folder}/data\n"


def config_of(folder: Path, task: str, *overrides: str) -> Config:
    (folder / "t.ini").write_text(INI.format(task=task, folder=folder))
    return load_config(folder / "t.ini", list(overrides))


def read(config: Config) -> DataRead:
    return read_data(config, fetch_data(config), for_training=True)


def write_image(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def write_boxes(folder: Path, *boxes: tuple[float, ...]) -> Path:
    """Write ten images with a good box each; the first one has these too."""
    for number in range(10):
        write_image(folder / f"data/{number}.png", number)
        corners = [GOOD, *(boxes if number == 0 else ())]
        text = xml(*(voc_object("cell" if at % 2 else "cap", *box) for at, box in enumerate(corners)))
        (folder / f"data/{number}.xml").write_text(text)
    return folder


def write_masks(folder: Path, first: np.ndarray) -> Path:
    """Write ten images with good masks, but for the first."""
    good = np.zeros((40, 60), np.uint8)
    good[5:20, 5:30] = 1
    for number in range(10):
        write_image(folder / f"data/images/{number}.png", number)
        (folder / "data/masks").mkdir(exist_ok=True)
        Image.fromarray(good if number else first).save(folder / f"data/masks/{number}.png")
    (folder / "data/classes.txt").write_text("background\ncell\n")
    return folder


def test_boxes_without_area_are_left_out_and_others_cut_at_the_edge(tmp_path: Path) -> None:
    found = read(config_of(write_boxes(tmp_path, (9, 9, 9, 30), (30, 10, 80, 90)), "object_detection"))
    boxes = found.samples.targets
    assert isinstance(boxes, Boxes) and boxes.counts.tolist() == [2] + [1] * 9
    assert boxes.corners[1].tolist() == [30, 10, 60, 40]
    assert {one.code for one in found.examination.findings} >= {"box_zero_area", "box_outside"}
    examined = found.examination.samples.targets
    assert isinstance(examined, Boxes) and len(examined.corners) == 12  # its pictures show what the files say


@pytest.mark.parametrize(("box", "code"), [((30, 10, 5, 20), "box_swapped"), ((100, 10, 120, 20), "box_far_outside")])
def test_training_on_boxes_that_are_wrong_is_refused_with_file_and_line(
    tmp_path: Path, box: tuple[float, ...], code: str
) -> None:
    config = config_of(write_boxes(tmp_path, box), "object_detection")
    with pytest.raises(DataRefusedError, match=r"0\.png: cell \[.*\] of 60 x 40 pixels, .*0\.xml:\d+") as refused:
        read(config)
    assert [one.code for one in refused.value.examination.errors] == [code]
    listing = tmp_path / "project/exclude.txt"
    assert read_exclude(listing) == ["0.png"]
    without = read(config_of(tmp_path, "object_detection", f"project.data.exclude={listing}"))
    assert len(without.samples) == 9


def test_masks_know_their_classes(tmp_path: Path) -> None:
    mask = np.zeros((40, 60), np.uint8)
    mask[0] = IGNORE
    found = read(config_of(write_masks(tmp_path, mask), "segmentation"))
    assert isinstance(found.samples.targets, Masks)
    assert found.samples.classes[:2] == [["background"], ["background", "cell"]]
    assert "mask_0_255" in {one.code for one in found.examination.findings}


@pytest.mark.parametrize(
    ("mask", "code", "message"),
    [
        (np.zeros((60, 40)), "mask_size", "40 x 60 pixels, the image has 60 x 40: width and height are swapped"),
        (np.full((40, 60), 7), "mask_value_unknown", r"value 7 \(allowed: 0 to 1, 255 for ignored\)"),
    ],
)
def test_training_on_masks_that_are_wrong_is_refused_with_the_file(
    tmp_path: Path, mask: np.ndarray, code: str, message: str
) -> None:
    config = config_of(write_masks(tmp_path, mask.astype(np.uint8)), "segmentation")
    with pytest.raises(DataRefusedError, match=rf"images/0\.png: .*masks/0\.png: {message}") as refused:
        read(config)
    assert [one.code for one in refused.value.examination.errors] == [code]


@pytest.mark.parametrize("kind", ["polygons", "runs"])
def test_training_on_coco_masks_for_images_of_another_size_is_refused(tmp_path: Path, kind: str) -> None:
    square = [[5, 5, 20, 5, 20, 20, 5, 20]]
    runs = {"size": [80, 120], "counts": [500, 300, 80 * 120 - 800]}
    for number in range(10):
        write_image(tmp_path / f"data/{number}.png", number)
    content = {
        "images": [{"id": at, "file_name": f"{at}.png", "width": 60, "height": 40} for at in range(10)],
        "annotations": [{"image_id": at, "category_id": 1, "segmentation": square} for at in range(10)],
        "categories": [{"id": 1, "name": "cell"}],
    }
    content["images"][0].update(width=120, height=80)
    if kind == "runs":
        content["annotations"][0]["segmentation"] = runs
    (tmp_path / "data/instances.json").write_text(json.dumps(content))

    text = r"0\.png: .*/instances\.json: 120 x 80 pixels, the image has 60 x 40"
    with pytest.raises(DataRefusedError, match=text) as refused:
        read(config_of(tmp_path, "segmentation"))

    assert [one.code for one in refused.value.examination.errors] == ["mask_size"]


def test_masks_that_are_empty_are_legal_and_told(tmp_path: Path) -> None:
    found = read(config_of(write_masks(tmp_path, np.zeros((40, 60), np.uint8)), "segmentation"))

    assert not found.examination.errors and len(found.samples) == 10
    assert [one.items[0].path for one in found.examination.findings if one.code == "mask_empty"] == ["images/0.png"]
