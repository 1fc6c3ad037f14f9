import gzip
import time
from pathlib import Path

import numpy as np
import pytest

from auto_train.data import acquire, assign_splits, read_samples
from auto_train.data.readers.idx import read_idx
from auto_train.errors import DataError

IMAGES = np.arange(4 * 3 * 2, dtype=np.uint8).reshape(4, 3, 2) * 9
LABELS = np.array([1, 0, 1, 2], np.uint8)


def idx(values: np.ndarray) -> bytes:
    return bytes([0, 0, 8, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape) + values.tobytes()


def write(folder: Path, prefix: str, images: bytes, labels: bytes, suffix: str = "") -> Path:
    pack = gzip.compress if suffix else bytes
    folder.mkdir(exist_ok=True)
    (folder / f"{prefix}-images-idx3-ubyte{suffix}").write_bytes(pack(images))
    (folder / f"{prefix}-labels-idx1-ubyte{suffix}").write_bytes(pack(labels))
    return folder


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_idx_pairs_become_splits_and_grey_becomes_rgb(tmp_path: Path, suffix: str) -> None:
    for prefix in ("t10k", "train"):
        write(tmp_path, prefix, idx(IMAGES), idx(LABELS), suffix)

    samples = read_samples(tmp_path)

    assert samples.table["split"].tolist() == ["train"] * 4 + ["test"] * 4
    assert samples.table["path"].tolist()[:2] == ["train-images-idx3-ubyte#0", "train-images-idx3-ubyte#1"]
    assert samples.table["label"].tolist() == ["1", "0", "1", "2"] * 2
    assert (samples.images[1] == IMAGES[1][:, :, None].repeat(3, 2)).all()
    assert samples.images.size(1) == (2, 3)


def test_idx_same_content_has_the_same_sums_packed_or_not(tmp_path: Path) -> None:
    plain = read_samples(write(tmp_path / "a", "train", idx(IMAGES), idx(LABELS))).fill_hashes()
    packed = read_samples(write(tmp_path / "b", "train", idx(IMAGES), idx(LABELS), ".gz")).fill_hashes()

    assert plain.table.equals(packed.table)


def test_idx_unpacked_file_is_mapped_and_read_once(tmp_path: Path) -> None:
    write(tmp_path, "train", idx(IMAGES), idx(LABELS))
    write(tmp_path, "train", idx(IMAGES), idx(LABELS), ".gz")

    assert len(read_samples(tmp_path)) == 4
    assert isinstance(read_idx(tmp_path / "train-images-idx3-ubyte"), np.memmap)


def test_idx_colour_images_and_dotted_names(tmp_path: Path) -> None:
    colour = np.arange(4 * 2 * 2 * 3, dtype=np.uint8).reshape(4, 2, 2, 3)
    (tmp_path / "train-images.idx4-ubyte").write_bytes(idx(colour))
    (tmp_path / "train-labels.idx1-ubyte").write_bytes(idx(LABELS))

    assert (read_samples(tmp_path).images[3] == colour[3]).all()


GOOD = idx(IMAGES)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no idx file: it begins with b''"),
        (b"hello world", "is no idx file: it begins with b'hell'"),
        (b"\0\0\x0d" + GOOD[3:], "is no idx file"),
        (GOOD[:9], "ends within its header"),
        (GOOD[:-1], "holds 23 values, its header promises 24"),
        (GOOD + b"x", "holds 25 values or more, its header promises 24"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "holds 0 values, its header promises 79,"),
    ],
)
def test_idx_wrong_file_is_refused(tmp_path: Path, content: bytes, message: str, suffix: str) -> None:
    folder = write(tmp_path, "train", content, idx(LABELS), suffix)

    with pytest.raises(DataError, match=f"train-images-idx3-ubyte{suffix}: {message}"):
        read_samples(folder)


def test_idx_truncated_gz_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, "train", idx(np.zeros((50, 28, 28), np.uint8)), idx(LABELS), ".gz")
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:40])

    with pytest.raises(DataError, match=r"cannot be unpacked: .*end-of-stream"):
        read_samples(folder)


def test_idx_text_named_gz_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path, "train", GOOD, idx(LABELS), ".gz")
    (folder / "train-images-idx3-ubyte.gz").write_text("<html>")

    with pytest.raises(DataError, match="cannot be unpacked: Not a gzipped file"):
        read_samples(folder)


def test_idx_another_number_of_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="4 images with 3 labels in 'train-labels-idx1-ubyte'"):
        read_samples(write(tmp_path, "train", idx(IMAGES), idx(LABELS[:3])))


def test_idx_labels_of_a_wrong_shape_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"shape \(4, 3, 2\) with labels of shape \(4, 3, 2\)"):
        read_samples(write(tmp_path, "train", idx(IMAGES), idx(IMAGES)))


def test_idx_images_without_labels_are_refused(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(GOOD)

    with pytest.raises(DataError, match=r"is there without its labels .allowed: train-labels-idx1-ubyte or .*gz"):
        read_samples(tmp_path)


def test_idx_asked_for_and_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no idx files here"):
        read_samples(tmp_path, "idx")


def test_idx_real_mnist_is_read_and_split_in_seconds(tmp_path: Path, mirror: Path) -> None:
    files = [str(path) for path in sorted((mirror / "mnist").glob("*.gz"))]
    start = time.process_time()

    samples = assign_splits(read_samples(acquire(files, tmp_path / "mnist")), 0.1)

    assert time.process_time() - start < 10
    assert samples.table["split"].value_counts()[["test"]].tolist() == [10_000]
    assert 5_700 < (samples.table["split"] == "valid").sum() < 6_300  # four standard deviations of 60,000 draws at 0.1
    # The published counts of the test labels 0 to 9.
    test = samples.of("test").table["label"].value_counts().sort_index()
    assert test.tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
