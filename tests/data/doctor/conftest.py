"""Photographs that differ: pieces of the two that scikit-learn ships; and what the doctor says of a folder."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auto_train.data import assign_splits, read_samples
from auto_train.data.doctor import Examination, Finding, examine, look_at_all
from auto_train.data.doctor.look import shrink


@cache
def pieces() -> list[np.ndarray]:
    """Return 96 px pieces of photographs that do not overlap, those with most to see first."""
    from sklearn.datasets import load_sample_images

    places = [(row, column) for row in range(0, 400, 100) for column in range(0, 600, 100)]
    found = [photo[y : y + 96, x : x + 96] for photo in load_sample_images().images for y, x in places]
    return sorted(found, key=lambda pixels: -shrink(pixels[None]).std())


def piece(number: int) -> Image.Image:
    """Return one of 48 photographs."""
    return Image.fromarray(pieces()[number])


@pytest.fixture
def photo() -> Callable[..., Image.Image]:
    return piece


@pytest.fixture
def write_photos(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes one photograph per name, another for each number, and gives the folder."""

    def write(names: dict[str, int], folder: Path = tmp_path / "data") -> Path:
        for name, number in names.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            piece(number).save(folder / name)
        return folder

    return write


def examined(folder: Path | str, **options: object) -> Examination:
    samples = read_samples(folder, **options)
    looks = look_at_all(samples)
    samples = samples.with_column("sha256", looks.sums)
    return examine(samples if looks.problems else assign_splits(samples), looks)


@pytest.fixture
def doctor() -> Callable[..., Examination]:
    """Return what is found in a folder, splits drawn where all its images are whole."""
    return examined


@pytest.fixture
def find() -> Callable[..., Finding | None]:
    """Return the finding of a code in a folder, or None."""

    def found(folder: Path, code: str) -> Finding | None:
        return next((one for one in examined(folder).findings if one.code == code), None)

    return found
