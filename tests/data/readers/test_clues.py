import json
from pathlib import Path

import pytest

from auto_train.data import read_samples
from auto_train.data.readers.clues import clues
from auto_train.errors import DataError


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("p.json", '{"pictures": [], "annotations": []}', ["p.json", "pictures", "needs images, categories"]),
        ("p.json", "hello", ["not JSON"]),
        ("deep/p.json", '{"annotations": [{"segments_info": []}]}', ["deep/p.json", "panoptic", "instances"]),
        ("p.json", '{"annotations": [{"image_id": 1, "caption": "a cat"}]}', ["captions"]),
        ("export.ndjson", '{"data_row": {}, "Labeled Data": 1}', ["Labelbox", "COCO"]),
        ("p.json", '{"objects": [{"classTitle": "a"}]}', ["Supervisely"]),
        ("p.xml", "<dataset><images/></dataset>", ["<dataset>", "Pascal VOC"]),
        ("labels/other.txt", "0 .5 .5 .1 .1", ["labels/other.txt", "stems of the images"]),
        ("labels/1.txt", "0.5;0.5;300;200 car", ["0.5;0.5;300;200 car", "centre x"]),
        ("train/_classes.csv", "filename, a, b", ["Roboflow", "--task multilabel"]),
        ("p.csv", "a,b", ["columns a, b"]),
    ],
)
def test_clue_names_the_file_and_what_it_is(write, name: str, content: str, words: list[str]) -> None:
    (found,) = clues(write(name, content))

    assert all(word in found for word in words)


def test_clues_leave_other_text_alone_and_see_masks(make_files, write) -> None:
    make_files("train/1.png", "train_masks/1_mask.png")
    folder = write("README.txt", "Taken in 2019 by me")

    (found,) = clues(folder)

    assert found.startswith("train_masks/:") and "annotations_file" in found


def test_unknown_data_is_told_with_its_clue_or_with_what_it_is_annotated_with(make_files, write) -> None:
    make_files("images/1.png", "images/2.png")
    folder = write("p.xml", "<dataset/>")
    with pytest.raises(DataError, match="one class only") as caught:
        read_samples(folder)
    with pytest.raises(DataError, match="no known data format") as caught:
        read_samples(folder, target="boxes")
    assert "p.xml: " in caught.value.hint and "<dataset>" in caught.value.hint

    images = [{"id": 1, "file_name": "1.png", "width": 20, "height": 16}]
    boxes = [{"image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 9], "segmentation": []}]
    content = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "a"}]}
    write("a.json", json.dumps(content))
    for target in ("label", "mask"):
        with pytest.raises(DataError) as caught:
            read_samples(folder, target=target)
        assert "boxes (coco): [project] type = object_detection" in caught.value.hint
    with pytest.raises(DataError, match="there are boxes only") as caught:
        read_samples(folder, "coco", target="mask")
    assert "remove" not in caught.value.hint


def test_annotations_in_folders_of_other_names_are_found(make_files, write, tmp_path: Path) -> None:
    make_files("images/1.png")
    write("yolo/1.txt", "0 .5 .5 1 1")
    folder = write("classes.txt", "a")
    assert read_samples(folder, target="boxes").labels == ["a"]

    (folder / "yolo/1.txt").unlink()
    voc = "<annotation><object><name>b</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>3</xmax><ymax>3</ymax></bndbox>"
    write("xmls/1.XML", f"{voc}</object></annotation>")
    assert read_samples(folder, target="boxes").labels == ["b"]

    (folder / "xmls/1.XML").unlink()
    images = [{"id": 1, "file_name": "1.png"}]
    boxes = [{"image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 9]}]
    content = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "c"}]}
    write("ground_truth/a.json", json.dumps(content))
    assert read_samples(folder, target="boxes").labels == ["c"]
