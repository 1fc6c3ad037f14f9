import contextlib
import io
from typing import Any

import numpy as np
import pytest

from auto_train.common.detection.metrics import box_arrays, count_by_class, count_by_image, find_best_threshold, hits
from auto_train.common.detection.rows import CROWD
from auto_train.data.augment.boxes import NO_BOX
from auto_train.metrics.boxes import BoxMeasure
from auto_train.metrics.measures import compute_metrics

Rows = list[list[float]]
METRICS = ("map_50_95", "map_50", "map_75")


def padded(images: list[Rows], width: int, filler: float = 0.0) -> np.ndarray:
    rows = max([len(image) for image in images] + [1])
    found = np.zeros((len(images), rows, width), np.float32)
    found[..., 0] = filler
    for i, image in enumerate(images):
        for j, row in enumerate(image):
            found[i, j] = row
    return found


def found_of(images: list[Rows]) -> np.ndarray:
    """Return found boxes: rows of corners, confidence, code."""
    return padded([sorted(image, key=lambda row: -row[4]) for image in images], 6)


def true_of(images: list[Rows]) -> np.ndarray:
    """Return true boxes: rows of code, corners."""
    return padded(images, 5, NO_BOX)


def measure(found: np.ndarray, true: np.ndarray, threshold: float = 0.5) -> BoxMeasure:
    return BoxMeasure(box_arrays(found, true, 3, threshold), "abc")


def average_precisions(found: np.ndarray, true: np.ndarray) -> dict[str, float]:
    metrics = compute_metrics(measure(found, true), len(true))
    return {name: value for name, value in metrics.items() if name in METRICS}


def pycocotools_says(found: np.ndarray, true: np.ndarray, num_classes: int) -> list[float]:
    """Return the three average precisions of the reference, in pixels of images of 1000 px."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def annotation(image: int, code: float, corners: np.ndarray, **more: Any) -> dict[str, Any]:
        left, top, right, bottom = (1000 * corners.astype(float)).tolist()
        box = [left, top, right - left, bottom - top]
        return {"image_id": image, "category_id": int(code), "bbox": box, "area": box[2] * box[3], **more}

    truth = COCO()
    truth.dataset = {
        "images": [{"id": i} for i in range(len(true))],
        "categories": [{"id": code} for code in range(num_classes)],
        "annotations": [
            annotation(i, row[0] if row[0] >= 0 else CROWD - row[0], row[1:], iscrowd=int(row[0] <= CROWD))
            for i, image in enumerate(true)
            for row in image
            if row[0] != NO_BOX
        ],
    }
    for number, one in enumerate(truth.dataset["annotations"], 1):
        one["id"] = number
    results = [
        annotation(i, row[5], row[:4], score=float(row[4])) for i, image in enumerate(found) for row in image if row[4]
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats[:3].tolist()


def scene(seed: int, images: int = 30, num_classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Return found and true boxes of a fair detector: some shifted, some of another class, some invented."""
    random = np.random.default_rng(seed)
    found, true = [], []
    for _ in range(images):
        boxes: Rows = []
        for _ in range(random.integers(0, 12)):
            left, top = random.uniform(0, 0.8, 2)
            width, height = random.uniform(0.02, 0.2, 2)
            is_crowd = random.random() < 0.1
            code = int(random.integers(num_classes))
            boxes.append([CROWD - code if is_crowd else code, left, top, left + width, top + height])
        rows: Rows = []
        for code, *corners in boxes:
            for _ in range(random.integers(0, 3)):
                size = np.array([corners[2] - corners[0], corners[3] - corners[1]] * 2)
                said = code if code >= 0 else CROWD - code
                said = int(random.integers(num_classes)) if random.random() < 0.1 else said
                moved = np.array(corners) + random.normal(0, 0.08, 4) * size
                rows.append([*moved, float(random.uniform(0.05, 1)), said])
        for _ in range(random.integers(0, 4)):
            left, top = random.uniform(0, 0.8, 2)
            rows.append([left, top, left + 0.1, top + 0.1, float(random.uniform(0.05, 0.6)), 0])
        true.append(boxes)
        found.append(rows)
    return found_of(found), true_of(true)


@pytest.mark.parametrize("seed", range(6))
def test_average_precisions_are_those_of_pycocotools(seed: int):
    found, true = scene(seed)
    ours = average_precisions(found, true)
    assert [ours[name] for name in METRICS] == pytest.approx(pycocotools_says(found, true, 3), abs=1e-4)
    assert 0.1 < ours["map_50_95"] < ours["map_50"] < 0.95


BOX = [0.1, 0.1, 0.3, 0.3]
ELSEWHERE = [0.6, 0.6, 0.9, 0.9]
CASES: dict[str, tuple[list[Rows], list[Rows]]] = {
    "nothing found in one image": ([[[*BOX, 0.9, 0]], []], [[[0, *BOX]], [[0, *BOX]]]),
    "an image without boxes": ([[[*BOX, 0.9, 0]], [[*BOX, 0.8, 0]]], [[[0, *BOX]], []]),
    "twice the same": ([[[*BOX, 0.9, 0], [*BOX, 0.8, 0]]], [[[0, *BOX]]]),
    "another class": ([[[*BOX, 0.9, 1]]], [[[0, *BOX]]]),
    "a crowd": ([[[*BOX, 0.9, 0], [0.12, 0.12, 0.2, 0.2, 0.8, 0]]], [[[CROWD, *BOX], [0, *ELSEWHERE]]]),
    "found in a crowd and right": ([[[*BOX, 0.9, 0], [*ELSEWHERE, 0.8, 0]]], [[[CROWD, *BOX], [0, *ELSEWHERE]]]),
    "a crowd of another class": ([[[*BOX, 0.9, 0]]], [[[CROWD - 1, *BOX], [0, *ELSEWHERE]]]),
    "a class that does not occur": ([[[*BOX, 0.9, 2]]], [[[0, *BOX], [1, *BOX]]]),
}


@pytest.mark.parametrize("case", CASES)
def test_average_precisions_of_odd_cases_are_those_of_pycocotools(case: str):
    found, true = found_of(CASES[case][0]), true_of(CASES[case][1])
    ours = average_precisions(found, true)
    assert [ours[name] for name in METRICS] == pytest.approx(pycocotools_says(found, true, 3), abs=1e-4)


def test_nothing_found_is_zero_and_nothing_to_find_is_no_number():
    assert average_precisions(found_of([[]]), true_of([[[1, *BOX]]])) == dict.fromkeys(METRICS, 0.0)
    assert average_precisions(found_of([[[*BOX, 0.9, 0]]]), true_of([[]])) == {}
    assert average_precisions(found_of([[]]), true_of([[[CROWD, *BOX]]])) == {}


def test_hits_take_each_true_box_once_and_crowds_not_at_all():
    found = found_of([[[*BOX, 0.9, 0], [*BOX, 0.8, 0], [*BOX, 0.7, 1], [*ELSEWHERE, 0.6, 0]], []])
    true = true_of([[[0, *BOX], [CROWD, *ELSEWHERE]], [[0, *BOX]]])
    assert hits(found, true)[..., 0].tolist() == [[1, 0, 0, -1], [-1] * 4]


def test_hits_ask_for_the_overlap_of_each_threshold():
    # Of a box a third wider than the true one three quarters overlap.
    wider = found_of([[[0.1, 0.1, 0.1 + 0.2 / 0.76, 0.3, 0.9, 0]]])
    assert hits(wider, true_of([[[0, *BOX]]]))[0, 0].tolist() == [1] * 6 + [0] * 4


def test_metrics_of_a_draw_are_those_of_its_images():
    found, true = scene(4)
    draws = np.random.default_rng(0).integers(0, len(true), (4, len(true)))
    drawn = measure(found, true)(draws)
    for i, rows in enumerate(draws):
        expected = compute_metrics(measure(found[rows], true[rows]), len(true))
        assert {name: values[i] for name, values in drawn.items()} == pytest.approx(expected)


def test_precision_and_recall_are_those_of_the_boxes_that_are_listed():
    found, true = scene(3)
    metrics, counts = compute_metrics(measure(found, true, 0.4), len(true)), count_by_image(found, true, 0.4).total()
    assert (metrics["precision"], metrics["recall"]) == pytest.approx((counts.precision, counts.recall))


def test_threshold_is_where_f1_is_highest():
    found, true = scene(5)
    best = find_best_threshold(found, true)

    def f1(threshold: float) -> float:
        return float(count_by_image(found, true, threshold).total().f1)

    tried = [f1(threshold) for threshold in np.unique(found[..., 4])]
    assert f1(best) == pytest.approx(max(tried)) and f1(best) > f1(0.9)


def test_threshold_lies_between_right_and_wrong():
    found = found_of([[[*BOX, 0.9, 0], [*ELSEWHERE, 0.3, 0]]])
    assert find_best_threshold(found, true_of([[[0, *BOX]]])) == pytest.approx(0.6)
    assert find_best_threshold(found, true_of([[[1, *BOX]]])) == 0.5


def test_counts_of_images_and_classes_are_of_the_same_boxes():
    found, true = scene(7)
    by_image, by_class = count_by_image(found, true, 0.4), count_by_class(found, true, 0.4, 3)
    assert tuple(by_image.total()) == tuple(by_class.total())
    assert (by_image.right + by_image.missed).sum() == (true[..., 0] >= 0).sum()


def test_f1_of_an_image_with_nothing_is_one_and_with_something_invented_zero():
    found, true = found_of([[], [[*BOX, 0.9, 0]], [[*BOX, 0.9, 0]]]), true_of([[], [], [[0, *BOX]]])
    assert count_by_image(found, true, 0.5).f1.tolist() == [1, 0, 1]
