import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auto_train.data import read_samples
from auto_train.data.rle import encode_rle, rle_text
from auto_train.data.targets import Boxes, Masks
from auto_train.errors import DataError

SQUARE = [2, 3, 7, 3, 7, 9, 2, 9]
CATEGORIES = [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}]


def image(key: int, name: str, **more: object) -> dict[str, Any]:
    return {"id": key, "file_name": name, "width": 20, "height": 16, **more}


def annotation(image_id: int, category_id: object = 3, bbox: object = (1, 2, 3, 4), **more: object) -> dict[str, Any]:
    return {"id": 1, "image_id": image_id, "category_id": category_id, "bbox": bbox, **more}


@pytest.fixture
def write_coco(write, make_files):
    """Return a function that writes a COCO file beside its images and gives the folder."""

    def write_coco(images: list, annotations: list, name: str = "train/_annotations.coco.json", **more: object) -> Path:
        make_files(*(str(Path(name).parent / one["file_name"]) for one in images if "none" not in one["file_name"]))
        content = {"images": images, "annotations": annotations, "categories": CATEGORIES, **more}
        return write(name, json.dumps(content))

    return write_coco


def test_coco_boxes_are_corners_with_classes_by_id(write_coco) -> None:
    images = [image(5, "a.png"), image(6, "b.png")]
    folder = write_coco(images, [annotation(6, 7, [1.5, 2, 3, 4], iscrowd=1), annotation(6, 3, [9, 9, 0, -1])])

    samples = read_samples(folder, target="boxes")

    found = samples.targets
    assert isinstance(found, Boxes)
    assert samples.labels == ["cat", "dog"]
    assert found.corners.tolist() == [[1.5, 2, 4.5, 6], [9, 9, 9, 8]]
    assert found.codes.tolist() == [1, 0] and found.is_crowd.tolist() == [True, False]
    assert found.ends.tolist() == [0, 2] and found.lines.tolist() == [1, 2]
    assert samples.table["path"].tolist() == ["train/a.png", "train/b.png"]
    assert set(samples.table["split"]) == {"train"}
    assert "JSON files" in samples.notes[0] and "_annotations.coco.json (train)" in samples.notes[1]


def test_coco_masks_are_drawn_from_polygons_and_both_kinds_of_run_lengths(write_coco) -> None:
    region = np.zeros((16, 20), bool)
    region[3:9, 2:7] = True
    counts = encode_rle(region)
    shapes = [[SQUARE], {"size": [16, 20], "counts": counts}, {"size": [16, 20], "counts": rle_text(counts)}]
    images = [image(i, f"{i}.png") for i in range(4)]
    folder = write_coco(images, [annotation(i, 7, segmentation=shape) for i, shape in enumerate(shapes)])

    samples = read_samples(folder, "coco", target="mask")

    assert samples.labels == ["background", "cat", "dog"]
    assert isinstance(samples.targets, Masks)
    for source in samples.targets.sources[:3]:
        np.testing.assert_array_equal(source.read(), region * 2)
    assert not samples.targets.sources[3].read().any()
    assert read_samples(folder, target="mask", labels=["nothing", "dog", "cat"]).labels == ["nothing", "dog", "cat"]
    assert read_samples(folder, target="mask", labels=["dog", "cat"]).labels == ["background", "dog", "cat"]


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ([[1, 2, 3, 4]], "a polygon with 2 points, three are the least"),
        ([[1, 2, 3, 4, 5, 6, 7]], "a polygon that is no list of x and y"),
        ([["a", 2, 3, 4, 5, 6]], "a polygon that is no list of numbers"),
        ([], "no segmentation"),
        ({"size": [20, 16], "counts": [320]}, r"run lengths of size \[20, 16\], the image has \[16, 20\]"),
        ({"size": [16, 20], "counts": [300]}, "run lengths of 300 pixels, the image has 320"),
        ({"size": [16, 20], "counts": "\x7f"}, "is no letter of run lengths"),
    ],
)
def test_coco_region_that_is_none_names_file_and_annotation(write_coco, segmentation, message: str) -> None:
    folder = write_coco(
        [image(1, "a.png")], [annotation(1, segmentation=[SQUARE]), annotation(1, segmentation=segmentation)]
    )

    with pytest.raises(DataError, match=rf"_annotations.coco.json: annotation 2 of a.png: .*{message}"):
        read_samples(folder, "coco", target="mask")


def test_coco_all_problems_are_told_with_their_numbers(write_coco) -> None:
    images = [image(1, "a.png"), image(1, "b.png"), image(2, "none.png"), image(3, "a.png"), {"file_name": "none"}]
    folder = write_coco(images, [annotation(9)])

    with pytest.raises(DataError) as caught:
        read_samples(folder, target="boxes")

    name = "train/_annotations.coco.json"
    assert caught.value.message.splitlines()[1:] == [
        f"  - {name}: image 2: id 1 is that of a.png too (b.png)",
        f"  - {name}: image 3: no such image (none.png)",
        f"  - {name}: image 5 has no id or no file_name",
        f"  - {name}: annotation 1: image_id 9 is that of no image",
    ]


def test_coco_problems_of_ids_and_of_boxes_are_told_together(write_coco) -> None:
    rows = [annotation(9), annotation(1, bbox=(1, 2, 3)), annotation(1, category_id=99)]
    folder = write_coco([image(1, "a.png")], rows)

    with pytest.raises(DataError) as caught:
        read_samples(folder, target="boxes")
    assert "3 annotations cannot be used" in str(caught.value)
    assert "annotation 1: image_id 9" in str(caught.value) and "annotation 3 of a.png: category_id 99" in str(
        caught.value
    )
    assert "annotation 2 of a.png: bbox [1, 2, 3] is no four numbers" in str(caught.value)


def test_coco_one_file_for_two_images_is_refused(write_coco) -> None:
    folder = write_coco([image(1, "a.png"), image(2, "a.png")], [annotation(1)])

    with pytest.raises(DataError, match=r"a.png is there a second time, as another image"):
        read_samples(folder, target="boxes")


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (annotation(1, 9), "category_id 9 is not among the categories"),
        (annotation(1, None), "category_id None is not among"),
        (annotation(1, 3, [1, 2, 3]), r"bbox \[1, 2, 3\] is no four numbers"),
        (annotation(1, 3, [1, 2, 3, float("nan")]), ".*is no four numbers"),
        (annotation(1, 3, None), "bbox None is no four numbers"),
    ],
)
def test_coco_box_that_is_none_names_file_and_annotation(write_coco, one, message: str) -> None:
    folder = write_coco([image(1, "a.png")], [annotation(1), one])

    with pytest.raises(DataError, match=rf"_annotations.coco.json: annotation 2 of a.png: {message}"):
        read_samples(folder, target="boxes")


def test_coco_without_annotations_is_refused(write_coco) -> None:
    folder = write_coco([image(1, "a.png")], [])

    with pytest.raises(DataError, match="1 images and no annotations"):
        read_samples(folder, target="boxes")


def test_coco_categories_of_one_name_or_id_are_refused(write_coco) -> None:
    categories = [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}, {"id": 2, "name": "a"}, {"id": 3}]
    folder = write_coco([image(1, "a.png")], [annotation(1)], categories=categories)

    with pytest.raises(DataError) as caught:
        read_samples(folder, target="boxes")

    assert [line.partition(": ")[2] for line in caught.value.message.splitlines()[1:4]] == [
        "category 2: id 1 or name 'b' stands for another one before",
        "category 3: id 2 or name 'a' stands for another one before",
        "category 4 has no id or no name",
    ]


def test_coco_split_files_of_one_folder_of_annotations(make_files, write) -> None:
    for split, name in (("train", "instances_train2017.json"), ("val", "instances_val2017.json")):
        make_files(f"images/{split}2017/1.png")
        content = {"images": [image(1, "1.png")], "annotations": [annotation(1)], "categories": CATEGORIES}
        write(f"annotations/{name}", json.dumps(content))
        folder = write(f"annotations/captions_{split}2017.json", '{"annotations": [{"caption": "a"}]}')

    samples = read_samples(folder, target="boxes")

    assert samples.table[["path", "split"]].to_numpy().tolist() == [
        ["images/train2017/1.png", "train"],
        ["images/val2017/1.png", "valid"],
    ]
    (folder / "annotations/more_train.json").write_text('{"images": []}')
    (folder / "annotations/instances_train2017.json").rename(folder / "annotations/other_train.json")
    with pytest.raises(DataError, match=r"several COCO files: more_train.json, other_train.json") as caught:
        read_samples(folder, target="boxes")
    assert "annotations_file" in caught.value.hint


def test_coco_named_file_and_folder_of_images(write_coco, make_files, tmp_path: Path) -> None:
    folder = write_coco([image(1, "none.png")], [annotation(1)], "export/result.json")
    photos = make_files("none.png", folder=tmp_path / "photos")

    samples = read_samples(folder, target="boxes", annotations_file=folder / "export/result.json", images_dir=photos)

    assert samples.table["path"].tolist() == [str(photos / "none.png")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{\n"images": [,]}', r"x.json:2: is no JSON"),
        ('{"images": [], "annotations": {}}', "has no list 'annotations'"),
    ],
)
def test_coco_file_that_is_none_says_why(write, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_samples(write("x.json", text), target="boxes")


def test_coco_and_yolo_of_the_real_photos_are_the_same(real) -> None:
    samples = {name: read_samples(real("coco_cc_mini"), name, target="boxes") for name in ("coco", "yolo")}
    coco, yolo = (one.targets for one in samples.values())
    assert isinstance(coco, Boxes) and isinstance(yolo, Boxes)

    # Crowds are left out of the YOLO files, as the data's own README says.
    kept = np.flatnonzero(~coco.is_crowd)
    rows = np.searchsorted(coco.ends, kept, side="right")
    coco = coco.keep(kept, np.bincount(rows, minlength=len(coco)))
    assert coco.names == yolo.names and len(coco.names) == 80
    np.testing.assert_array_equal(coco.ends, yolo.ends)
    np.testing.assert_array_equal(coco.codes, yolo.codes)
    np.testing.assert_allclose(coco.corners, yolo.corners, atol=1e-3)  # six decimals of 640 pixels
    for column in ("path", "split"):
        assert samples["coco"].table[column].tolist() == samples["yolo"].table[column].tolist()
    assert samples["coco"].warnings == samples["yolo"].warnings == ()
    assert len(coco.corners) == 352


def test_coco_found_beside_another_format_says_so(real) -> None:
    note = read_samples(real("coco_cc_mini"), target="boxes").notes[0]

    assert note.startswith("the data is read as coco: JSON files") and "it may be yolo too" in note


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ([[1, 2, 3, 4, 1, 2]], "a polygon with 2 points, three are the least"),
        ([SQUARE, [30, 3, 40, 3, 40, 9]], "a polygon wholly outside of its image of 20 x 16 pixels"),
        ([[-9, 3, -1, 3, -1, 9]], "a polygon wholly outside of its image of 20 x 16 pixels"),
        ([[1, 10**400, 3, 4, 5, 6]], "a polygon that is no list of numbers"),
        ({"size": [16, 20], "counts": [-1, 321]}, "run lengths that are no whole numbers from 0 on"),
        ({"size": [16, 20], "counts": [10**400]}, "run lengths that are no numbers"),
        ({"size": [16, 20], "counts": [[1, 2], 3]}, ""),
        ({"size": None, "counts": [320]}, "run lengths of size None"),
    ],
)
def test_coco_region_that_would_teach_nothing_names_file_and_annotation(write_coco, segmentation, message: str) -> None:
    folder = write_coco([image(1, "a.png")], [annotation(1, segmentation=segmentation)])

    with pytest.raises(DataError, match=rf"train/_annotations.coco.json: annotation 1 of a.png: {message}"):
        read_samples(folder, "coco", target="mask")


@pytest.mark.parametrize("key", [[1], {}, None, 1.5, "1"])
def test_coco_image_id_of_another_type_is_that_of_no_image(write_coco, key: object) -> None:
    folder = write_coco([image(1, "a.png")], [{**annotation(1), "image_id": key}])

    with pytest.raises(DataError, match=r"coco.json: annotation 1: image_id .* is that of no image"):
        read_samples(folder, target="boxes")


@pytest.mark.parametrize("target", ["boxes", "mask"])
@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([image(1, "a.png"), image(1, "b.png")], "image 2: id 1 is that of a.png too"),
        ([image(1, "a.png"), image(2, "a.png")], "a.png is there a second time, as another image"),
        ([image(1, "none.png")], "image 1: no such image"),
        ([image(1, "none" * 99)], "image 1: no such image"),
    ],
)
def test_coco_image_that_is_there_twice_or_not_is_refused(write_coco, target: str, images, message: str) -> None:
    folder = write_coco(images, [annotation(1, segmentation=[SQUARE])])

    with pytest.raises(DataError, match=f"_annotations.coco.json: {message}"):
        read_samples(folder, "coco", target=target)


def test_coco_masks_without_annotations_or_of_unknown_categories_are_refused(write_coco) -> None:
    with pytest.raises(DataError, match="1 images and no annotations"):
        read_samples(write_coco([image(1, "a.png")], []), target="mask")
    with pytest.raises(DataError, match=r"annotation 1 of a.png: category_id 9 is not among the categories"):
        read_samples(write_coco([image(1, "a.png")], [annotation(1, 9, segmentation=[SQUARE])]), target="mask")


def test_coco_images_beside_the_others_that_no_file_names_are_warned_about(write_coco, make_files) -> None:
    make_files("train/a.png", "train/b.png", "train/c.png")
    folder = write_coco([image(1, "a.png")], [annotation(1)])

    warning = f"{folder}/train: 2 images beside the others are in no COCO file and are not used, b.png for one"
    assert read_samples(folder, target="boxes").warnings == (warning,)


def test_coco_category_above_the_others_is_no_class_unless_annotated(write_coco) -> None:
    images = [image(1, "a.png")]
    categories = [
        {"id": 0, "name": "fish", "supercategory": "none"},
        {"id": 1, "name": "fish", "supercategory": "fish"},
        {"id": 2, "name": "trap", "supercategory": "fish"},
    ]
    folder = write_coco(images, [annotation(1, 1), annotation(1, 2)], categories=categories)
    assert read_samples(folder, target="boxes").labels == ["fish", "trap"]

    categories[0]["name"] = categories[1]["supercategory"] = categories[2]["supercategory"] = "aquarium"
    samples = read_samples(write_coco(images, [annotation(1, 1)], categories=categories), target="boxes")
    assert samples.labels == ["fish", "trap"]
    assert samples.notes[-1] == "categories that only group others are no classes: aquarium"

    folder = write_coco(images, [annotation(1, 0)], categories=categories)
    assert read_samples(folder, target="boxes").labels == ["aquarium", "fish", "trap"]


def test_coco_category_that_is_its_own_group_is_a_class(write_coco) -> None:
    categories = [{"id": 3, "name": "person", "supercategory": "person"}, {"id": 4, "name": "dog"}]
    folder = write_coco([image(1, "a.png")], [annotation(1, 4)], categories=categories)

    assert read_samples(folder, target="boxes").labels == ["person", "dog"]


def test_list_of_classes_beside_yolo_files_is_no_coco_file(make_files, write) -> None:
    make_files("images/1.png")
    write("labels/1.txt", "0 0.5 0.5 1 1")
    write("classes.txt", "cat")
    folder = write("notes.json", '{"categories": [{"id": 0, "name": "cat"}], "info": {"contributor": "Label Studio"}}')

    samples = read_samples(folder, target="boxes")

    assert samples.labels == ["cat"] and samples.notes[0].startswith("the data is read as yolo")
    assert "may be" not in samples.notes[0]


@pytest.mark.parametrize("side", [10**400, -1, 0, 20.5, None, "wide"])
def test_coco_size_that_is_none_says_nothing(write_coco, side: object) -> None:
    folder = write_coco([image(1, "a.png", width=side)], [annotation(1)])

    found = read_samples(folder, target="boxes").targets

    assert isinstance(found, Boxes) and found.sizes is not None and found.sizes.tolist() == [[0, 16]]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_coco_file_is_known_with_a_byte_order_mark_and_a_class_called_caption(make_files, write, encoding: str) -> None:
    make_files("a.png")
    content = {
        "images": [image(1, "a.png")],
        "annotations": [annotation(1, 1)],
        "categories": [{"id": 1, "name": "caption"}, {"id": 2, "name": "segments_info"}],
    }
    folder = write("labels.json")
    (folder / "labels.json").write_bytes(json.dumps(content).encode(encoding))

    assert read_samples(folder, target="boxes").labels == ["caption", "segments_info"]

    described = {**content, "images": [image(1, "a.png", caption="a cat on a mat")]}
    (folder / "labels.json").write_text(json.dumps(described))
    assert len(read_samples(folder, target="boxes")) == 1

    (folder / "labels.json").write_text(json.dumps({**content, "annotations": [{"image_id": 1, "caption": "a cat"}]}))
    with pytest.raises(DataError, match="no known data format"):
        read_samples(folder, target="boxes")
