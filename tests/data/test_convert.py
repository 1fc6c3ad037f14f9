from pathlib import Path

import numpy as np
import pytest

from auto_train.data import read_samples
from auto_train.data.convert import convert
from auto_train.data.samples import Samples
from auto_train.data.targets import Boxes, Masks, Values
from auto_train.data.writers import NAMES, get_writer
from auto_train.errors import UsageError
from tests.annotations import voc_object, xml


def by_stem(samples: Samples) -> Samples:
    return samples.take(np.argsort([Path(path).stem for path in samples.table["path"]]).tolist())


def there_and_back(samples: Samples, folder: Path, *formats: str, labels: list[str] | None = None) -> Samples:
    """Return the samples read again after one conversion behind the other."""
    target = "label" if samples.targets is None else samples.targets.kind
    for format in formats:
        samples = read_samples(convert(samples, format, folder / format).folder, format, target=target, labels=labels)
    return samples


def assert_same_images(one: Samples, other: Samples) -> None:
    assert one.table["split"].tolist() == other.table["split"].tolist()
    assert [one.images.sha256(row) for row in range(len(one))] == [
        other.images.sha256(row) for row in range(len(other))
    ]


def test_boxes_of_the_real_blood_cells_go_through_all_formats(real, tmp_path: Path) -> None:
    folder = real("bccd") / "BCCD"
    before = {path: path.stat().st_mtime_ns for path in sorted(folder.rglob("*"))}
    samples = by_stem(read_samples(folder, target="boxes"))

    again = by_stem(there_and_back(samples, tmp_path, "coco", "yolo", "csv", "voc"))

    assert isinstance(samples.targets, Boxes) and isinstance(again.targets, Boxes)
    assert_same_images(samples, again)
    assert again.labels == samples.labels
    np.testing.assert_array_equal(again.targets.counts, samples.targets.counts)
    np.testing.assert_array_equal(again.targets.codes, samples.targets.codes)
    np.testing.assert_allclose(again.targets.corners, samples.targets.corners, atol=1e-3)
    assert {path: path.stat().st_mtime_ns for path in sorted(folder.rglob("*"))} == before


def test_crowds_and_classes_without_a_box_of_the_real_photos(real, tmp_path: Path) -> None:
    samples = read_samples(real("coco_cc_mini"), "coco", target="boxes")

    coco = there_and_back(samples, tmp_path, "coco")
    assert isinstance(samples.targets, Boxes) and isinstance(coco.targets, Boxes)
    assert coco.labels == samples.labels and coco.targets.is_crowd.sum() == 3
    np.testing.assert_array_equal(coco.targets.corners, samples.targets.corners)
    yolo = convert(samples, "yolo", tmp_path / "yolo")
    assert yolo.warnings == ("3 boxes around crowds are left out: the format has no word for them",)
    voc = convert(samples, "voc", tmp_path / "voc")
    assert "the order of the classes, and those without a box, are lost" in voc.warnings[0]
    again = there_and_back(samples, tmp_path / "again", "voc", labels=samples.labels)
    assert isinstance(again.targets, Boxes) and again.targets.is_crowd.sum() == 3


def test_masks_of_the_real_nuclei_become_run_lengths_and_masks_again(real, tmp_path: Path) -> None:
    samples = by_stem(read_samples(real("nuclei_256"), target="mask"))
    samples = samples.take(range(0, 220, 20))

    again = by_stem(there_and_back(samples, tmp_path, "coco", "masks"))

    assert isinstance(samples.targets, Masks) and isinstance(again.targets, Masks)
    assert_same_images(samples, again)
    assert again.labels == samples.labels
    for one, other in zip(samples.targets.sources, again.targets.sources, strict=True):
        np.testing.assert_array_equal(one.read(), other.read())


def test_what_coco_cannot_say_of_masks_is_told(make_files, save_mask, tmp_path: Path) -> None:
    make_files("images/a.png")
    samples = read_samples(save_mask("masks/a.png", [[0, 1], [1, 255]]), target="mask", labels=["ground", "tree"])

    made = convert(samples, "coco", tmp_path / "new")

    assert made.warnings == (
        "1 masks have pixels that count for nothing; they are background now",
        "class 0, 'ground', is the background now",
    )


@pytest.mark.parametrize(
    ("target", "lines"),
    [
        ("label", ["path,label,split,group", "x/1.png,a,train,g", "y/1.png,b,val,h"]),
        ("labels", ["path,labels", "x/1.png,potted plant|a", "y/1.png,b|a"]),
        ("values", ["path,age [years],weight", "x/1.png,0.1,1e-7", "y/1.png,3,-2"]),
    ],
)
def test_tables_stay_what_they_are(make_files, write, tmp_path: Path, target: str, lines: list[str]) -> None:
    make_files("x/1.png", "y/1.png")
    samples = read_samples(write("labels.csv", *lines), target=target)

    again = there_and_back(samples, tmp_path, "csv")

    assert_same_images(samples, again)
    assert again.labels == samples.labels
    assert again.table[["label", "group"]].equals(samples.table[["label", "group"]])
    if isinstance(samples.targets, Values) and isinstance(again.targets, Values):
        assert again.targets.units == ("years", "")
        np.testing.assert_array_equal(again.targets.array, samples.targets.array)


def test_images_are_links_to_the_same_file_or_copies(make_files, tmp_path: Path) -> None:
    folder = make_files("a/1.png", "b/1.png", "b/2.png")
    samples = read_samples(folder)

    linked = convert(samples, "csv", tmp_path / "linked").folder
    copied = convert(samples, "csv", tmp_path / "copied", copy=True).folder

    assert sorted(path.name for path in (linked / "images").iterdir()) == ["2.png", "a-1.png", "b-1.png"]
    assert (linked / "images/2.png").samefile(folder / "b/2.png")
    assert not (copied / "images/2.png").samefile(folder / "b/2.png")
    assert (copied / "images/2.png").read_bytes() == (folder / "b/2.png").read_bytes()


def test_images_in_memory_become_png(tmp_path: Path) -> None:
    samples = read_samples("builtin:digits").take(range(10))

    again = there_and_back(samples, tmp_path, "csv")

    assert again.table["label"].tolist() == samples.table["label"].tolist()
    np.testing.assert_array_equal(again.images[3], samples.images[3])


def test_folder_that_is_not_new_or_lies_in_the_data_is_refused(make_files, tmp_path: Path) -> None:
    folder = make_files("a/1.png", "b/1.png")
    samples = read_samples(folder)

    with pytest.raises(UsageError, match="lies in the data"):
        convert(samples, "csv", folder / "new")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("")
    with pytest.raises(UsageError, match="is there already"):
        convert(samples, "csv", tmp_path / "full")
    with pytest.raises(UsageError, match="cannot be written"):
        convert(samples, "csv", tmp_path / "full/file/new")
    (tmp_path / "empty").mkdir()
    assert convert(samples, "csv", tmp_path / "empty").splits == {"": 2}


def test_failure_leaves_nothing_behind(make_files, write, tmp_path: Path) -> None:
    make_files("images/1.png", "images/2.png")
    write("labels/1.txt", "0 0.5 0.5 1 1")
    folder = write("classes.txt", "cat")
    (folder / "images/2.png").write_bytes(b"none")
    samples = read_samples(folder, target="boxes")

    with pytest.raises(ValueError, match=r"2.png"):
        convert(samples, "coco", tmp_path / "new")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_get_writer_that_holds_no_such_annotations_says_which_do() -> None:
    with pytest.raises(UsageError, match=r"format 'voc' holds no mask \(allowed: coco, masks\)"):
        get_writer("voc", "mask")
    with pytest.raises(UsageError, match=r"unknown format 'coko' .*did you mean 'coco'"):
        get_writer("coko", "mask")
    for name, targets in NAMES.items():
        assert get_writer(name, targets[0]).write.__doc__


@pytest.mark.parametrize("format", ["coco", "csv", "voc", "yolo"])
def test_odd_boxes_are_written_as_they_are_with_a_warning_of_each_kind(
    make_files, write, tmp_path: Path, format: str
) -> None:
    make_files("1.png", "2.png", "3.png")  # of 20 x 16 pixels
    write("1.xml", xml(voc_object("a", 1, 2, 9, 9)))
    write("2.xml", xml(voc_object("a", 9, 2, 1, 9), voc_object("a", 30, 2, 40, 9), voc_object("a", 12, 2, 2, 9)))
    folder = write("3.xml", xml(voc_object("a", 1, 2, 9, 9), "<size><width>99</width><height>16</height></size>"))
    samples = read_samples(folder, target="boxes")

    made = convert(samples, format, tmp_path / "new")

    assert made.warnings[:3] == (
        "images of another size than their boxes were drawn on (1), written as they are: "
        f"3.png: {folder}/3.xml: 99 x 16 pixels, the image has 20 x 16",
        "boxes whose corners are swapped (2), written as they are: "
        f"2.png: a [9, 2, 1, 9] of 20 x 16 pixels, {folder}/2.xml:3",
        "boxes wholly outside of their image (1), written as they are: "
        f"2.png: a [30, 2, 40, 9] of 20 x 16 pixels, {folder}/2.xml:4",
    )
    again = read_samples(made.folder, format, target="boxes", labels=["a"]).targets
    assert isinstance(again, Boxes) and isinstance(samples.targets, Boxes)
    np.testing.assert_allclose(again.corners, samples.targets.corners, atol=1e-3)
