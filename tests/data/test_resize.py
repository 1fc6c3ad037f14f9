import numpy as np
import pytest
import torch
from PIL import Image

from auto_train.data.resize import resize_images


def real_photo(name: str = "china.jpg") -> np.ndarray:
    from sklearn.datasets import load_sample_image

    return load_sample_image(name).copy()


def test_resize_agrees_with_pillow_to_one_grey_level():
    photo = real_photo()
    ours = resize_images(torch.from_numpy(photo)[None], 96)[0].permute(1, 2, 0)
    # Pillow's BILINEAR is the same antialiased triangle filter, computed in fixed point.
    theirs = np.array(Image.fromarray(photo).resize((96, 96), Image.Resampling.BILINEAR), dtype=np.float32)
    assert np.abs(ours.numpy() - theirs).max() <= 1


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (7, 300), (427, 640)])
def test_resize_any_shape_gives_whole_levels_in_range(shape: tuple[int, int]):
    images = torch.randint(0, 256, (2, *shape, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    resized = resize_images(images, 28)
    assert resized.shape == (2, 3, 28, 28) and resized.dtype == torch.float32
    assert torch.equal(resized, resized.round()) and resized.min() >= 0 and resized.max() <= 255


def test_resize_to_the_same_side_changes_nothing():
    photo = torch.from_numpy(real_photo()[:64, :64].copy())[None]
    assert torch.equal(resize_images(photo, 64), photo.permute(0, 3, 1, 2).float())


def test_resize_alone_and_in_a_batch_gives_the_same_pixels():
    photos = torch.from_numpy(np.stack([real_photo("china.jpg"), real_photo("flower.jpg")]))
    together = resize_images(photos, 56)
    assert all(torch.equal(together[i], resize_images(photos[i : i + 1], 56)[0]) for i in range(2))


@pytest.mark.parametrize("scale", [(8, 28), (8, 16), (56, 28), (8, 32), (100, 200)])
def test_resize_of_common_scales_rounds_no_pixel_near_the_threshold(scale: tuple[int, int]):
    # Two engines may differ by 5e-4 in a sum, so no sum may lie that near to where rounding turns.
    from auto_train.data.resize import ROUND_UP_FROM

    have, want = scale
    images = torch.randint(0, 256, (20, 3, have, have), generator=torch.Generator().manual_seed(0)).double()
    sums = torch.nn.functional.interpolate(images, size=(want, want), mode="bilinear", antialias=True)
    assert ((sums % 1) - ROUND_UP_FROM).abs().min() > 5e-4
