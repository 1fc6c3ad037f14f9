import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from PIL import Image

from auto_train.data.images import ArrayImages, FileImages, Images
from auto_train.data.pixels.resize import resize_images
from auto_train.data.pixels.store import PixelStore, open_pixels
from auto_train.data.pixels.stream import PixelStream
from auto_train.errors import ImageError, TrainingError
from auto_train.types import Progress


@pytest.fixture
def photos(tmp_path: Path) -> FileImages:
    """Return seven crops of two photographs, of different sizes, as files."""
    from sklearn.datasets import load_sample_images

    paths = []
    for i in range(7):
        photo = load_sample_images().images[i % 2]
        paths.append(tmp_path / f"{i}.png")
        Image.fromarray(photo[i * 10 : i * 10 + 60 + 9 * i, i * 20 : i * 20 + 75]).save(paths[-1])
    return FileImages(paths)


def opened(images: Images, cache: Path, side: int = 32, **options):
    hashes = [images.sha256(i) for i in range(len(images))]
    return open_pixels(images, side, hashes=hashes, cache=cache, **options)


def files(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.glob("*.npy"))


def test_store_holds_the_pixels_inference_would_see(photos: FileImages, tmp_path: Path):
    store = opened(photos, tmp_path / "stores")
    assert isinstance(store, PixelStore) and len(store) == 7 and store.side == 32
    live = torch.cat([resize_images(torch.from_numpy(photos[i])[None], 32) for i in range(7)])
    stored = torch.from_numpy(store.batch(range(7))).permute(0, 3, 1, 2)
    assert torch.equal(stored.float(), live)


def test_store_keeps_images_of_its_own_side_untouched(tmp_path: Path):
    array = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
    images = ArrayImages([("digits", array)])
    store = opened(images, tmp_path, 28)
    assert np.array_equal(store.batch(range(5)), array[..., None])
    coloured = np.repeat(array[..., None], 3, axis=3)
    coloured[4, 3, 3] = [1, 2, 3]
    assert np.array_equal(opened(ArrayImages([("digits", coloured)]), tmp_path, 28).batch(range(5)), coloured)


def test_store_batch_is_a_copy_in_the_order_asked(photos: FileImages, tmp_path: Path):
    store = opened(photos, tmp_path / "stores")
    batch = store.batch(np.array([5, 0, 5]))
    assert np.array_equal(batch[0], batch[2]) and np.array_equal(batch[1], store.batch([0])[0])
    batch[:] = 0
    assert store.batch([5]).any()


class Heard(list[Progress]):
    """A listener that keeps what it hears."""

    def __call__(self, event: Progress) -> None:
        assert event.stage == "pixel store"
        self.append(event)

    @property
    def messages(self) -> list[str]:
        return [event.message for event in self if event.message]

    @property
    def done(self) -> list[tuple[float, float | None]]:
        return [(event.done, event.total) for event in self if not event.message]


def test_store_of_the_same_content_is_shared(photos: FileImages, tmp_path: Path):
    first, heard = opened(photos, tmp_path / "stores"), Heard()
    inode = first.path.stat().st_ino
    second = opened(photos, tmp_path / "stores", listener=heard)
    assert second.path == first.path and second.path.stat().st_ino == inode and not heard


def test_store_is_built_anew_when_a_file_changes(photos: FileImages, tmp_path: Path):
    before = opened(photos, tmp_path / "stores").batch([3])
    Image.fromarray(255 - photos[3]).save(photos.paths[3])
    after = opened(photos, tmp_path / "stores").batch([3])
    assert len(files(tmp_path / "stores")) == 2
    # The inverse of a picture resizes to the inverse of its pixels, up to the side rounding falls to.
    assert np.abs(after.astype(int) - (255 - before.astype(int))).max() <= 1


@pytest.mark.parametrize("change", [{"side": 33}, {"made_by": "other"}])
def test_store_of_another_transform_is_another_file(photos: FileImages, tmp_path: Path, change: dict):
    opened(photos, tmp_path / "stores")
    opened(photos, tmp_path / "stores", **change)
    assert len(files(tmp_path / "stores")) == 2


def test_store_over_its_limit_streams_identical_pixels_and_says_so(photos: FileImages, tmp_path: Path):
    heard = Heard()
    stream = opened(photos, tmp_path / "stores", limit_mb=0, listener=heard)
    assert isinstance(stream, PixelStream) and not files(tmp_path / "stores")
    assert heard.messages == [
        "0.022 MB do not fit: stores may take 0 MB ([training.data] cache_mb); the images are decoded in every epoch"
    ]
    store = opened(photos, tmp_path / "stores")
    assert np.array_equal(stream.batch([6, 1, 2]), store.batch([6, 1, 2])) and len(stream) == len(store)


def test_store_applies_the_preprocess_before_the_resize(photos: FileImages, tmp_path: Path):
    def left_half(images: torch.Tensor) -> torch.Tensor:
        return images[:, :, : images.shape[2] // 2]

    store = opened(photos, tmp_path / "stores", preprocess=left_half, made_by="left_half")
    expected = resize_images(left_half(torch.from_numpy(photos[4])[None]), 32)
    assert torch.equal(torch.from_numpy(store.batch([4])).permute(0, 3, 1, 2).float(), expected)


def test_store_says_first_what_it_will_take_and_then_how_far_it_is(photos: FileImages, tmp_path: Path):
    heard = Heard()
    opened(photos, tmp_path / "stores", listener=heard)
    assert heard.messages == [f"7 images at 32 px, 0.022 MB on disk in {tmp_path}/stores"]
    assert heard[0].message and heard.done[-1] == (7, 7)


def test_store_of_an_unreadable_image_names_it_and_leaves_nothing(photos: FileImages, tmp_path: Path):
    photos.paths[2].write_bytes(photos.paths[2].read_bytes()[:200])
    with pytest.raises(ImageError, match=r"2\.png"):
        opened(photos, tmp_path / "stores")
    assert not list((tmp_path / "stores").iterdir())


class Counted(FileImages):
    """Images that note which of them are decoded."""

    decoded: ClassVar[list[str]] = []

    def __getitem__(self, row: int, /) -> np.ndarray:
        self.decoded.append(self.paths[row].name)
        return super().__getitem__(row)


def test_store_decodes_only_images_that_no_older_store_has(photos: FileImages, tmp_path: Path):
    opened(photos, tmp_path / "stores")
    Image.fromarray(255 - photos[3]).save(photos.paths[3])
    fewer = Counted([photos.paths[i] for i in (6, 3, 3, 0)])
    Counted.decoded.clear()
    store, heard = opened(fewer, tmp_path / "stores"), Heard()
    assert sorted(Counted.decoded) == ["3.png", "3.png"]
    assert np.array_equal(store.batch(range(4)), opened(fewer, tmp_path / "other").batch(range(4)))
    # Another transform has other pixels.
    Counted.decoded.clear()
    opened(fewer, tmp_path / "stores", 33, listener=heard)
    assert len(Counted.decoded) == 4 and heard.done[-1] == (4, 4)


def test_store_copies_grey_images_into_one_with_colours(photos: FileImages, tmp_path: Path):
    grey = [tmp_path / f"grey{i}.png" for i in range(3)]
    for i, path in enumerate(grey):
        Image.fromarray(photos[i]).convert("L").save(path)
    assert opened(FileImages(grey), tmp_path / "stores").batch([0]).shape == (1, 32, 32, 1)
    mixed = FileImages([photos.paths[0], *grey])
    store = opened(mixed, tmp_path / "stores")
    assert np.array_equal(store.batch(range(4)), opened(mixed, tmp_path / "other").batch(range(4)))
    # And back.
    assert opened(FileImages(grey[1:]), tmp_path / "stores").batch([0]).shape == (1, 32, 32, 1)


def test_store_has_only_the_files_it_needs(photos: FileImages, tmp_path: Path):
    store = opened(photos, tmp_path / "stores")
    assert list((tmp_path / "stores").iterdir()) == [store.path]
    # A standard file: anyone can read it.
    assert np.array_equal(np.load(store.path), store.array)
    assert store.hashes().tolist() == [photos.sha256(i).encode() for i in range(7)]


BUILD = """
import sys, time
from pathlib import Path
from auto_train.data.images import FileImages
from auto_train.data.pixels.store import open_pixels
folder = Path(sys.argv[1])
images = FileImages(sorted(folder.glob("*.png")))
def say(event):
    print(event.message or event.done, flush=True)

class Slow(FileImages):
    def __getitem__(self, row):
        time.sleep(float(sys.argv[2]))
        return super().__getitem__(row)

store = open_pixels(Slow(images.paths), 32, hashes=[images.sha256(i) for i in range(len(images))],
                    cache=folder / "stores", listener=say)
print("sum", int(store.batch(range(len(store))).astype(int).sum()))
"""


def build(folder: Path, seconds_per_image: float = 0.0) -> "subprocess.Popen[str]":
    """Start a process that builds the store of the PNG files in a folder."""
    command = [sys.executable, "-c", BUILD, folder, str(seconds_per_image)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_store_two_processes_at_once_build_it_once(photos: FileImages, tmp_path: Path):
    processes = [build(tmp_path, 0.2) for _ in range(2)]
    first, second = sorted(process.communicate(timeout=120)[0].splitlines() for process in processes)
    # One of them waits and says so, unless it came after the other was done.
    assert len(first) > 2 and first[0].startswith("7 images at 32 px") and first[-2] == "7"
    assert second[:-1] in ([], ["another run is building it; waiting for it"])
    assert first[-1] == second[-1] and len(files(tmp_path / "stores")) == 1


def test_store_of_a_builder_at_work_is_waited_for_and_that_is_said(photos: FileImages, tmp_path: Path):
    other = build(tmp_path, 0.5)
    assert other.stdout and other.stdout.readline().startswith("7 images at 32 px")
    heard = Heard()
    store = opened(photos, tmp_path / "stores", listener=heard)
    assert heard.messages == ["another run is building it; waiting for it"] and not heard.done
    total = int(store.batch(range(7)).astype(int).sum())
    assert other.communicate(timeout=120)[0].splitlines()[-1] == f"sum {total}"


def test_store_of_a_killed_builder_is_built_by_the_one_that_waits(photos: FileImages, tmp_path: Path):
    other = build(tmp_path, 100)
    assert other.stdout and other.stdout.readline().startswith("7 images at 32 px")
    heard = Heard()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(opened, photos, tmp_path / "stores", listener=heard)
        while not heard:
            time.sleep(0.01)
        other.kill()
        store = waiting.result(60)
    other.communicate()
    assert heard.messages[0].startswith("another run") and heard.messages[1].startswith("7 images")
    assert np.array_equal(store.batch(range(7)), opened(photos, tmp_path / "other").batch(range(7)))
    assert list((tmp_path / "stores").iterdir()) == [store.path]


# A file size limit stands for the full disk: writing past it fails with EFBIG where a disk gives ENOSPC.
FULL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"


def test_store_on_a_full_disk_is_a_clear_error(photos: FileImages, tmp_path: Path):
    code = FULL + BUILD
    done = subprocess.run([sys.executable, "-c", code, tmp_path, "0"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert f"TrainingError: {tmp_path}/stores: cannot write the pixel store: " in done.stderr
    assert "cache_mb = 0" in done.stderr
    assert not list((tmp_path / "stores").iterdir())


def test_store_that_cannot_be_written_is_a_clear_error(photos: FileImages, tmp_path: Path):
    (tmp_path / "stores").write_text("a file where the folder should be")
    with pytest.raises(TrainingError, match=r"stores: cannot write the pixel store: .*exists"):
        opened(photos, tmp_path / "stores")


def test_store_takes_read_only_arrays(tmp_path: Path):
    array = np.broadcast_to(np.uint8(7), (3, 9, 9, 3))
    store = open_pixels(ArrayImages([("sevens", array)]), 4, hashes=["a", "b", "c"], cache=tmp_path)
    assert (store.batch([0, 2]) == 7).all()
