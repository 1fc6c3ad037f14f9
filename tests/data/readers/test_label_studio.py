import json
from pathlib import Path
from typing import Any

import pytest

from auto_train.data import read_samples
from auto_train.data.targets import Boxes, LabelSets, Masks
from auto_train.errors import DataError

SIDES = {"original_width": 20, "original_height": 16}


def region(kind: str, label: str = "car", **value: object) -> dict[str, Any]:
    return {"type": f"{kind}labels", "value": {**value, f"{kind}labels": [label]}, **SIDES}


def box(label: str = "car", **more: object) -> dict[str, Any]:
    return region("rectangle", label, x=10, y=25, width=50, height=50, rotation=0, **more)


def choice(*names: str) -> dict[str, Any]:
    return {"type": "choices", "value": {"choices": [*names]}}


def task(name: str, *results: dict[str, Any], **more: object) -> dict[str, Any]:
    return {"id": 1, "data": {"image": name}, "annotations": [{"result": [*results], **more}], "predictions": []}


@pytest.fixture
def project(make_files, write):
    """Return a function that writes an export of these tasks, with three images, and gives the folder."""

    def project(*tasks: object, bom: str = "") -> Path:
        make_files("images/1.png", "images/2.png", "images/3.png")
        return write("project-1-at-2024.json", bom + json.dumps(tasks))

    return project


@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("name", ["images/{}.png", "/data/upload/1/0a1b2c3d-{}.png", "/data/local-files/?d=x%2F{}.png"])
def test_label_studio_boxes_are_percent_of_their_image(project, name: str, bom: str) -> None:
    open_task = {"data": {"image": name.format(3)}, "annotations": []}
    folder = project(task(name.format(1), box()), task(name.format(2)), open_task, bom=bom)

    samples = read_samples(folder, target="boxes")

    assert isinstance(samples.targets, Boxes)
    assert samples.targets.corners.tolist() == [[2, 4, 12, 12]] and samples.targets.counts.tolist() == [1, 0]
    assert samples.labels == ["car"] and samples.targets.sizes is not None
    assert samples.targets.sizes[0].tolist() == [20, 16]
    assert "1 tasks without an annotation" in samples.warnings[0]


def test_label_studio_json_min_gives_the_same(project) -> None:
    shape = {**box()["value"], **SIDES}
    folder = project({"image": "images/1.png", "id": 1, "label": [shape], "annotation_id": 1, "lead_time": 2.5})

    found = read_samples(folder, target="boxes").targets
    assert isinstance(found, Boxes) and found.corners.tolist() == [[2, 4, 12, 12]]

    min_choices = [{"image": f"images/{i}.png", "annotation_id": i, "choice": "ab"[i % 2]} for i in (1, 2)]
    assert read_samples(project(*min_choices)).table["label"].tolist() == ["b", "a"]


def test_label_studio_turned_boxes_labels_apart_and_outlines(project) -> None:
    apart = {"id": "r", "type": "rectangle", "value": {"x": 10, "y": 25, "width": 50, "height": 50}, **SIDES}
    label = {"id": "r", "type": "labels", "value": {"x": 10, "y": 25, "width": 50, "height": 50, "labels": ["car"]}}
    turned = region("rectangle", x=50, y=25, width=20, height=25, rotation=90)
    outline = region("polygon", points=[[10, 25], [60, 25], [60, 75]])
    folder = project(task("images/1.png", apart, label), task("images/2.png", turned), task("images/3.png", outline))

    found = read_samples(folder, target="boxes").targets
    assert isinstance(found, Boxes)
    assert found.corners.round(3).tolist() == [[2, 4, 12, 12], [6, 4, 10, 8], [2, 4, 12, 12]]

    masks = read_samples(project(task("images/3.png", outline)), target="mask").targets
    assert isinstance(masks, Masks) and masks.names == ("background", "car")
    assert masks.sources[0].read().shape == (16, 20) and 20 < masks.sources[0].read().sum() < 60


def test_label_studio_choices_are_classes_or_labels(project) -> None:
    single = project(task("images/1.png", choice("a")), task("images/2.png", choice("b")))
    assert read_samples(single).table["label"].tolist() == ["a", "b"]

    several = project(task("images/1.png", choice("a", "b")), task("images/2.png", choice("b")), task("images/3.png"))
    sets = read_samples(several, target="labels").targets
    assert isinstance(sets, LabelSets) and sets.sets == [("a", "b"), ("b",), ()]
    with pytest.raises(DataError, match="several choices: a, b") as caught:
        read_samples(several, target="label")
    assert "multilabel" in caught.value.hint


def test_label_studio_first_annotation_that_counts_is_taken(project) -> None:
    cancelled = {"result": [box("no")], "was_cancelled": True}
    both = {"data": {"image": "images/1.png"}, "annotations": [cancelled, {"result": [box()]}, {"result": []}]}

    samples = read_samples(project(both), target="boxes")

    assert samples.labels == ["car"] and "1 images were annotated several times" in samples.warnings[0]


def test_label_studio_results_that_cannot_be_used_are_all_told(project) -> None:
    nameless = {**box(), "value": {"x": 1, "y": 1, "width": 2, "height": 2}, "type": "rectanglelabels"}
    bare = {key: value for key, value in box().items() if key not in SIDES}
    folder = project(task("images/1.png", nameless, bare), task("images/9.png", box()), 3)

    with pytest.raises(DataError) as caught:
        read_samples(folder, "label_studio", target="boxes")

    for text in ("shape 1: a region without a label", "shape 2: 'rectangle' without", "9.png: no such", "task 3"):
        assert text in caught.value.message
    painted = project(task("images/1.png", region("brush", rle=[1, 2])))
    with pytest.raises(DataError, match="painted region"):
        read_samples(painted, "label_studio", target="mask")
