import hashlib
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from auto_train.data import acquire, read_samples
from auto_train.data.images import FileImages
from auto_train.data.readers.idx import array_samples
from auto_train.errors import DataError, format_list


@pytest.fixture
def folder(make_files) -> Path:
    return make_files("a/1.png", "a/2.png", "b/1.png", "c/1.png")


def test_read_samples_labels_are_sorted_or_in_the_order_given(folder: Path) -> None:
    assert read_samples(folder).labels == ["a", "b", "c"]
    assert read_samples(str(folder), labels=["c", "a", "b"]).labels == ["c", "a", "b"]


def test_read_samples_label_that_is_no_class_is_refused(folder: Path) -> None:
    with pytest.raises(
        DataError, match=r"labels that are not among the classes:\n  - b\n  - c .allowed: a, x"
    ) as caught:
        read_samples(folder, labels=["a", "x"])

    assert "[project] classes" in caught.value.hint


def test_read_samples_class_without_images_is_warned_about(folder: Path) -> None:
    assert read_samples(folder, labels=["a", "b", "c", "d"]).warnings == ("classes without any image:\n  - d",)


def test_read_samples_excluded_paths_are_left_out_and_unknown_ones_named(folder: Path) -> None:
    samples = read_samples(folder, exclude=["a/2.png", str(folder / "b/1.png"), "a/9.png"])

    assert samples.table["path"].tolist() == ["a/1.png", "c/1.png"]
    assert samples.images.name(1) == str(folder / "c/1.png")
    assert samples.labels == ["a", "c"]
    assert samples.warnings == ("paths to exclude that are not in the data:\n  - a/9.png",)


def test_read_samples_everything_excluded_is_refused(folder: Path) -> None:
    with pytest.raises(DataError, match="the data has no image with a label"):
        read_samples(folder, exclude=read_samples(folder).table["path"])


def test_read_samples_through_a_link_keeps_paths_relative(make_files, tmp_path: Path) -> None:
    make_files("train/a/1.png", "train/b/1.png", folder=tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")

    samples = read_samples(acquire("x", tmp_path / "x/../link"), train_dir=tmp_path / "link/train")

    assert samples.root == tmp_path / "link"
    assert samples.table["path"].tolist() == ["train/a/1.png", "train/b/1.png"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_read_samples_of_a_folder_without_rights_names_it(make_files) -> None:
    folder = make_files("a/1.png", "b/1.png")
    (folder / "b").chmod(0)

    with pytest.raises(DataError, match="/b: cannot be read: Permission denied"):
        read_samples(folder)
    folder.chmod(0)
    with pytest.raises(DataError, match="data: cannot be listed: Permission denied"):
        acquire("x", folder)
    folder.chmod(0o700)


def test_samples_of_a_split_are_its_rows(make_files) -> None:
    samples = read_samples(make_files("train/a/1.png", "train/b/2.png", "valid/a/3.png"))

    assert samples.of("valid").table["path"].tolist() == ["valid/a/3.png"]
    assert len(samples.of("test")) == 0 and samples.of("test").labels == ["a", "b"]


def test_samples_hashed_fills_every_sum_once_and_tells_progress(folder: Path) -> None:
    told: list[tuple[int, int]] = []

    samples = read_samples(folder).fill_hashes(lambda *args: told.append(args))

    expected = [hashlib.sha256((folder / path).read_bytes()).hexdigest() for path in samples.table["path"]]
    assert samples.table["sha256"].tolist() == expected
    assert told == [(4, 4)]
    assert samples.fill_hashes() is samples


def test_samples_hashed_names_all_files_that_cannot_be_read(folder: Path) -> None:
    samples = read_samples(folder)
    (folder / "a/1.png").unlink()
    (folder / "c/1.png").unlink()

    with pytest.raises(DataError, match=r"2 images cannot be read:\n.*a/1.png: No such file.*\n.*c/1.png"):
        samples.fill_hashes()


def test_samples_hashed_takes_no_error_of_64_letters_for_a_checksum(folder: Path) -> None:
    gone = Path("x" * (64 - len(": No such file or directory")))
    samples = replace(read_samples(folder).take([0]), images=FileImages([gone]))

    with pytest.raises(DataError, match=r"1 images cannot be read:\n.*xxx: No such file"):
        samples.fill_hashes()


def test_samples_hashed_60000_small_arrays_take_about_a_second() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60_000, 28, 28), np.uint8)
    samples = array_samples([("x", "", pixels, np.arange(60_000) % 10)], root=None)
    start = time.process_time()

    hashed = samples.fill_hashes()

    assert time.process_time() - start < 3  # it takes 0.3 s
    assert hashed.table["sha256"].is_unique


def test_listed_long_lists_are_cut() -> None:
    assert format_list("two", [1, 2], limit=2) == "two:\n  - 1\n  - 2"
    assert format_list("three", [1, 2, 3], limit=2) == "three:\n  - 1\n  - 2\n  … 1 more"
