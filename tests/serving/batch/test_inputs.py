import os
import shutil
from pathlib import Path
from zipfile import ZipFile

import pandas as pd
import pytest

from auto_train.errors import DataError, MissingError
from auto_train.serving.batch import Input, find_inputs


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder, below the working directory, with images on two levels and other files."""
    for name in ("b.jpg", "a.PNG", "deep/c.webp", "notes.md", "deep/d.txt.bak"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "photos"


def found_in(*words: str | Path) -> list[Input]:
    unpacked = Path("unpacked").absolute()
    unpacked.mkdir(exist_ok=True)
    return find_inputs(words, unpacked)


def names(*words: str | Path) -> list[str]:
    return [one.name for one in found_in(*words)]


def test_folder_is_all_images_below_it_sorted(photos: Path) -> None:
    found = found_in("photos")
    assert [one.name for one in found] == ["photos/a.PNG", "photos/b.jpg", "photos/deep/c.webp"]
    assert [str(one.inside) for one in found] == ["a.PNG", "b.jpg", "deep/c.webp"]
    assert all(one.path.is_absolute() for one in found)


def test_file_and_pattern_and_folder_name_each_image_once(photos: Path) -> None:
    assert names("photos/b.jpg", "photos/*.jpg", photos) == ["photos/b.jpg", f"{photos}/a.PNG", f"{photos}/deep/c.webp"]
    assert names("photos/**/*.webp") == ["photos/deep/c.webp"]
    assert names("photos/notes.md") == ["photos/notes.md"]  # what is named is taken at its word


@pytest.mark.parametrize("suffix", ["zip", "tgz", "TAR"])
def test_archive_is_all_images_in_it_under_its_name(photos: Path, suffix: str) -> None:
    format = {"zip": "zip", "tgz": "gztar", "TAR": "tar"}[suffix]
    Path(shutil.make_archive("made", format, photos)).rename(f"some.{suffix}")
    found = found_in(f"some.{suffix}", photos / "b.jpg")
    inside = ["a.PNG", "b.jpg", "deep/c.webp"]
    assert [one.name for one in found] == [*(f"some.{suffix}/{name}" for name in inside), f"{photos}/b.jpg"]
    assert [str(one.inside) for one in found[:3]] == inside
    assert all(one.path.read_bytes() == b"x" for one in found)


def test_archive_named_twice_or_by_a_pattern_is_unpacked_once_and_hidden_files_are_none(photos: Path) -> None:
    with ZipFile("one.zip", "w") as file:
        for name in ("a.jpg", "._a.jpg", "__MACOSX/a.jpg"):
            file.writestr(name, "x")
    assert names("one.zip", "one.zip", "*.zip") == ["one.zip/a.jpg"]
    assert len(list(Path("unpacked").iterdir())) == 1


def test_two_archives_with_images_of_one_name_are_told_apart(photos: Path) -> None:
    for name, content in (("one.zip", "1"), ("two.zip", "2")):
        with ZipFile(name, "w") as file:
            file.writestr("same.jpg", content)
    found = found_in("one.zip", "two.zip")
    assert {one.name: one.path.read_text() for one in found} == {"one.zip/same.jpg": "1", "two.zip/same.jpg": "2"}


def test_archive_that_leads_outside_or_is_broken_or_has_no_images_is_an_error(photos: Path) -> None:
    with ZipFile("evil.zip", "w") as file:
        file.writestr("../out.jpg", "x")
    with pytest.raises(DataError, match=r"evil\.zip: member '\.\./out\.jpg' leads outside.*\n.*unpack it yourself"):
        found_in("evil.zip")
    Path("broken.tgz").write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"broken\.tgz: cannot be unpacked"):
        found_in("broken.tgz")
    with ZipFile("text.zip", "w") as file:
        file.writestr("a.txt", "x")
    with pytest.raises(DataError, match=r"text\.zip: there is no image in it"):
        found_in("text.zip")


@pytest.mark.parametrize("suffix", ["csv", "parquet", "txt"])
def test_table_names_images_beside_it_or_from_here(photos: Path, suffix: str) -> None:
    table, listed = photos / f"list.{suffix}", ["b.jpg", "photos/a.PNG", str(photos / "deep/c.webp"), "gone.jpg"]
    if suffix == "txt":
        table.write_text("\n".join(listed) + "\n\n")
    elif suffix == "csv":
        pd.DataFrame({"number": range(4), "path": listed}).to_csv(table, index=False)
    else:
        pd.DataFrame({"path": listed}).to_parquet(table)
    assert [one.path for one in found_in(table)] == [
        photos / "b.jpg",
        photos / "a.PNG",
        photos / "deep/c.webp",
        Path.cwd() / "gone.jpg",
    ]


@pytest.mark.parametrize("word", ["none.jpg", "none/*.jpg", "photos/*.gif", "x" * 5000, "a\0b"])
def test_nothing_of_that_name_is_missing(photos: Path, word: str) -> None:
    with pytest.raises(MissingError, match="there is no such image, folder, archive or table"):
        found_in(word)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "file,x\n1,2\n", "has no column 'path'.* \\(allowed: it has file, x"),
        ("a.csv", "path\n", "the table names no image"),
        ("a.txt", "\n", "the table names no image"),
        ("a.parquet", "no table", "cannot be read"),
    ],
)
def test_table_without_paths_is_an_error(photos: Path, name: str, text: str, message: str) -> None:
    (photos / name).write_text(text)
    with pytest.raises(DataError, match=message):
        found_in(photos / name)


def test_folder_without_images_is_an_error(photos: Path) -> None:
    os.mkdir("empty")  # noqa: PTH102
    with pytest.raises(DataError, match=f"^{Path.cwd()}/empty: there is no image in it"):
        found_in("empty")
    with pytest.raises(DataError, match="there is no image to predict"):
        found_in()


def test_heic_among_photos_is_an_input_so_that_its_error_is_told(tmp_path: Path):
    for name in ("a.jpg", "b.HEIC", "c.avif", "d.txt"):
        (tmp_path / name).write_bytes(b"x")
    assert [found.inside.name for found in find_inputs([tmp_path], tmp_path)] == ["a.jpg", "b.HEIC", "c.avif"]
