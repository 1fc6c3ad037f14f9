from pathlib import Path

import pytest

from auto_train.data.checksum import ChecksumError, sha256_of, verify

# Source: FIPS 180-2, appendix B.1: the sha256 of "abc"
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_sha256_of_known_text_is_the_published_sum(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")

    assert sha256_of(tmp_path / "a") == ABC


def test_verify_right_or_no_sum_passes_and_another_names_both(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")

    verify(tmp_path / "a", ABC.upper(), where="here", hint="")
    verify(tmp_path / "a", "", where="here", hint="")
    with pytest.raises(ChecksumError, match=f"here: sha256 is '{ABC}', expected '1'"):
        verify(tmp_path / "a", "1", where="here", hint="")
