import hashlib
from pathlib import Path

import pytest

from auto_train.bundle.filelist import FILELIST, make_filelist, read_filelist, sha256_of, verify_filelist
from auto_train.errors import BundleError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / "weights.bin").write_bytes(b"weights")
    (tmp_path / "sub" / "a name with blanks.json").write_text("{}")
    make_filelist(tmp_path)
    return tmp_path


def test_filelist_names_every_file_below_with_its_sum(folder: Path):
    # sha256 of b"{}" and b"weights", by hashlib
    expected = {name: hashlib.sha256(data).hexdigest() for name, data in
                {"sub/a name with blanks.json": b"{}", "weights.bin": b"weights"}.items()}  # fmt: skip
    assert read_filelist(folder) == expected
    lines = (folder / FILELIST).read_text().split("\n")
    assert lines == [f"{name} {digest}" for name, digest in sorted(expected.items())] + [""]


def test_filelist_of_unchanged_files_passes(folder: Path):
    verify_filelist(folder)
    make_filelist(folder)  # again: it does not list itself
    verify_filelist(folder)


def test_altered_and_missing_files_are_all_named_and_nothing_is_deleted(folder: Path):
    (folder / "weights.bin").write_bytes(b"Weights")
    (folder / "sub" / "a name with blanks.json").unlink()
    (folder / "unlisted.txt").write_text("mine")
    with pytest.raises(BundleError) as caught:
        verify_filelist(folder)
    text = str(caught.value)
    assert text.startswith(f"{folder}: INTEGRITY ERROR: ") and caught.value.exit_code == 6
    assert "sub/a name with blanks.json is missing" in text and "weights.bin was altered" in text
    assert (folder / "weights.bin").read_bytes() == b"Weights" and (folder / "unlisted.txt").exists()


def test_line_without_a_sum_asks_for_the_file_only(folder: Path):
    (folder / FILELIST).write_text("weights.bin\n")
    (folder / "weights.bin").write_bytes(b"anything")
    verify_filelist(folder)
    (folder / "weights.bin").unlink()
    with pytest.raises(BundleError, match=r"weights\.bin is missing"):
        verify_filelist(folder)


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "sub/../../outside"])
def test_path_outside_the_folder_is_refused(folder: Path, name: str):
    (folder / FILELIST).write_text(f"{name} {'0' * 64}\n")
    with pytest.raises(BundleError, match=r"filelist.txt names '.*', outside its folder"):
        verify_filelist(folder)


def test_missing_filelist_is_an_invalid_bundle(tmp_path: Path):
    with pytest.raises(BundleError, match=rf"Invalid repo: {tmp_path} has no filelist.txt\n  name the folder"):
        verify_filelist(tmp_path)


def test_sum_is_that_of_the_bytes(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"abc")
    # FIPS 180-2, example of SHA-256
    assert sha256_of(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
