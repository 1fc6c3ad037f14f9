"""Bad boxes in every format they come in: what a training is told of them, with file and line."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from auto_train.data.doctor.finding import KINDS
from auto_train.data.targets import Boxes
from auto_train.errors import DataError, DataRefusedError
from tests.annotations import voc_object, xml
from tests.common.test_read_data_targets import config_of, read, write_image

WIDTH, HEIGHT, IMAGES = 60, 40, 10
GOOD = (2.0, 2.0, 30.0, 30.0)
NAMES = ("cap", "cell")
FORMATS = ("coco", "csv", "objects", "voc", "yolo")


@dataclass
class Data:
    """Ten images of 60 x 40 pixels with boxes.

    Attributes:
        boxes: of each image: a name, or a number where there is no such class, and the corners.
        more: names of images that are annotated and not there.
        says: width and height that the annotations say of the first image.
    """

    boxes: list[list[tuple[Any, Sequence[Any]]]] = field(
        default_factory=lambda: [[(NAMES[number % 2], GOOD)] for number in range(IMAGES)]
    )
    more: tuple[str, ...] = ()
    says: tuple[int, int] = (WIDTH, HEIGHT)

    @property
    def names(self) -> list[str]:
        return [*(f"{number}.png" for number in range(IMAGES)), *self.more]


def write(folder: Path, format: str, data: Data) -> Path:
    """Write the images and their boxes, those of the second and later boxes of an image in lines of their own."""
    for number in range(IMAGES):
        write_image(folder / f"data/{'images/' if format == 'yolo' else ''}{number}.png", number)
    WRITERS[format](folder / "data", data)
    return folder


def write_coco(folder: Path, data: Data) -> None:
    images: list[dict[str, Any]] = [
        {"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT} for number, name in enumerate(data.names)
    ]
    images[0].update(zip(("width", "height"), data.says, strict=True))
    annotations = []
    for number, boxes in enumerate(data.boxes):
        for name, (left, top, right, bottom) in boxes:
            box = [left, top, right - left, bottom - top] if not isinstance(left, str) else [float(left), 1, 1, 1]
            category = NAMES.index(name) if name in NAMES else name
            annotations.append({"id": 1, "image_id": number, "category_id": category, "bbox": box})
    categories = [{"id": code, "name": name} for code, name in enumerate(NAMES)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "instances.json").write_text(json.dumps(content))


def write_csv(folder: Path, data: Data) -> None:
    lines = ["path,x1,y1,x2,y2,label"]
    for name, boxes in zip(data.names, [*data.boxes, *([[("cap", GOOD)]] * len(data.more))], strict=True):
        lines += [f"{name},{','.join(map(str, corners))},{label}" for label, corners in boxes] or [f"{name},,,,,"]
    (folder / "labels.csv").write_text("\n".join(lines))


def write_objects(folder: Path, data: Data) -> None:
    lines = []
    for name, boxes in zip(data.names, [*data.boxes, *([[("cap", GOOD)]] * len(data.more))], strict=True):
        found = [
            [float(left), float(top), float(right) - float(left), float(bottom) - float(top)]
            for _, (left, top, right, bottom) in boxes
        ]
        objects = {"bbox": found, "categories": [label for label, _ in boxes]}
        lines.append(json.dumps({"file_name": name, "objects": objects}))
    (folder / "metadata.jsonl").write_text("\n".join(lines))


def write_voc(folder: Path, data: Data) -> None:
    for name, boxes in zip(data.names, [*data.boxes, *([[("cap", GOOD)]] * len(data.more))], strict=True):
        width, height = data.says if name == "0.png" else (WIDTH, HEIGHT)
        size = f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
        objects = [voc_object(str(label), *corners) for label, corners in boxes]
        (folder / name).with_suffix(".xml").write_text(xml(size, *objects))


def write_yolo(folder: Path, data: Data) -> None:
    (folder / "labels").mkdir()
    for name, boxes in zip(data.names, [*data.boxes, *([[("cap", GOOD)]] * len(data.more))], strict=True):
        lines = []
        for label, corners in boxes:
            left, top, right, bottom = map(float, corners)
            code = NAMES.index(label) if label in NAMES else label
            shares = (left + right) / 2 / WIDTH, (top + bottom) / 2 / HEIGHT
            sides = (right - left) / WIDTH, (bottom - top) / HEIGHT
            lines.append(" ".join(map(str, [code, *shares, *sides])))
        (folder / "labels" / name).with_suffix(".txt").write_text("\n".join(lines))
    (folder / "classes.txt").write_text("\n".join(NAMES))


WRITERS = {"coco": write_coco, "csv": write_csv, "objects": write_objects, "voc": write_voc, "yolo": write_yolo}
# File and line, or number of the annotation, of the second box of the first image.
PLACES = {
    "coco": "instances.json:2",
    "csv": "labels.csv:3",
    "objects": "metadata.jsonl:1",
    "voc": "0.xml:5",
    "yolo": "labels/0.txt:2",
}


def with_box(corners: Sequence[Any], name: Any = "cell") -> Data:
    """Return data whose first image has this box too."""
    data = Data()
    data.boxes[0].append((name, corners))
    return data


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    ("corners", "code", "shown"),
    [
        ((50, 10, 20, 30), "box_swapped", "[50, 10, 20, 30]"),
        ((20, 30, 50, 10), "box_swapped", "[20, 30, 50, 10]"),
        ((72, 10, 84, 30), "box_far_outside", "[72, 10, 84, 30]"),
        ((12, -24, 24, -12), "box_far_outside", "[12, -24, 24, -12]"),
    ],
)
def test_boxes_nobody_knows_the_meaning_of_stop_a_training(
    tmp_path: Path, format: str, corners: tuple[float, ...], code: str, shown: str
) -> None:
    config = config_of(write(tmp_path, format, with_box(corners)), "object_detection")

    text = rf"0\.png: cell {re.escape(shown)} of 60 x 40 pixels, .*/{re.escape(PLACES[format])}\n"
    with pytest.raises(DataRefusedError, match=text) as refused:
        read(config)

    assert [one.code for one in refused.value.examination.errors] == [code] and KINDS[code].severity == "error"


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    ("corners", "code", "left"),
    [
        ((30, 10, 30, 20), "box_zero_area", []),
        ((36, 20, 72, 60), "box_outside", [[36, 20, 60, 40]]),
        (GOOD, "box_duplicate", [list(GOOD)]),
    ],
)
def test_boxes_that_are_left_out_or_cut_are_warned_about(
    tmp_path: Path, format: str, corners: tuple[float, ...], code: str, left: list[list[float]]
) -> None:
    name = "cap" if code == "box_duplicate" else "cell"
    found = read(config_of(write(tmp_path, format, with_box(corners, name)), "object_detection"))

    finding = next(one for one in found.examination.findings if one.code == code)
    assert finding.severity == "warning" and finding.items[0].message.endswith(f"/{PLACES[format]}")
    boxes = found.samples.targets
    assert isinstance(boxes, Boxes)
    assert boxes.corners[boxes.of(0)].round(3).tolist() == [list(GOOD), *left]


@pytest.mark.parametrize("format", ["coco", "voc"])
@pytest.mark.parametrize(
    ("size", "text"), [((120, 80), "120 x 80"), ((40, 60), "40 x 60 .*: width and height are swapped")]
)
def test_boxes_drawn_on_an_image_of_another_size_stop_a_training(
    tmp_path: Path, format: str, size: tuple[int, int], text: str
) -> None:
    config = config_of(write(tmp_path, format, Data(says=size)), "object_detection")

    file = PLACES[format].partition(":")[0]
    text = text.replace(" .*", " pixels, the image has 60 x 40")
    with pytest.raises(DataRefusedError, match=rf"0\.png: .*/{re.escape(file)}: {text}") as refused:
        read(config)

    assert [one.code for one in refused.value.examination.errors] == ["box_image_size"]
    listing = tmp_path / "project/exclude.txt"
    without = read(config_of(tmp_path, "object_detection", f"project.data.exclude={listing}"))
    assert without.samples.table["path"].tolist() == Data().names[1:]


@pytest.mark.parametrize("format", ["coco", "voc"])
def test_size_that_is_not_known_is_no_other_one(tmp_path: Path, format: str) -> None:
    found = read(config_of(write(tmp_path, format, Data(says=(0, 0))), "object_detection"))
    assert not found.examination.errors


@pytest.mark.parametrize(
    ("format", "name", "text"),
    [
        ("coco", 9, "instances.json: annotation 2 of 0.png: category_id 9 is not among the categories"),
        ("csv", "dgo", "labels.csv:3: 'dgo' is not among the classes"),
        ("objects", "dgo", "metadata.jsonl:1: 'dgo' is not among the classes"),
        ("objects", 7, "metadata.jsonl:1: '7' is not among the classes"),
        ("objects", -1, "metadata.jsonl:1: .* category -1 is neither a name nor a number from 0 on"),
        ("objects", None, "metadata.jsonl:1: .* category None is neither a name nor a number from 0 on"),
        ("objects", "", "metadata.jsonl:1: .* category '' is neither a name nor a number from 0 on"),
        ("voc", "dgo", "0.xml:5: 'dgo' is not among the classes"),
        ("yolo", 9, "0.txt:2: class '9' is none of the 2 classes, 0 to 1"),
        ("yolo", -1, "0.txt:2: class '-1' is none of the 2 classes, 0 to 1"),
    ],
)
def test_unknown_class_names_file_and_line(tmp_path: Path, format: str, name: object, text: str) -> None:
    folder = write(tmp_path, format, with_box((5, 5, 9, 9), name))

    with pytest.raises(DataError, match=text):
        read(config_of(folder, "object_detection", f"project.classes={json.dumps(NAMES)}"))


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("coco", "instances.json: image 11: no such image (none.png)"),
        ("csv", "labels.csv:12: no such image (none.png)"),
        ("objects", "metadata.jsonl:11: no such image (none.png)"),
        ("voc", "none.xml: no such image (none)"),
        ("yolo", "none.txt: no image of this name in "),
    ],
)
def test_image_that_is_not_there_names_file_and_line(tmp_path: Path, format: str, text: str) -> None:
    folder = write(tmp_path, format, Data(more=("none.png",)))

    with pytest.raises(DataError, match=re.escape(text)):
        read(config_of(folder, "object_detection"))


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("coco", "instances.json: annotation 2 of 0.png: bbox [nan, 1, 1, 1] is no four numbers"),
        ("csv", "labels.csv:3: no four numbers and a label: x1 'nan'"),
        ("objects", "metadata.jsonl:1: objects are no 'bbox' of four numbers"),
        ("voc", "0.xml:5: no four numbers: xmin 'nan'"),
        ("yolo", "0.txt:2: '1 nan 0.125 nan 0.1' is no class number and four numbers"),
    ],
)
def test_corner_that_is_no_number_names_file_and_line(tmp_path: Path, format: str, text: str) -> None:
    folder = write(tmp_path, format, with_box(("nan", 3, 5, 7)))

    with pytest.raises(DataError, match=re.escape(text)):
        read(config_of(folder, "object_detection"))


@pytest.mark.parametrize("format", FORMATS)
def test_images_without_a_box_are_legal_and_told(tmp_path: Path, format: str) -> None:
    data = Data()
    data.boxes[1] = data.boxes[2] = []

    found = read(config_of(write(tmp_path, format, data), "object_detection"))

    assert isinstance(found.samples.targets, Boxes)
    assert found.samples.targets.counts.tolist() == [1, 0, 0, *[1] * 7] and found.samples.warnings == ()
    finding = next(one for one in found.examination.findings if one.code == "image_without_boxes")
    assert (finding.severity, finding.count) == ("info", 2)


@pytest.mark.parametrize("format", FORMATS)
def test_data_without_any_box_is_refused(tmp_path: Path, format: str) -> None:
    folder = write(tmp_path, format, Data(boxes=[[]] * IMAGES))

    with pytest.raises(DataError, match=r"10 images(, and no box on any of them| and no annotations)"):
        read(config_of(folder, "object_detection"))
