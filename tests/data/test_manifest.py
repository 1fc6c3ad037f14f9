from pathlib import Path

import pytest

from auto_train.data import assign_splits, evaluation_hash, read_samples, write_manifest
from auto_train.errors import DataError
from auto_train.runs.tables import read_manifest


@pytest.fixture
def folder(make_files) -> Path:
    return make_files(
        *(f"{split}/{label}/{i}.png" for split in ("train", "valid", "test") for label in "ab" for i in "12")
    )


def test_manifest_written_and_read_is_the_same(folder: Path, tmp_path: Path) -> None:
    samples = assign_splits(read_samples(folder))

    write_manifest(samples, tmp_path / "manifest.csv")

    assert (tmp_path / "manifest.csv").read_text().splitlines()[0] == "path,split,label,sha256"
    assert read_manifest(tmp_path / "manifest.csv").equals(samples.table[["path", "split", "label", "sha256"]])
    assert not list(tmp_path.glob(".*"))


def test_manifest_any_name_and_label_survives(make_files, tmp_path: Path) -> None:
    folder = make_files('a,"b"/x\ny.png', "007/1.png", "NA/№.png")
    raw = folder / "NA" / b"\xff\xfe.png".decode(errors="surrogateescape")
    raw.write_bytes((folder / "007/1.png").read_bytes())
    samples = assign_splits(read_samples(folder))

    write_manifest(samples, tmp_path / "manifest.csv")

    assert read_manifest(tmp_path / "manifest.csv").equals(samples.table[["path", "split", "label", "sha256"]])


def test_manifest_freezes_the_splits_of_a_later_reading(make_files, tmp_path: Path) -> None:
    samples = assign_splits(read_samples(make_files(*(f"{label}/{i}.png" for label in "ab" for i in range(10)))), 0.5)
    write_manifest(samples, tmp_path / "manifest.csv")
    manifest = read_manifest(tmp_path / "manifest.csv")

    again = assign_splits(read_samples(samples.root), 0.1, frozen=dict(zip(manifest["path"], manifest["split"])))

    assert again.table.equals(samples.table)


@pytest.mark.parametrize("content", ["", "path,split\n", "path,split,label,sha256\na,train\n", "\x00"])
def test_read_manifest_of_something_else_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.csv").write_text(content)

    with pytest.raises(DataError, match=r"manifest.csv: (cannot be read as a manifest|is no manifest)"):
        read_manifest(tmp_path / "manifest.csv")


def test_read_manifest_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"manifest.csv: cannot be read .*No such file"):
        read_manifest(tmp_path / "manifest.csv")


def test_evaluation_hash_is_of_valid_and_test_rows_wherever_they_lie(folder: Path, make_files, tmp_path: Path) -> None:
    whole = evaluation_hash(read_samples(folder))

    moved = folder.rename(tmp_path / "elsewhere")
    assert evaluation_hash(read_samples(moved)) == whole
    (moved / "train/a/1.png").unlink()
    assert evaluation_hash(read_samples(moved)) == whole
    (moved / "valid/a/1.png").rename(moved / "valid/b/3.png")
    assert evaluation_hash(read_samples(moved)) != whole
