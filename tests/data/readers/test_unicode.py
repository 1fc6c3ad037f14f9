"""A name in two Unicode forms is one name, in every format; files are opened by the name that the disk has."""

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auto_train.data import Samples, assign_splits, read_samples
from auto_train.data.samples import without

ONE, TWO = unicodedata.normalize("NFC", "café"), unicodedata.normalize("NFD", "café")


def image(path: Path, value: int = 0, mode: str = "RGB") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 8, 3) if mode == "RGB" else (8, 8), value, np.uint8)).save(path)
    return path


def folders(root: Path) -> str:
    for split, form in (("train", ONE), ("val", TWO)):
        image(root / split / form / f"{form}.png", 1)
        image(root / split / "tea/b.png", 2)
    return "label"


def table(root: Path) -> str:
    image(root / TWO / "a.png", 1)
    image(root / "b.png", 2)
    image(root / "c.png", 3)
    rows = f"path,label\n{ONE}/a.png,{ONE}\nb.png,{TWO}\nc.png,tea\n"
    (root / "labels.csv").write_text(rows, encoding="utf-8")
    return "label"


def label_sets(root: Path) -> str:
    image(root / "a.png", 1)
    image(root / "b.png", 2)
    (root / "labels.csv").write_text(f"path,labels\na.png,{ONE}|tea\nb.png,{TWO}\n", encoding="utf-8")
    return "labels"


def coco(root: Path) -> str:
    image(root / TWO / "a.png")
    content = {
        "images": [{"id": 1, "file_name": f"{ONE}/a.png", "width": 8, "height": 8}],
        "categories": [{"id": 1, "name": TWO}, {"id": 2, "name": "tea"}],
        "annotations": [{"id": n, "image_id": 1, "category_id": n, "bbox": [1, 1, 4, 4]} for n in (1, 2)],
    }
    (root / "annotations.json").write_text(json.dumps(content))
    return "boxes"


def voc(root: Path) -> str:
    box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>4</xmax><ymax>4</ymax></bndbox>"
    for stem, name, other in ((ONE, TWO, ONE), ("b", "tea", "b")):
        image(root / f"JPEGImages/{other if stem == 'b' else TWO}.png")
        path = root / f"Annotations/{stem}.xml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"<annotation><object><name>{name}</name>{box}</object></annotation>", encoding="utf-8")
    image(root / "JPEGImages/c.png")
    (root / "Annotations/c.xml").write_text(
        f"<annotation><object><name>{ONE}</name>{box}</object></annotation>", encoding="utf-8"
    )
    sets = root / "ImageSets/Main"
    sets.mkdir(parents=True)
    (sets / "train.txt").write_text(f"{TWO}\nb\nc\n", encoding="utf-8")
    return "boxes"


def yolo(root: Path) -> str:
    image(root / f"images/{ONE}.png")
    (root / "labels").mkdir()
    (root / f"labels/{TWO}.txt").write_text("0 .5 .5 .5 .5\n1 .5 .5 .2 .2\n")
    (root / "data.yaml").write_text(f"names: [{TWO}, tea]\n", encoding="utf-8")
    return "boxes"


def masks(root: Path) -> str:
    image(root / f"images/{ONE}.png")
    image(root / f"masks/{TWO}.png", 1, "L")
    (root / "classes.txt").write_text(f"{TWO}\ntea\n", encoding="utf-8")
    return "mask"


FORMATS = (folders, table, label_sets, coco, voc, yolo, masks)


def classes_of(samples: Samples) -> set[str]:
    return {name for row in samples.classes for name in row} | set(samples.labels)


@pytest.mark.parametrize("stated", [None, [ONE, "tea"], [TWO, "tea"]], ids=["found", "composed", "decomposed"])
@pytest.mark.parametrize("write", FORMATS)
def test_class_in_two_unicode_forms_is_one_class(
    tmp_path: Path, write: Callable[[Path], str], stated: list[str] | None
):
    samples = read_samples(tmp_path, target=write(tmp_path), labels=stated)
    assert classes_of(samples) == {ONE, "tea"}
    assert sorted(samples.labels) == [ONE, "tea"]
    assert all(Path(samples.images.name(row)).is_file() for row in range(len(samples)))


def test_column_is_found_in_the_other_unicode_form(tmp_path: Path):
    image(tmp_path / "a.png", 1)
    image(tmp_path / "b.png", 2)
    (tmp_path / "labels.csv").write_text(f"path,{TWO}\na.png,x\nb.png,y\n", encoding="utf-8")
    assert read_samples(tmp_path, labels_file="labels.csv", label_column=ONE).labels == ["x", "y"]


def test_image_is_left_out_and_keeps_its_split_in_the_other_unicode_form(tmp_path: Path):
    samples = read_samples(tmp_path, target=table(tmp_path))
    assert len(without(samples, {f"{ONE}/a.png"})) == 2
    split = assign_splits(samples, 0.2, frozen={f"{ONE}/a.png": "valid", "b.png": "train", "c.png": "train"})
    assert split.table["split"].tolist() == ["valid", "train", "train"]
