"""The INIs of the original AutoTrain for boxes and masks train on data of the form they name, from file to answer."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import auto_train

INIS = Path(__file__).parent / "inis"
FILES = {
    "object_detection": "annotations/mini_open_images_train_coco_format.json",
    "segmentation": "result.json",
}
SMALL = {
    "architecture.size": 64,
    "architecture.pretrained": False,
    "training.scheme.epochs": 1,
    "training.scheme.freeze_epochs": 0,
    "training.scheme.batch_size": 4,
}


@pytest.mark.parametrize("name", FILES)
def test_original_ini_trains_and_answers(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_coco(tmp_path / "data", FILES[name])
    config = INIS / f"{name}.ini"
    overrides = SMALL | {"training.dir": str(tmp_path / "data")}
    result = auto_train.train(config, overrides)
    # 0.8 of 20 images: the hash of each decides, so about
    manifest = (result.run / "manifest.csv").read_text().splitlines()[1:]
    assert len(manifest) == 20 and 10 < sum(",train," in row for row in manifest) < 20
    answer: dict[str, Any] = auto_train.load(result.run / "bundle")(tmp_path / "data/images/000.png")
    if name == "object_detection":
        assert len(answer["boxes"]) == len(answer["labels"]) == len(answer["confidences"])
    else:
        assert set(answer["areas"]) == {"background", "Balloon"}


def write_coco(folder: Path, file: str) -> None:
    """Write 20 images with a bright square each, as boxes and polygons of one class."""
    (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    for i in range(20):
        left, top, side = 4 + i, 30 - i, 12 + i
        pixels = np.full((64, 64, 3), 30 + i, np.uint8)
        pixels[top : top + side, left : left + side] = 250 - i
        Image.fromarray(pixels).save(folder / f"images/{i:03d}.png")
        corners = [left, top, left + side, top, left + side, top + side, left, top + side]
        images.append({"id": i, "file_name": f"{i:03d}.png", "width": 64, "height": 64})
        shape = {"bbox": [left, top, side, side], "area": side * side, "segmentation": [corners], "iscrowd": 0}
        annotations.append({"id": i, "image_id": i, "category_id": 1, **shape})
    text = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "Balloon"}]}
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).write_text(json.dumps(text))
