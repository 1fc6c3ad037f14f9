import numpy as np
import pytest

from auto_train.answers import ModelDescription
from auto_train.answers.segmentation import Form, mask_of, to_coco_rle
from auto_train.data.rle import decode_rle

MODEL = ModelDescription(task="segmentation", name="trees", labels=("ground", "tree", "house"))


def masks(n: int = 20, height: int = 13, width: int = 9) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 3, (n, height, width)).astype(np.uint8)


def test_answer_tells_area_and_place_of_each_class():
    mask = np.array([[0, 0, 1], [0, 0, 1]], np.uint8)
    said = Form().answer(mask, MODEL)
    assert said == {
        "areas": {"ground": pytest.approx(2 / 3), "tree": pytest.approx(1 / 3)},
        "mask": {"ground": {"size": [2, 3], "counts": [0, 4, 2]}, "tree": {"size": [2, 3], "counts": [4, 2]}},
        "model": "trees",
    }
    assert list(said["areas"]) == ["ground", "tree"]


def test_answer_is_json_and_brings_the_mask_back():
    import json

    for mask in masks():
        said = json.loads(json.dumps(Form().answer(mask, MODEL)))
        assert np.array_equal(mask_of(said, MODEL.labels), mask)
        assert sum(said["areas"].values()) == pytest.approx(1)


def test_run_lengths_are_those_of_coco():
    from pycocotools import mask as coco

    edges = [np.zeros((4, 3), bool), np.ones((4, 3), bool), np.eye(3, dtype=bool), np.ones((1, 1), bool)]
    for pixels in [*(masks() == 1), *edges]:
        rle = to_coco_rle(pixels)
        assert np.array_equal(decode_rle(rle["counts"], *rle["size"]), pixels)
        encoded = coco.frPyObjects(rle, *rle["size"])
        assert encoded["counts"] == coco.encode(np.asfortranarray(pixels.astype(np.uint8)))["counts"]


def test_difference_is_the_share_of_pixels_of_the_worst_image():
    difference = Form().difference
    expected, found = np.zeros((2, 4, 5), np.uint8), np.zeros((2, 4, 5), np.uint8)
    assert difference(expected, found) == 0
    found[1, 0, :2] = 200
    found[0, 0, 0] = 1
    assert difference(expected, found) == pytest.approx(2 / 20)
