from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auto_train.data.doctor import Examination
from auto_train.data.masks import MaskFile
from auto_train.data.targets import IGNORE, Masks
from tests.data.doctor.annotated import examination_of, masks_of, messages, samples_of

NAMES = ("background", "car", "bus")
BLACK, RED, BLUE = (0, 0, 0), (250, 0, 0), (0, 0, 250)


def mask(*values: int) -> np.ndarray:
    return np.resize(np.array(values, np.uint8), 96)[:, None].repeat(96, axis=1)


def test_masks_of_0_and_255_beside_masks_of_objects_are_an_error(write_photos: Callable[..., Path]) -> None:
    folder = write_photos({f"{row}.png": row for row in range(4)})
    arrays = [mask(0, IGNORE), mask(0, 1), mask(0, IGNORE), mask(0, 1, 2)]

    found = examination_of(samples_of(folder, masks_of(arrays, NAMES), NAMES))

    error = next(one for one in found.errors if one.code == "mask_255_as_object")
    assert (error.count, error.leave_out) == (2, (0, 2))
    assert not messages(found, "mask_empty")


def test_masks_of_0_and_255_beside_objects_with_255_are_a_warning(write_photos: Callable[..., Path]) -> None:
    folder = write_photos({f"{row}.png": row for row in range(3)})
    arrays = [mask(0, IGNORE), mask(0, 1, IGNORE), mask(0, 1)]

    found = examination_of(samples_of(folder, masks_of(arrays, NAMES), NAMES))

    assert len(messages(found, "mask_0_255")) == 1
    assert not found.errors and not messages(found, "mask_empty")


@pytest.fixture
def with_palettes(write_photos: Callable[..., Path], tmp_path: Path) -> Callable[..., Examination]:
    """Return what is found in masks of 0 and 1 with these palettes."""

    def examine(*palettes: Sequence[tuple[int, int, int]]) -> Examination:
        folder = write_photos({f"{row}.png": row for row in range(len(palettes))})
        sources = []
        for row, palette in enumerate(palettes):
            image = Image.fromarray(mask(*range(min(len(palette), 2))))
            image.putpalette([part for colour in palette for part in colour])
            image.save(tmp_path / f"mask{row}.png")
            sources.append(MaskFile(tmp_path / f"mask{row}.png"))
        return examination_of(samples_of(folder, Masks(names=NAMES, sources=sources), NAMES))

    return examine


def test_palettes_in_another_order_are_an_error(with_palettes: Callable[..., Examination]) -> None:
    for _ in range(2):  # the second time from what is remembered of the masks
        found = with_palettes((BLACK, RED), (RED, BLACK), (BLACK, RED, BLUE))
        assert [error.code for error in found.errors] == ["mask_palette"]
        assert len(messages(found, "mask_palette")) == 3
    assert messages(found, "mask_palette")[1].endswith("colour 250,0,0 is value 0; in other masks it is value 1")


def test_palettes_that_agree_or_say_nothing_are_not_found(with_palettes: Callable[..., Examination]) -> None:
    assert not messages(with_palettes((BLACK, RED), (BLACK, BLUE), (BLACK, BLACK), (BLACK, RED)), "mask_palette")


def test_palette_of_grey_class_codes_in_another_order_is_an_error(with_palettes: Callable[..., Examination]) -> None:
    found = with_palettes((BLACK, (1, 1, 1)), (BLACK, (2, 2, 2)), (BLACK, (255, 255, 255)))
    assert len(messages(found, "mask_palette")) == 1
