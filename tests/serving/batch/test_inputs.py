import os
from pathlib import Path

import pandas as pd
import pytest

from auto_train.errors import DataError, MissingError
from auto_train.serving.batch import find_inputs


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder, below the working directory, with images on two levels and other files."""
    for name in ("b.jpg", "a.PNG", "deep/c.webp", "notes.md", "deep/d.txt.bak"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "photos"


def names(*words: str | Path) -> list[str]:
    return [one.name for one in find_inputs(words)]


def test_folder_is_all_images_below_it_sorted(photos: Path) -> None:
    found = find_inputs(["photos"])
    assert [one.name for one in found] == ["photos/a.PNG", "photos/b.jpg", "photos/deep/c.webp"]
    assert [str(one.inside) for one in found] == ["a.PNG", "b.jpg", "deep/c.webp"]
    assert all(one.path.is_absolute() for one in found)


def test_file_and_pattern_and_folder_name_each_image_once(photos: Path) -> None:
    assert names("photos/b.jpg", "photos/*.jpg", photos) == ["photos/b.jpg", f"{photos}/a.PNG", f"{photos}/deep/c.webp"]
    assert names("photos/**/*.webp") == ["photos/deep/c.webp"]
    assert names("photos/notes.md") == ["photos/notes.md"]  # what is named is taken at its word


@pytest.mark.parametrize("suffix", ["csv", "parquet", "txt"])
def test_table_names_images_beside_it_or_from_here(photos: Path, suffix: str) -> None:
    table, listed = photos / f"list.{suffix}", ["b.jpg", "photos/a.PNG", str(photos / "deep/c.webp"), "gone.jpg"]
    if suffix == "txt":
        table.write_text("\n".join(listed) + "\n\n")
    elif suffix == "csv":
        pd.DataFrame({"number": range(4), "path": listed}).to_csv(table, index=False)
    else:
        pd.DataFrame({"path": listed}).to_parquet(table)
    assert [one.path for one in find_inputs([table])] == [
        photos / "b.jpg",
        photos / "a.PNG",
        photos / "deep/c.webp",
        Path.cwd() / "gone.jpg",
    ]


@pytest.mark.parametrize("word", ["none.jpg", "none/*.jpg", "photos/*.gif", "x" * 5000, "a\0b"])
def test_nothing_of_that_name_is_missing(photos: Path, word: str) -> None:
    with pytest.raises(MissingError, match="there is no such image, folder or table"):
        find_inputs([word])


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
        find_inputs([photos / name])


def test_folder_without_images_is_an_error(photos: Path) -> None:
    os.mkdir("empty")  # noqa: PTH102
    with pytest.raises(DataError, match="there is no image in this folder"):
        find_inputs(["empty"])
    with pytest.raises(DataError, match="there is no image to predict"):
        find_inputs([])
