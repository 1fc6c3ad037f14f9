import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auto_train.data.images import ArrayImages, FileImages
from auto_train.data.pixels.resize import resize_image
from auto_train.data.pixels.stream import AHEAD, PixelStream
from auto_train.data.pixels.transform import PixelTransform
from auto_train.errors import ImageError


@pytest.fixture
def photos(tmp_path: Path) -> FileImages:
    """Return six cuts of a photograph as JPEG files."""
    from sklearn.datasets import load_sample_image

    photo = load_sample_image("china.jpg")
    paths = [tmp_path / f"{i}.jpg" for i in range(6)]
    for i, path in enumerate(paths):
        Image.fromarray(photo[10 * i : 10 * i + 300, 30 * i : 30 * i + 400]).save(path)
    return FileImages(paths)


class Noted(ArrayImages):
    """Images that note when they are read."""

    def __getitem__(self, row: int, /) -> np.ndarray:
        reads.append(row)
        return super().__getitem__(row)


reads: list[int] = []


def numbered(n: int) -> PixelStream:
    reads.clear()
    array = np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None], (n, 4, 4))
    return PixelStream(Noted([("numbers", array)]), PixelTransform(side=4))


def test_stream_decodes_and_resizes_each_image(photos: FileImages):
    stream = PixelStream(photos, PixelTransform(side=50))
    assert len(stream) == 6 and stream.side == 50
    assert np.array_equal(stream.batch([4, 1]), np.stack([resize_image(photos[i], 50) for i in (4, 1)]))


def test_stream_of_reduced_images_is_close_to_the_full_decode(photos: FileImages):
    full, reduced = (PixelStream(images, PixelTransform(side=64)) for images in (photos, photos.reduce(64)))
    difference = np.abs(full.batch(range(6)).astype(int) - reduced.batch(range(6)))
    assert 0 < difference.mean() < 6


def test_stream_batches_come_in_order_whatever_their_sizes():
    stream = numbered(20)
    positions = [np.array([3, 1, 2]), np.array([19]), np.array([0, 0, 7, 8, 9, 5])]
    found = list(stream.batches(positions))
    assert [batch[:, 0, 0, 0].tolist() for batch in found] == [batch.tolist() for batch in positions]


def test_stream_reads_ahead_while_a_batch_is_in_use_but_not_far():
    stream = numbered(200)
    batches = stream.batches(np.split(np.arange(200), 50))
    next(batches)
    end = time.monotonic() + 10
    while len(reads) < 4 + 4 * AHEAD and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.1)
    assert len(reads) == 4 + 4 * AHEAD


def test_stream_left_in_the_middle_reads_no_more():
    stream = numbered(200)
    batches = stream.batches(np.split(np.arange(200), 50))
    next(batches)
    batches.close()
    time.sleep(0.1)
    assert len(reads) <= 4 + 4 * AHEAD


def test_stream_of_a_file_that_vanished_names_it(photos: FileImages):
    photos.paths[3].unlink()
    batches = PixelStream(photos, PixelTransform(side=8)).batches([np.array([0, 1]), np.array([2, 3])])
    assert len(next(batches)) == 2
    with pytest.raises(ImageError, match=r"3\.jpg: cannot be read"):
        next(batches)


def test_stream_of_grey_images_has_one_channel_as_their_store(photos: FileImages):
    grey = numbered(5).batch([2, 4])
    assert grey.shape == (2, 4, 4, 1) and grey[:, 0, 0, 0].tolist() == [2, 4]


def test_stream_decodes_in_several_threads(photos: FileImages):
    threads = set()

    def note(images):
        threads.add(threading.get_ident())
        time.sleep(0.02)
        return images

    list(PixelStream(photos, PixelTransform(side=8, preprocess=note)).batches([np.arange(6)] * 4))
    assert threading.get_ident() not in threads and len(threads) >= 1
