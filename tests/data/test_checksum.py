import os
import time
from pathlib import Path

import pytest

from auto_train.data.checksum import ChecksumError, hash_file, hash_files, verify
from auto_train.data.image_cache import load_sums, remember_sums

# Source: FIPS 180-2, appendix B.1: the sha256 of "abc"
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_sha256_of_known_text_is_the_published_sum(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")

    assert hash_file(tmp_path / "a") == ABC


def test_verify_right_or_no_sum_passes_and_another_names_both(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")

    verify(tmp_path / "a", ABC.upper(), where="here", hint="")
    verify(tmp_path / "a", "", where="here", hint="")
    with pytest.raises(ChecksumError, match=f"here: sha256 is '{ABC}', expected '1'"):
        verify(tmp_path / "a", "1", where="here", hint="")


def test_sha256s_of_many_files_say_which_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")

    found = hash_files([tmp_path / "a", tmp_path / "none", tmp_path])

    assert found[0] == ABC and isinstance(found[1], FileNotFoundError) and isinstance(found[2], IsADirectoryError)


def test_sha256s_of_unchanged_files_are_remembered_and_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert hash_files([path]) == [ABC] and load_sums([bytes(path)]) == {}  # too young to be sure of
    time.sleep(2.1)
    assert hash_files([path]) == [ABC]
    ((state, sha256),) = load_sums([bytes(path)]).values()
    assert sha256 == ABC

    # What was remembered is believed as long as the file is as it was then ...
    remember_sums({bytes(path): (state, "of an earlier start")})
    assert hash_files([path]) == ["of an earlier start"]
    # ... and not when it was written since, be it with its old size and time.
    path.write_bytes(b"abd")
    os.utime(path, ns=(state[1], state[1]))
    assert path.stat().st_size == state[0] and path.stat().st_mtime_ns == state[1]
    assert hash_files([path]) == [hash_file(path)]
