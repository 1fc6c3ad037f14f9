import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from auto_train.data.images import ArrayImages, FileImages
from auto_train.data.resize import resize_images
from auto_train.data.store import PixelStore, PixelStream, open_pixels
from auto_train.errors import TrainingError


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


def opened(images: FileImages, cache: Path, side: int = 32, **options):
    hashes = [images.sha256(i) for i in range(len(images))]
    return open_pixels(images, side, hashes=hashes, cache=cache, **options)


def files(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.glob("*.npy"))


def test_store_holds_the_pixels_inference_would_see(photos: FileImages, tmp_path: Path):
    store = opened(photos, tmp_path / "cache")
    assert isinstance(store, PixelStore) and len(store) == 7 and store.side == 32
    live = torch.cat([resize_images(torch.from_numpy(photos[i])[None], 32) for i in range(7)])
    stored = torch.from_numpy(store.batch(range(7))).permute(0, 3, 1, 2)
    assert torch.equal(stored.float(), live)


def test_store_keeps_images_of_its_own_side_untouched(tmp_path: Path):
    array = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
    images = ArrayImages([("digits", array)])
    store = open_pixels(images, 28, hashes=[images.sha256(i) for i in range(5)], cache=tmp_path)
    assert np.array_equal(store.batch(range(5)), np.repeat(array[..., None], 3, axis=3))


def test_store_batch_is_a_copy_in_the_order_asked(photos: FileImages, tmp_path: Path):
    store = opened(photos, tmp_path / "cache")
    batch = store.batch(np.array([5, 0, 5]))
    assert np.array_equal(batch[0], batch[2]) and np.array_equal(batch[1], store.batch([0])[0])
    batch[:] = 0
    assert store.batch([5]).any()


def test_store_of_the_same_content_is_shared(photos: FileImages, tmp_path: Path):
    first = opened(photos, tmp_path / "cache")
    written = first.path.stat().st_mtime_ns
    built: list[int] = []
    second = opened(photos, tmp_path / "cache", progress=lambda done, total: built.append(done))
    assert second.path == first.path and second.path.stat().st_mtime_ns == written and not built


def test_store_is_built_anew_when_a_file_changes(photos: FileImages, tmp_path: Path):
    before = opened(photos, tmp_path / "cache").batch([3])
    Image.fromarray(255 - photos[3]).save(photos.paths[3])
    after = opened(photos, tmp_path / "cache").batch([3])
    assert len(files(tmp_path / "cache")) == 2
    # The inverse of a picture resizes to the inverse of its pixels, up to the side rounding falls to.
    assert np.abs(after.astype(int) - (255 - before.astype(int))).max() <= 1


@pytest.mark.parametrize("change", [{"side": 33}, {"made_by": "other"}])
def test_store_of_another_transform_is_another_file(photos: FileImages, tmp_path: Path, change: dict):
    opened(photos, tmp_path / "cache")
    opened(photos, tmp_path / "cache", **change)
    assert len(files(tmp_path / "cache")) == 2


def test_store_over_its_limit_streams_identical_pixels(photos: FileImages, tmp_path: Path):
    stream = opened(photos, tmp_path / "cache", limit_mb=0)
    assert isinstance(stream, PixelStream) and not files(tmp_path / "cache")
    store = opened(photos, tmp_path / "cache")
    assert np.array_equal(stream.batch([6, 1, 2]), store.batch([6, 1, 2])) and len(stream) == len(store)


def test_store_applies_the_preprocess_before_the_resize(photos: FileImages, tmp_path: Path):
    def left_half(images: torch.Tensor) -> torch.Tensor:
        return images[:, :, : images.shape[2] // 2]

    store = opened(photos, tmp_path / "cache", preprocess=left_half, made_by="left_half")
    expected = resize_images(left_half(torch.from_numpy(photos[4])[None]), 32)
    assert torch.equal(torch.from_numpy(store.batch([4])).permute(0, 3, 1, 2).float(), expected)


def test_store_tells_how_far_it_is(photos: FileImages, tmp_path: Path):
    told: list[tuple[int, int]] = []
    opened(photos, tmp_path / "cache", progress=lambda done, total: told.append((done, total)))
    assert told == [(7, 7)]


def test_store_of_an_unreadable_image_names_it_and_leaves_nothing(photos: FileImages, tmp_path: Path):
    photos.paths[2].write_bytes(photos.paths[2].read_bytes()[:200])
    with pytest.raises(ValueError, match=r"2\.png"):
        opened(photos, tmp_path / "cache")
    assert not [path for path in (tmp_path / "cache").iterdir() if path.suffix != ".lock"]


BUILD = """
import sys
from pathlib import Path
from auto_train.data.images import FileImages
from auto_train.data.store import open_pixels
folder = Path(sys.argv[1])
images = FileImages(sorted(folder.glob("*.png")))
built = []
store = open_pixels(images, 32, hashes=[images.sha256(i) for i in range(len(images))], cache=folder / "cache",
                    progress=lambda done, total: built.append(done))
print(len(built), int(store.batch(range(len(store))).astype(int).sum()))
"""


def test_store_two_processes_at_once_build_it_once(photos: FileImages, tmp_path: Path):
    processes = [
        subprocess.Popen([sys.executable, "-c", BUILD, tmp_path], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    answers = [process.communicate(timeout=120)[0].split() for process in processes]
    assert sorted(built for built, _ in answers) == ["0", "1"]
    assert answers[0][1] == answers[1][1] and len(files(tmp_path / "cache")) == 1


# A file size limit stands for the full disk: writing past it fails with EFBIG where a disk gives ENOSPC.
FULL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"


def test_store_on_a_full_disk_is_a_clear_error(photos: FileImages, tmp_path: Path):
    code = FULL + BUILD
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert f"TrainingError: {tmp_path}/cache: cannot write the pixel store: " in done.stderr
    assert "cache_mb = 0" in done.stderr
    assert not [path for path in (tmp_path / "cache").iterdir() if path.suffix != ".lock"]


def test_store_that_cannot_be_written_is_a_clear_error(
    photos: FileImages, tmp_path: Path, make_files: Callable[..., Path]
):
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises((TrainingError, OSError), match="cache"):
        opened(photos, tmp_path / "cache")


def test_store_takes_read_only_arrays(tmp_path: Path):
    array = np.broadcast_to(np.uint8(7), (3, 9, 9, 3))
    store = open_pixels(ArrayImages([("sevens", array)]), 4, hashes=["a", "b", "c"], cache=tmp_path)
    assert (store.batch([0, 2]) == 7).all()
