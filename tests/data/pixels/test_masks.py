from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from auto_train.data.pixels.masks import choose_nearest, open_masks
from auto_train.data.targets import IGNORE, Masks
from auto_train.errors import ImageError


@dataclass
class Drawn:
    """A mask in memory that counts how often it is read."""

    mask: np.ndarray
    name: str
    reads: int = 0

    @property
    def where(self) -> str:
        return self.name

    def read(self) -> np.ndarray:
        self.reads += 1
        if not self.mask.size:
            raise ImageError("is no mask", where=self.name)
        return self.mask

    def digest(self) -> str:
        return f"{self.name:>016}"


def drawn(count: int = 20, height: int = 30, width: int = 20) -> list[Drawn]:
    rng = np.random.default_rng(0)
    masks = rng.choice([0, 1, 2, IGNORE], (count, height, width)).astype(np.uint8)
    return [Drawn(mask, f"{i}") for i, mask in enumerate(masks)]


def masks_of(sources: list[Drawn]) -> Masks:
    return Masks(names=("a", "b", "c"), sources=sources)


def test_store_gives_masks_by_position(tmp_path: Path):
    sources = drawn()
    store = open_masks(masks_of(sources), 16, cache=tmp_path)
    assert (len(store), store.side) == (20, 16)
    found = store[np.array([3, 0])]
    assert found.dtype == torch.uint8 and found.shape == (2, 16, 16)
    # The pixel that a centre lies in: (i + 1/2) · 30 / 16 and · 20 / 16.
    rows, columns = [int((i + 0.5) * 30 / 16) for i in range(16)], [int((i + 0.5) * 20 / 16) for i in range(16)]
    for mask, row in zip(found, (3, 0), strict=True):
        assert np.array_equal(mask.numpy(), sources[row].mask[rows][:, columns])


def test_store_is_built_once_and_reads_of_another_only_what_is_new(tmp_path: Path):
    sources = drawn()
    first = open_masks(masks_of(sources[:15]), 16, cache=tmp_path)[range(15)]
    again = open_masks(masks_of(sources), 16, cache=tmp_path)
    assert [source.reads for source in sources] == [1] * 20
    assert torch.equal(again[range(15)], first)
    open_masks(masks_of(sources), 8, cache=tmp_path)
    assert [source.reads for source in sources] == [2] * 20


def test_masks_for_which_there_is_no_room_are_read_again(tmp_path: Path):
    sources = drawn(4)
    stored = open_masks(masks_of(sources), 16, cache=tmp_path)[range(4)]
    streamed = open_masks(masks_of(sources), 16, cache=tmp_path / "none", limit_mb=0)
    assert torch.equal(streamed[range(4)], stored) and [source.reads for source in sources] == [2] * 4


def test_mask_that_cannot_be_read_is_named(tmp_path: Path):
    with pytest.raises(ImageError, match="broken: is no mask"):
        open_masks(masks_of([*drawn(2), Drawn(np.zeros((0, 0), np.uint8), "broken")]), 16, cache=tmp_path)


def test_nearest_keeps_masks_of_the_size_asked_for():
    masks = torch.randint(0, 255, (2, 9, 9, 3), dtype=torch.uint8)
    assert torch.equal(choose_nearest(masks, 9), masks)
    assert choose_nearest(masks[:, :1, :3], 6)[0, :, :, 0].tolist() == [masks[0, 0, [0, 0, 1, 1, 2, 2], 0].tolist()] * 6
