from pathlib import Path

import numpy as np
import pytest

from auto_train.data import read_samples
from auto_train.data.samples import Samples
from auto_train.data.targets import Boxes
from auto_train.errors import DataError
from tests.annotations import voc_object, xml


def boxes_of(samples: Samples) -> Boxes:
    assert isinstance(samples.targets, Boxes)
    return samples.targets


def test_voc_files_beside_jpegimages_are_read_by_stem(make_files, write) -> None:
    make_files("JPEGImages/1.png", "JPEGImages/2.png")
    write("Annotations/1.xml", xml(voc_object("b", 1, 2, 3, 4.5), voc_object("a", 5, 6, 5, 6), filename="x.jpg"))
    folder = write("Annotations/2.xml", xml())

    samples = read_samples(folder, target="boxes")
    found = boxes_of(samples)

    assert samples.labels == ["a", "b"] and found.names == ("a", "b")
    assert found.corners.tolist() == [[1, 2, 3, 4.5], [5, 6, 5, 6]]  # the second has no area: the doctor's to judge
    assert found.codes.tolist() == [1, 0] and found.ends.tolist() == [2, 2]
    assert found.lines.tolist() == [3, 4] and found.files[0] == str(folder / "Annotations/1.xml")
    assert samples.table["path"].tolist() == ["JPEGImages/1.png", "JPEGImages/2.png"]
    assert samples.table["label"][1] == "no boxes"


def test_voc_lists_of_image_sets_are_the_splits(make_files, write) -> None:
    make_files(*(f"JPEGImages/{i}.png" for i in range(5)))
    for i in range(5):
        write(f"Annotations/{i}.xml", xml(voc_object("a", 1, 1, 2, 2)))
    for split, stems in {"train": "12", "val": "3", "trainval": "123", "test": "0"}.items():
        folder = write(f"ImageSets/Main/{split}.txt", *stems)

    samples = read_samples(folder, target="boxes")

    assert samples.table["split"].tolist() == ["test", "train", "train", "valid"]
    assert "1 XML files are in no list" in samples.warnings[0]
    write("ImageSets/Main/val.txt", "3", "2", "7")
    with pytest.raises(DataError, match=r"val.txt: '2' is in train too"):
        read_samples(folder, target="boxes")
    write("ImageSets/Main/val.txt", "3", "7")
    with pytest.raises(DataError, match="7: in ImageSets/Main, and no XML file of that name"):
        read_samples(folder, target="boxes")


def test_voc_files_beside_images_in_folders_of_splits(make_files, write) -> None:
    make_files("train/1.png", "valid/1.png", "train/2.png")
    write("train/1.xml", xml(voc_object("a", 1, 1, 2, 2)))
    folder = write("valid/1.xml", xml(voc_object("a", 1, 1, 2, 2, difficult=1)))

    samples = read_samples(folder, target="boxes")

    assert samples.table["path"].tolist() == ["train/1.png", "valid/1.png"]
    assert boxes_of(samples).is_crowd.tolist() == [False, True]
    assert "1 objects are marked as difficult" in samples.notes[1]
    assert "1 images beside the others have no XML file" in samples.warnings[0]


def test_voc_all_problems_are_told_with_file_and_line(make_files, write) -> None:
    make_files("1.png", "2.png", "3.png")
    write("1.xml", xml(voc_object("a", 1, 2, "nan", 4), voc_object("", 1, 2, 3, 4)))
    write("2.xml", "<annotation>", "<object>", "</annotation>")
    write("3.xml", xml(voc_object("a", 1, 2, 3, 4)))
    folder = write("4.xml", xml(voc_object("a", 1, 2, 3, 4), filename="four.jpg"))

    with pytest.raises(DataError) as caught:
        read_samples(folder, target="boxes")

    assert caught.value.message.splitlines()[1:] == [
        "  - 1.xml:3: no four numbers: xmin '1', ymin '2', xmax 'nan', ymax '4'",
        "  - 1.xml:4: an object without a name",
        "  - 2.xml:3: is no XML: mismatched tag",
        "  - 4.xml: no such image (four.jpg)",
    ]


def test_voc_files_of_another_format_among_them_are_refused(make_files, write) -> None:
    make_files("JPEGImages/1.png", "JPEGImages/2.png")
    write("Annotations/1.xml", xml(voc_object("a", 1, 2, 3, 4)))
    write("Annotations/readme.txt", "not of an image")
    folder = write("Annotations/2.txt", "0 0.5 0.5 1 1")

    with pytest.raises(DataError) as caught:
        read_samples(folder, target="boxes")

    problem = f"  - 2.txt: of another format beside XML files in {folder}/Annotations"
    assert caught.value.message.splitlines()[1:] == [problem]


def test_voc_unknown_class_names_file_and_line(make_files, write) -> None:
    make_files("1.png")
    folder = write("1.xml", xml(voc_object("dgo", 1, 2, 3, 4)))

    with pytest.raises(DataError, match=r"1.xml:3: 'dgo' is not among the classes .*did you mean 'dog'"):
        read_samples(folder, target="boxes", labels=["cat", "dog"])


def test_voc_without_any_object_is_refused(make_files, write) -> None:
    make_files("1.png")
    with pytest.raises(DataError, match="1 images, and no box on any of them"):
        read_samples(write("1.xml", xml()), target="boxes")


def test_voc_real_blood_cells_are_read_with_boxes_of_zero_area(real) -> None:
    samples = read_samples(real("bccd") / "BCCD", target="boxes")
    found = boxes_of(samples)

    # Counts as the data's own README gives them.
    assert dict(zip(found.names, np.bincount(found.codes).tolist(), strict=True)) == {
        "Platelets": 361,
        "RBC": 4155,
        "WBC": 372,
    }
    assert samples.table["split"].value_counts().to_dict() == {"train": 205, "valid": 87, "test": 72}
    left, top, right, bottom = found.corners.T
    flat = np.flatnonzero((right <= left) | (bottom <= top))
    rows = np.searchsorted(found.ends, flat, side="right")
    assert [Path(found.files[row]).stem for row in rows] == ["BloodImage_00338", "BloodImage_00343"]
    assert samples.warnings == ()
    assert len(set(samples.table["label"])) == 364
    part = samples.take([5, 3])
    assert boxes_of(part).text(1) == found.text(3)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "1.xml:1: is no XML: no element found"),
        (b"<html></html>", "1.xml:1: <html> is no <annotation>: of another format"),
        (
            b'<?xml version="1.0" encoding="gb2312"?><annotation/>',
            "1.xml:1: is XML in an encoding that .*: save it as UTF-8",
        ),
        (
            b'<?xml version="1.0" encoding="none"?><annotation/>',
            "1.xml:1: is XML in an encoding that .*: save it as UTF-8",
        ),
    ],
)
def test_voc_file_that_is_none_names_its_line(make_files, write, content: bytes, text: str) -> None:
    make_files("1.png", "2.png")
    folder = write("2.xml", xml(voc_object("a", 1, 2, 3, 4)))
    (folder / "1.xml").write_bytes(content)

    with pytest.raises(DataError, match=text):
        read_samples(folder, target="boxes")


def test_voc_two_files_of_one_image_are_refused(make_files, write) -> None:
    make_files("1.png")
    write("1.xml", xml(voc_object("a", 1, 2, 3, 4)))
    folder = write("2.xml", xml(voc_object("a", 1, 2, 3, 4), filename="1.png"))

    with pytest.raises(DataError, match=r"1.xml, 2.xml: of one image, 1.png"):
        read_samples(folder, target="boxes")


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("", [0, 0]),
        ("<size><width>0</width><height>0</height></size>", [0, 0]),
        ("<size><width>60.0</width><height>40</height></size>", [60, 40]),
        ("<size><width>99999999999999999999</width><height>?</height></size>", [0, 0]),
    ],
)
def test_voc_size_that_is_none_says_nothing(make_files, write, size: str, expected: list[int]) -> None:
    make_files("1.png")
    folder = write("1.xml", xml(voc_object("a", 1.5, 2, 3, 4), size))

    sizes = boxes_of(read_samples(folder, target="boxes")).sizes

    assert sizes is not None and sizes.tolist() == [expected]
