import pytest
import torch
import torch.nn.functional as F

from auto_train.data.augment.augmentation import Augmentation
from auto_train.data.augment.views import Views, luminance, sampling_grid


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def photos(n: int = 12, side: int = 40) -> torch.Tensor:
    from sklearn.datasets import load_sample_image

    photo = torch.from_numpy(load_sample_image("flower.jpg").copy())
    cuts = [photo[10 * i : 10 * i + side, 20 * i : 20 * i + side] for i in range(n)]
    return torch.stack(cuts).permute(0, 3, 1, 2)


def test_sampling_grid_is_that_of_torch():
    matrices = torch.eye(2, 3).repeat(5, 1, 1) + 0.3 * torch.randn(5, 2, 3, generator=generator())
    for height, width in ((7, 7), (12, 31)):
        expected = F.affine_grid(matrices, [5, 3, height, width], align_corners=False)
        assert torch.allclose(sampling_grid(matrices, height, width), expected, atol=1e-5)


@pytest.mark.parametrize("side", [40, 32])
@pytest.mark.parametrize("options", [{}, {"rotate": 20.0, "crop": 0.5}])
def test_views_of_some_rows_are_those_of_the_whole_batch(options: dict[str, float], side: int):
    images = photos()
    views = Augmentation(colour=0.4, erase=0.5, **options).draw(12, 40, side, generator(2))
    parts = [views(images[start : start + 5], slice(start, start + 5)) for start in range(0, 12, 5)]
    assert torch.allclose(torch.cat(parts), views(images), atol=1e-6)


@pytest.mark.parametrize("options", [{"flip": False}, {}, {"rotate": 5.0, "erase": 1.0}, {"colour": 0.2}])
def test_views_leave_the_images_alone_and_own_their_memory(options: dict):
    images = photos()
    before = images.clone()
    views = Augmentation(**options)(images, 40, generator())
    views.zero_()
    assert torch.equal(images, before)


def test_beyond_an_edge_there_is_the_mirrored_image_or_grey():
    images = torch.full((2, 3, 8, 8), 255, dtype=torch.uint8)
    images[:, :, :, 0] = 0
    # the view is twice as wide and high as the image, which lies in its middle
    matrices = 2 * torch.eye(2, 3).repeat(2, 1, 1)
    mirrored, grey = (Views(side=8, matrices=matrices, has_grey_edges=is_grey)(images) for is_grey in (False, True))
    assert torch.equal(mirrored[:, :, 2:6, 2:6], grey[:, :, 2:6, 2:6])
    assert (grey[:, :, :2] == 0.5).all() and (grey[:, :, :, 6:] == 0.5).all()
    assert (mirrored[:, :, :, 6:] == 1).all()


def test_luminance_weighs_the_channels_as_bt601():
    colours = torch.eye(3)[:, :, None, None]
    assert luminance(colours).flatten().tolist() == pytest.approx([0.299, 0.587, 0.114])
    grey = torch.rand(2, 1, 3, 3, generator=generator())
    assert torch.allclose(luminance(grey), grey) and torch.allclose(luminance(grey.expand(2, 3, 3, 3)), grey)
