from pathlib import Path

import pytest

from auto_train.data import read_samples
from auto_train.data.samples import Samples
from auto_train.data.targets import Boxes
from auto_train.errors import DataError


def read(folder: Path, **options) -> Samples:
    return read_samples(folder, "yolo", target="boxes", **options)


def boxes_of(samples: Samples) -> Boxes:
    assert isinstance(samples.targets, Boxes)
    return samples.targets


@pytest.mark.parametrize("layout", ["{split}/{kind}", "{kind}/{split}"])
def test_yolo_boxes_are_scaled_by_their_image(make_files, write, layout: str) -> None:
    for split in ("train", "val"):
        place = layout.format(split=split, kind="images")
        make_files(f"{place}/1.png", f"{place}/2.png", f"{place}/3.png")
        write(f"{layout.format(split=split, kind='labels')}/1.txt", "1 0.5 0.5 0.2 0.5", "0 0.25 0.25 .5 .5")
        write(f"{layout.format(split=split, kind='labels')}/2.txt", "")
    folder = write("data.yaml", "names: [cat, dog]")

    samples = read_samples(folder, target="boxes")

    found = boxes_of(samples)
    assert samples.labels == ["cat", "dog"]
    assert found.corners[:2].tolist() == [[8, 4, 12, 12], [0, 0, 10, 8]]  # images are 20 x 16
    assert found.codes[:2].tolist() == [1, 0] and found.lines[:2].tolist() == [1, 2]
    assert found.counts.tolist() == [2, 0, 0] * 2
    assert samples.table["split"].tolist() == ["train"] * 3 + ["valid"] * 3
    assert samples.warnings == (f"{folder}: 2 images have no file of labels and count as images without boxes",)
    assert f"class names are those of {folder}/data.yaml" in samples.notes


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("classes.txt", ["cat", "dog"]),
        ("obj.names", ["cat", "dog"]),
        ("data.yaml", ["names:", "  0: cat", "  1: dog"]),
    ],
)
def test_yolo_files_beside_images_take_names_from_any_list(make_files, write, name: str, lines: list[str]) -> None:
    make_files("1.png")
    write("1.txt", "1 0.5 0.5 1 1")

    assert read(write(name, *lines)).labels == ["cat", "dog"]


def test_yolo_classes_of_the_ini_give_names_where_no_file_does(make_files, write) -> None:
    make_files("1.png")
    folder = write("1.txt", "1 0.5 0.5 1 1")

    assert read(folder, labels=["cat", "dog"]).table["label"][0].startswith("dog 1 #")
    with pytest.raises(DataError, match="nothing tells the names of the classes"):
        read(folder)


def test_yolo_outline_gives_the_box_around_it(make_files, write) -> None:
    make_files("images/1.png")
    folder = write("labels/1.txt", "0 0.1 0.5 0.3 0.25 0.2 0.75")

    assert boxes_of(read(folder, labels=["a"])).corners.tolist() == [[2, 4, 6, 12]]


def test_yolo_wrong_lines_and_files_are_all_told(make_files, write) -> None:
    make_files("images/1.png", "images/2.png", "images/3.png", "images/3.jpg")
    write("labels/1.txt", "2 0.5 0.5 1 1", "x 0.5 0.5 1 1", "", "0 0.5 0.5 1", "0 0.5 nan 1 1", "0 .5 .5 1 1 0.9")
    write("labels/4.txt", "0 0.5 0.5 1 1")
    write("labels/readme.txt", "made by hand")
    write("labels/2.xml", "<annotation/>")
    folder = write("classes.txt", "cat", "dog")

    with pytest.raises(DataError) as caught:
        read(folder)

    assert caught.value.message.splitlines()[1:] == [
        "  - 3.png: of one name with 3.jpg, so labels would be of both",
        f"  - 2.xml: of another format beside files of labels in {folder}/labels",
        f"  - 4.txt: no image of this name in {folder}/images",
        "  - 1.txt:1: class '2' is none of the 2 classes, 0 to 1",
        "  - 1.txt:2: class 'x' is none of the 2 classes, 0 to 1",
        "  - 1.txt:4: '0 0.5 0.5 1' is no class number and four numbers",
        "  - 1.txt:5: '0 0.5 nan 1 1' is no class number and four numbers",
        "  - 1.txt:6: '0 .5 .5 1 1 0.9' is no class number and four numbers",
    ]


def test_yolo_files_of_another_format_beside_those_of_labels_are_let_be(make_files, write) -> None:
    make_files("1.png", "2.png")
    for stem in "12":
        write(f"{stem}.txt", "0 0.5 0.5 1 1")
        write(f"{stem}.json", "{}")
    folder = write("classes.txt", "cat")

    assert boxes_of(read(folder)).counts.tolist() == [1, 1]


def test_yolo_damaged_image_is_left_to_the_doctor(make_files, write) -> None:
    make_files("images/1.png", "images/2.png")
    write("labels/1.txt", "0 0.5 0.5 1 1")
    write("labels/2.txt", "0 0.5 0.5 1 1")
    folder = write("classes.txt", "cat")
    (folder / "images/2.png").write_bytes(b"")

    assert boxes_of(read(folder)).counts.tolist() == [1, 0]


@pytest.mark.parametrize("text", ["names: cat", "names: [a, a]", "names: {1: a}", "names: {}", "names: [a", "- 1"])
def test_yolo_names_that_are_none_are_refused(make_files, write, text: str) -> None:
    make_files("1.png")
    write("1.txt", "0 0.5 0.5 1 1")

    with pytest.raises(DataError, match=r"data.yaml: (names are no list|cannot be read)|nothing tells the names"):
        read(write("data.yaml", text))


def test_yolo_class_file_with_a_name_twice_or_none_names_its_line(make_files, write) -> None:
    make_files("1.png")
    write("1.txt", "0 0.5 0.5 1 1")

    with pytest.raises(DataError, match=r"classes.txt:3: 'a' is there a second time"):
        read(write("classes.txt", "a", "b", "a"))
    with pytest.raises(DataError, match=r"classes.txt:2: a line without a name"):
        read(write("classes.txt", "a", "", "b"))


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (
            ["0 .1 .1 .5 .1 .5 .5", "0 .1 .1 .4 .4"],
            "1.txt:2: '0 .1 .1 .4 .4' among outlines: a box, or an outline with",
        ),
        (["0 .1 .1 .5 .5 .1 .1"], "1.txt:1: an outline with 2 points, three are the least"),
        (["0 .1 .1 .5 .5 .1"], "1.txt:1: '0 .1 .1 .5 .5 .1' is no class number and four numbers"),
    ],
)
def test_yolo_outline_of_two_points_names_file_and_line(make_files, write, lines: list[str], text: str) -> None:
    make_files("images/1.png")
    folder = write("labels/1.txt", *lines)

    with pytest.raises(DataError, match=text):
        read(folder, labels=["a"])


@pytest.mark.parametrize("line", ["x .5 .5 1 1", "-1 .5 .5 1 1", "0.0 .5 .5 1 1", "0 nan .5 1 1"])
def test_yolo_data_is_known_by_files_with_a_wrong_line(make_files, write, line: str) -> None:
    make_files("images/1.png")
    write("labels/1.txt", "", line)
    folder = write("classes.txt", "cat")

    with pytest.raises(DataError, match=r"1.txt:2: "):
        read_samples(folder, target="boxes")


def test_yolo_empty_files_alone_are_known_and_refused(make_files, write) -> None:
    make_files("images/1.png")
    (write("classes.txt", "cat") / "labels").mkdir()
    folder = write("labels/1.txt")
    (folder / "labels/1.txt").write_text("")

    with pytest.raises(DataError, match="1 images, and no box on any of them"):
        read_samples(folder, target="boxes")


def test_yolo_file_of_a_split_is_named_with_its_folders(make_files, write) -> None:
    make_files("train/images/1.png", "val/images/1.png")
    write("train/labels/1.txt", "0 .5 .5 1 1")
    write("val/labels/1.txt", "3 .5 .5 1 1")

    with pytest.raises(DataError, match=r"  - val/labels/1.txt:1: class '3' is none"):
        read(write("classes.txt", "cat"))
