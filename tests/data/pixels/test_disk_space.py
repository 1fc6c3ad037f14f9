import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from auto_train.data.images import ArrayImages
from auto_train.data.pixels.disk_space import InWorkError, NoRoomError, create_store, megabytes, wait_for_builder
from auto_train.data.pixels.store import PixelStore, open_pixels
from auto_train.data.pixels.stream import PixelStream
from auto_train.data.pixels.transform import Pixels

MB = 1_000_000


@pytest.fixture
def stores(tmp_path: Path) -> Path:
    folder = tmp_path / "stores"
    folder.mkdir()
    return folder


def write(path: Path, size: int, *, age_s: int = 0) -> Path:
    """Make a store's file of this size that was used so long ago."""
    with create_store(path, size, limit_mb=None):
        pass
    used = path.stat().st_mtime - age_s
    os.utime(path, (used, used))
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_new_store_appears_when_it_is_whole(stores: Path):
    with create_store(stores / "a.npy", 1000, limit_mb=None) as file:
        assert names(stores) == ["a.part"]
        file.write(b"x" * 1000)
    assert names(stores) == ["a.npy"] and (stores / "a.npy").read_bytes() == b"x" * 1000


def test_new_store_that_fails_leaves_nothing(stores: Path):
    with pytest.raises(ZeroDivisionError), create_store(stores / "a.npy", 1000, limit_mb=None):
        raise ZeroDivisionError
    assert names(stores) == []


def test_new_store_in_work_is_not_begun_twice(stores: Path):
    with (
        create_store(stores / "a.npy", 1000, limit_mb=None),
        pytest.raises(InWorkError),
        create_store(stores / "a.npy", 1000, limit_mb=None),
    ):
        pass
    with pytest.raises(InWorkError), create_store(stores / "a.npy", 1000, limit_mb=None):
        pass
    wait_for_builder(stores / "a.npy")  # returns at once: there is none any more
    assert names(stores) == ["a.npy"]


def test_new_store_removes_what_killed_builds_left(stores: Path):
    for name in ("a.part", "b.part", "c.npy.lock"):
        (stores / name).write_bytes(b"left")
    with create_store(stores / "b.npy", 10, limit_mb=None):
        # The one in work stays when another begins.
        write(stores / "d.npy", 10)
        assert names(stores) == ["b.part", "d.npy"]
    assert names(stores) == ["b.npy", "d.npy"]


def test_room_is_made_by_deleting_what_was_used_longest_ago(stores: Path):
    for name, age_s in (("new", 10), ("oldest", 1000), ("old", 100)):
        write(stores / f"{name}.npy", 3 * MB, age_s=age_s)
    with create_store(stores / "next.npy", 2 * MB, limit_mb=9):
        pass
    assert names(stores) == ["new.npy", "next.npy", "old.npy"]
    with create_store(stores / "last.npy", 6 * MB, limit_mb=9):
        pass
    # new.npy is older than next.npy.
    assert names(stores) == ["last.npy", "next.npy"]


def test_room_counts_what_is_being_built(stores: Path):
    with create_store(stores / "a.npy", 5 * MB, limit_mb=9), pytest.raises(NoRoomError, match=r"5 MB of it in use"):
        write_with_limit(stores / "b.npy", 5 * MB, 9)


def write_with_limit(path: Path, size: int, limit_mb: int) -> None:
    with create_store(path, size, limit_mb=limit_mb):
        pass


def test_room_that_cannot_be_made_deletes_nothing(stores: Path):
    write(stores / "a.npy", 3 * MB, age_s=10)
    with pytest.raises(NoRoomError, match=r"^10 MB do not fit: stores may take 9 MB \(\[training.data\] cache_mb\)$"):
        write_with_limit(stores / "b.npy", 10 * MB, 9)
    assert names(stores) == ["a.npy"]


def test_room_without_a_limit_is_half_of_the_free_disk(stores: Path):
    free = shutil.disk_usage(stores).free
    with pytest.raises(NoRoomError):
        write(stores / "a.npy", round(free * 0.6))
    assert names(stores) == []


def stored(name: str, folder: Path, *, limit_mb: int) -> Pixels:
    """Open 2,000 coloured images of 20 px: 2.5 MB."""
    images = ArrayImages([(name, np.broadcast_to(np.uint8([1, 2, 3]), (2000, 20, 20, 3)))])
    return open_pixels(images, 20, hashes=[f"{name}{i}" for i in range(2000)], cache=folder, limit_mb=limit_mb)


def test_store_in_use_is_not_deleted_and_the_next_one_streams(stores: Path):
    train, valid = stored("train", stores, limit_mb=4), stored("valid", stores, limit_mb=4)
    assert isinstance(train, PixelStore) and isinstance(valid, PixelStream)
    assert names(stores) == [train.path.name]
    # Not in use any more, it makes room.
    del train
    valid = stored("valid", stores, limit_mb=4)
    assert isinstance(valid, PixelStore) and names(stores) == [valid.path.name]


def test_store_opened_again_is_the_last_used(stores: Path):
    paths = [stored(name, stores, limit_mb=6).path for name in ("a", "b")]
    for path in paths:
        os.utime(path, (1, 1))
    stored("a", stores, limit_mb=6)
    third = stored("c", stores, limit_mb=6)
    assert names(stores) == sorted([paths[0].name, third.path.name])


def test_megabytes_are_readable():
    assert [megabytes(size) for size in (147_400_000, 12_000_000_000, 1_234_567, 22_000, 0)] == [
        "147 MB",
        "12,000 MB",
        "1.2 MB",
        "0.022 MB",
        "0 MB",
    ]
