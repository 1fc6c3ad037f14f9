import os
import resource
from pathlib import Path

import pytest

from auto_train.errors import DataError, TrainingError
from auto_train.files import (
    SYNC_BYTES,
    WrittenThrough,
    append_line,
    cut_torn_line,
    replace_file,
    replace_link,
    write_atomically,
    write_file,
    write_folder,
)


def write_and_raise(path: Path, error: Exception) -> None:
    with write_file(path) as part:
        part.write_bytes(b"half of the new")
        raise error


def test_file_is_replaced_whole(tmp_path: Path):
    path = tmp_path / "new" / "weights.bin"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two" and [p.name for p in path.parent.iterdir()] == ["weights.bin"]


def test_file_written_through_holds_every_byte(tmp_path: Path):
    path, parts = tmp_path / "large.bin", [os.urandom(SYNC_BYTES // 3) for _ in range(8)]
    with WrittenThrough(path) as file:
        assert [file.write(memoryview(part)) for part in parts] == [len(part) for part in parts]
        assert path.stat().st_size == sum(map(len, parts))
    assert path.read_bytes() == b"".join(parts)


def test_file_stays_as_it_was_when_writing_fails(tmp_path: Path):
    path = tmp_path / "weights.bin"
    write_atomically(path, b"old")
    with pytest.raises(ZeroDivisionError):
        write_and_raise(path, ZeroDivisionError())
    assert path.read_bytes() == b"old" and [p.name for p in tmp_path.iterdir()] == ["weights.bin"]


def test_folder_where_the_file_should_be_is_a_training_error(tmp_path: Path):
    (tmp_path / "weights.bin").mkdir()
    with pytest.raises(TrainingError, match=rf"{tmp_path}: cannot write weights.bin: .*irectory") as caught:
        write_atomically(tmp_path / "weights.bin", b"new")
    assert caught.value.exit_code == 4


def test_own_errors_pass_through_unchanged(tmp_path: Path):
    with pytest.raises(DataError, match="as it was"):
        write_and_raise(tmp_path / "a", DataError("as it was"))


def test_callers_with_words_of_their_own_get_the_systems_error(tmp_path: Path):
    (tmp_path / "report.html").mkdir()
    with pytest.raises(OSError, match="irectory"), replace_file(tmp_path / "report.html", durable=False) as part:
        part.touch()
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_folder_is_replaced_whole_or_stays(tmp_path: Path):
    folder = tmp_path / "bundle"
    for name in ("one", "two"):
        with write_folder(folder) as part:
            (part / name).touch()
    with pytest.raises(ZeroDivisionError), write_folder(folder) as part:
        raise ZeroDivisionError
    assert [path.name for path in folder.iterdir()] == ["two"] and [path.name for path in tmp_path.iterdir()] == [
        "bundle"
    ]


def test_link_is_pointed_elsewhere(tmp_path: Path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        replace_link(tmp_path / "latest", name)
        assert (tmp_path / "latest").readlink() == Path(name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "one", "two"]


def test_temporary_file_is_gone_after_an_error_within(tmp_path: Path):
    with pytest.raises(DataError):
        write_and_raise(tmp_path / "a", DataError("no"))
    assert not list(tmp_path.iterdir())


def test_line_on_a_full_disk_is_not_there_by_half(tmp_path: Path):
    path = tmp_path / "lines.jsonl"
    append_line(path, "one")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6, before[1]))
    try:
        with pytest.raises(TrainingError, match=rf"{tmp_path}: cannot write lines.jsonl: File too large\n  free some"):
            append_line(path, "another")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    append_line(path, "two")
    assert path.read_text() == "one\ntwo\n"


@pytest.mark.parametrize(
    ("before", "after"), [("one\ntwo\n", "one\ntwo\n"), ("one\ntw", "one\n"), ("on", ""), ("", "")]
)
def test_torn_last_line_is_cut(tmp_path: Path, before: str, after: str):
    path = tmp_path / "lines.jsonl"
    path.write_text(before)
    cut_torn_line(path)
    assert path.read_text() == after


def test_file_that_is_not_there_has_no_torn_line(tmp_path: Path):
    cut_torn_line(tmp_path / "lines.jsonl")
    assert not list(tmp_path.iterdir())
