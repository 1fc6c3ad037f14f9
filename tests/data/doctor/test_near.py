import numpy as np
import pytest
from PIL import Image, ImageEnhance

from auto_train.data.doctor.look import SIDE
from auto_train.data.doctor.near import MIN_CORRELATION, compute_hashes, contrasts, group_near


def thumb(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX))


def grouped(groups: np.ndarray) -> list[list[int]]:
    return [np.flatnonzero(groups == group).tolist() for group in np.unique(groups[groups >= 0])]


def test_different_photographs_are_in_no_group(photo):
    assert (group_near(np.array([thumb(photo(i)) for i in range(48)])) == -1).all()


@pytest.mark.parametrize(
    ("change", "share"),
    [
        (lambda image: image.resize((64, 64), Image.Resampling.BICUBIC), 1.0),
        (lambda image: image.resize((150, 150), Image.Resampling.BICUBIC), 1.0),
        (lambda image: ImageEnhance.Brightness(image).enhance(1.15), 0.95),
        (lambda image: ImageEnhance.Contrast(image).enhance(0.7), 0.95),
        (lambda image: image.quantize(32).convert("RGB"), 0.95),
        (lambda image: image.crop((1, 1, 95, 95)), 0.85),
    ],
)
def test_changed_copies_are_found(photo, change, share):
    numbers = [i for i in range(48) if contrasts(thumb(photo(i))[None])[0] >= 12]
    thumbs = [thumb(photo(i)) for i in numbers] + [thumb(change(photo(i))) for i in numbers]
    groups = group_near(np.array(thumbs))
    found = sum(groups[i] == groups[i + len(numbers)] >= 0 for i in range(len(numbers)))
    assert len(numbers) >= 30 and found >= share * len(numbers)
    assert all(len({i % len(numbers) for i in group}) == 1 for group in grouped(groups))


def test_plain_images_are_left_out():
    rng = np.random.default_rng(0)
    plain = np.clip(rng.normal(128, 2, (50, SIDE, SIDE)), 0, 255).astype(np.uint8)
    assert (group_near(plain) == -1).all()
    assert group_near(np.zeros((0, SIDE, SIDE), np.uint8)).tolist() == []


def test_groups_are_those_of_comparing_all_with_all(photo):
    rng = np.random.default_rng(1)
    # Noise of all strengths, so that some copies are just near enough and others just not.
    thumbs = np.array([
        np.clip(thumb(photo(i % 48)) + rng.normal(0, strength, (SIDE, SIDE)), 0, 255).astype(np.uint8)
        for i, strength in enumerate(rng.uniform(0, 12, 400))
    ])  # fmt: skip
    hashes = compute_hashes(thumbs)
    is_alike = np.corrcoef(thumbs.reshape(400, -1).astype(np.float64)) >= MIN_CORRELATION
    is_sure = is_alike & (np.bitwise_count(hashes[:, None] ^ hashes) <= 7)
    found = group_near(thumbs)
    assert 100 < (found >= 0).sum() < 390
    # Whatever is surely found together is in one group, and a group is held together by likeness.
    assert all(found[i] == found[j] >= 0 for i, j in np.argwhere(np.triu(is_sure, 1)))
    assert all(len(group) == _reached(is_alike, group) for group in grouped(found))


def _reached(is_alike: np.ndarray, group: list[int]) -> int:
    from scipy.sparse.csgraph import breadth_first_order

    return len(breadth_first_order(is_alike[np.ix_(group, group)], 0, return_predecessors=False))


def test_thousands_of_frames_of_one_scene_are_one_group(photo):
    scene = thumb(photo(0)).astype(np.int16)
    noise = np.random.default_rng(2).integers(-2, 3, (6000, SIDE, SIDE))
    groups = group_near(np.clip(scene + noise, 0, 255).astype(np.uint8))
    assert (groups == 0).all()
