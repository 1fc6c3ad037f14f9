import os
import shutil
from pathlib import Path

import pytest

from auto_train.data import read_samples
from auto_train.data.doctor import read_exclude, write_exclude
from auto_train.errors import DataError


def test_list_of_an_examination_leaves_nothing_to_find(write_photos, photo, doctor, tmp_path: Path):
    names = {
        f"{split}/{'ab'[i % 2]}/{i}.png": 8 * n + i for n, split in enumerate(("train", "valid")) for i in range(8)
    }
    folder = write_photos(names)
    (folder / "train/a/broken.png").write_bytes(b"no image")
    shutil.copy(folder / "valid/a/0.png", folder / "train/a/leak.png")
    shutil.copy(folder / "train/a/2.png", folder / "train/b/conflict.png")
    shutil.copy(folder / "train/b/1.png", folder / "train/b/twice.png")
    photo(9).save(folder / "train/b/near.jpg", quality=90)
    examination = doctor(folder)

    count = write_exclude(examination.findings, examination.samples, tmp_path / "new/exclude.txt")

    listed = read_exclude(tmp_path / "new/exclude.txt")
    assert count == len(listed) == 5
    assert set(listed) == {
        "train/a/broken.png",
        "train/a/leak.png",
        "train/a/2.png",
        "train/b/conflict.png",
        "train/b/twice.png",
    }
    # What only looks alike is for a person to decide.
    assert "# train/b/near.jpg\n" in (tmp_path / "new/exclude.txt").read_text()
    left = {finding.code for finding in doctor(folder, exclude=listed).findings}
    assert left == {"near_duplicate_across_splits"}


def test_list_goes_on_with_what_an_earlier_one_left_out(write_photos, doctor, tmp_path: Path):
    folder = write_photos({"a/1.png": 0, "b/2.png": 1})
    (folder / "b/3.png").touch()
    examination = doctor(folder)
    assert write_exclude(examination.findings, examination.samples, tmp_path / "x.txt", before=["a/old.png"]) == 2
    assert read_exclude(tmp_path / "x.txt") == ["a/old.png", "b/3.png"]


def test_odd_names_come_back(make_files, doctor, tmp_path: Path):
    folder = make_files("a/1.png", "b/2.png")
    (folder / "#1").mkdir()
    (folder / "#1/empty.png").touch()
    (folder / os.fsdecode(b"a/\xff\xe9.png")).touch()
    examination = doctor(folder)
    write_exclude(examination.findings, examination.samples, tmp_path / "x.txt")
    samples = read_samples(folder, exclude=read_exclude(tmp_path / "x.txt"))
    assert samples.table["path"].tolist() == ["a/1.png", "b/2.png"] and samples.warnings == ()


def test_exclude_file_that_is_missing_is_named(tmp_path: Path):
    with pytest.raises(DataError, match=r"none.txt: cannot be read: No such file"):
        read_exclude(tmp_path / "none.txt")
