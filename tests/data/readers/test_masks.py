from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auto_train.data import read_samples
from auto_train.data.inspect.recognise import recognise
from auto_train.data.masks import MaskFile
from auto_train.data.targets import Masks
from auto_train.errors import DataError, ImageError

VALUES = [[0, 1], [2, 255]]


def test_masks_of_equal_stems_are_paired(make_files, write, save_mask) -> None:
    make_files("images/a.png", "images/b.png", "images/deep/a.png", "images/c.png")
    save_mask("masks/a.png", VALUES)
    save_mask("masks/b_mask.png", VALUES, "P")
    save_mask("masks/deep/a.png", [[0, 0]])
    folder = write("classes.txt", "background", "cat", "dog")

    samples = read_samples(folder, target="mask")

    assert samples.labels == ["background", "cat", "dog"]
    assert samples.table["path"].tolist() == ["images/a.png", "images/b.png", "images/deep/a.png"]
    assert isinstance(samples.targets, Masks)
    assert [source.read().tolist() for source in samples.targets.sources] == [VALUES, VALUES, [[0, 0]]]
    assert "1 images have no mask and are not used, c for one" in samples.warnings[0]
    assert samples.table["label"][0] == f"mask #{samples.targets.sources[0].digest()}"


@pytest.mark.parametrize("layout", ["{split}/{kind}", "{kind}/{split}"])
def test_masks_in_folders_of_splits(make_files, save_mask, layout: str) -> None:
    for split in ("train", "val"):
        make_files(f"{layout.format(split=split, kind='images')}/1.png")
        folder = save_mask(f"{layout.format(split=split, kind='masks')}/1.png", VALUES)

    samples = read_samples(folder, target="mask", labels=["none", "a", "b"])

    assert samples.table["split"].tolist() == ["train", "valid"]
    assert samples.labels == ["none", "a", "b"]


def test_masks_without_names_are_named_by_their_values(make_files, save_mask) -> None:
    make_files("images/a.png")
    samples = read_samples(save_mask("masks/a.png", VALUES), target="mask")

    assert samples.labels == ["background", "1", "2"]
    assert "classes have no names" in samples.notes[1]


def test_masks_named_folders_are_taken(make_files, save_mask, tmp_path) -> None:
    make_files("photos/a.png")
    folder = save_mask("truth/a.png", VALUES)
    places = {"images_dir": folder / "photos", "annotations_file": folder / "truth"}

    assert len(read_samples(folder, target="mask", **places)) == 1
    with pytest.raises(DataError, match="no such folder") as caught:
        read_samples(folder, target="mask", **{**places, "images_dir": folder / "fotos"})
    assert "images_dir" in caught.value.hint


def test_masks_without_image_and_second_ones_are_listed(make_files, save_mask) -> None:
    make_files("images/a.png", "images/a.jpg")
    save_mask("masks/a.png", VALUES)
    save_mask("masks/a_mask.png", VALUES)
    folder = save_mask("masks/b.png", VALUES)

    with pytest.raises(DataError) as caught:
        read_samples(folder, target="mask")

    assert [line.rpartition("/")[2] for line in caught.value.message.splitlines()[1:]] == [
        "a.png: a second image of this name beside a.jpg",
        "a_mask.png: a second mask of a.png beside a.png",
        f"{(folder / 'masks/b.png').name}: no image of this name in {folder}/images".rpartition("/")[2],
    ]


def test_masks_of_0_and_255_alone_would_teach_nothing(make_files, save_mask) -> None:
    make_files("images/a.png")
    folder = save_mask("masks/a.png", [[0, 255]])

    with pytest.raises(DataError, match=r"masks hold 0 and 255 only, .*: a.png"):
        read_samples(folder, target="mask", labels=["background", "cell"])


def _save_coloured(folder: Path, names: Sequence[str], colours: Sequence[tuple[int, int, int]]) -> None:
    """Save masks of these colours, a column each."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.array([colours], np.uint8)).save(path)


def test_masks_in_colour_are_read_as_labelmap_says(make_files, write) -> None:
    make_files("train/images/a.png", "val/images/b.png")
    _save_coloured(write("labelmap.txt", "bus:0,0,250::", "background:0,0,0::", "car:250,50,83::"),
                   ["train/masks/a.png", "val/masks/b.png"], [(0, 0, 0), (250, 50, 83), (0, 0, 250)])  # fmt: skip
    folder = write("val/labelmap.txt", "bus:250,50,83", "background:0,0,0", "car:0,0,250")

    samples = read_samples(folder, target="mask")

    assert samples.labels == ["background", "bus", "car"]
    assert [source.read().tolist() for source in samples.targets.sources] == [[[0, 2, 1]], [[0, 1, 2]]]
    digests = {source.digest() for source in samples.targets.sources}
    assert len(digests) == 2  # equal files that mean something else
    assert read_samples(folder, target="mask", labels=["car", "bus"]).labels == ["background", "car", "bus"]
    with pytest.raises(DataError, match="bus"):
        read_samples(folder, target="mask", labels=["background", "car"])


def test_masks_in_colour_without_labelmap_say_so(make_files, tmp_path) -> None:
    folder = make_files("images/a.png")
    _save_coloured(folder, ["masks/a.png"], [(0, 0, 0), (250, 50, 83)])

    for place in (read_samples, lambda folder, target: recognise(folder)):
        with pytest.raises(DataError, match="image in colour") as caught:
            place(folder, target="mask")
        assert "labelmap.txt" in caught.value.hint and caught.value.where.endswith("a.png")


def test_labelmap_beside_masks_of_numbers_is_not_used(make_files, save_mask, write) -> None:
    make_files("images/a.png")
    save_mask("masks/a.png", VALUES)
    samples = read_samples(write("labelmap.txt", "background:0,0,0", "car:250,50,83"), target="mask")

    assert samples.targets.sources[0].read().tolist() == VALUES
    assert "labelmap.txt" in samples.warnings[0]


def test_mask_of_any_kind_of_file_gives_its_codes(tmp_path) -> None:
    wide = Image.fromarray(np.array(VALUES, np.uint16))
    for name, image in {
        "grey.png": Image.fromarray(np.array(VALUES, np.uint8)),
        "wide.png": wide,
        "equal.png": Image.fromarray(np.array(VALUES, np.uint8)).convert("RGB"),
        "alpha.png": Image.fromarray(np.array(VALUES, np.uint8)).convert("LA"),
        "grey.tif": Image.fromarray(np.array(VALUES, np.uint8)),
    }.items():
        image.save(tmp_path / name)
        found = MaskFile(tmp_path / name).read()
        assert found.dtype == np.uint8 and found.tolist() == VALUES, name
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "one.png")
    assert MaskFile(tmp_path / "one.png").read().tolist() == [[1, 0]]


def test_mask_that_is_none_says_why(tmp_path) -> None:
    Image.new("RGB", (99, 99), (1, 2, 3)).save(tmp_path / "colour.png")
    Image.new("L", (2, 2)).save(tmp_path / "grey.jpg")
    Image.fromarray(np.array([[0, 256]], np.uint16)).save(tmp_path / "large.png")
    (tmp_path / "text.png").write_text("none")
    (tmp_path / "cut.png").write_bytes((tmp_path / "colour.png").read_bytes()[:70])

    for name, message in {
        "colour.png": "colour.png: is an image in colour",
        "grey.jpg": "is not a mask",
        "large.png": "holds values from 0 to 256",
        "text.png": "is not a mask",
        "cut.png": "cannot be read as a mask",
        "none.png": "cannot be read as a mask",
    }.items():
        with pytest.raises(ImageError, match=message):
            MaskFile(tmp_path / name).read()


def test_masks_real_nuclei(real) -> None:
    samples = read_samples(real("nuclei_256"), target="mask")

    assert samples.labels == ["background", "nucleus"]
    assert samples.table["split"].value_counts().to_dict() == {"train": 165, "valid": 55}
    assert samples.table["path"].str.contains("/images/").all() and samples.warnings == ()
    assert isinstance(samples.targets, Masks)
    assert set(np.unique(samples.targets.sources[0].read()).tolist()) == {0, 1}


def test_masks_real_photos_have_the_names_of_their_own_list(real) -> None:
    samples = read_samples(real("coco_cc_mini"), target="mask")

    assert (len(samples), len(samples.labels)) == (53, 134)
    assert samples.labels[:2] == ["unlabelled", "person"]
    assert samples.warnings == ()


@pytest.mark.parametrize("name", ["b.jpg", "b_mask.jpeg", "b.json", "b.txt"])
def test_masks_of_another_format_among_them_are_refused(make_files, write, save_mask, name: str) -> None:
    make_files("images/a.png", "images/b.png")
    save_mask("masks/a.png", VALUES)
    folder = write(f"masks/{name}", "0 .5 .5 1 1")

    with pytest.raises(DataError, match=rf"masks/{name}: of another format than masks, .png"):
        read_samples(folder, target="mask")


def test_masks_all_of_them_jpeg_are_told(make_files, save_mask) -> None:
    make_files("images/a.png")
    folder = save_mask("masks/a.jpg", VALUES)

    with pytest.raises(DataError, match=r"masks/a.jpg: of another format than masks"):
        read_samples(folder, target="mask")


@pytest.mark.parametrize("values", [[[0, 200]], [[0, 76], [149, 255]], [[3, 9]]])
def test_masks_of_values_that_are_no_numbers_of_classes_are_refused(make_files, save_mask, values) -> None:
    make_files("images/a.png")
    folder = save_mask("masks/a.png", values)

    with pytest.raises(DataError, match=r"masks hold the values .*, and nothing names the classes") as caught:
        read_samples(folder, target="mask")

    assert "classes.txt" in caught.value.hint
    names = [str(number) for number in range(201)]
    assert len(read_samples(folder, target="mask", labels=names)) == 1
