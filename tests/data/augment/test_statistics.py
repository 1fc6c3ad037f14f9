"""Batch augmentation against its per-item definitions: our own image by image, and torchvision's and timm's.

Samples of a statistic are compared by the two-sample Kolmogorov-Smirnov distance, the largest difference of their
distribution functions. Two samples of N from one distribution differ by more than SAME once in ten thousand times:
2.23 * sqrt(2 / N) by Smirnov's limit 2 exp(-2 x^2) for x = D sqrt(N / 2). The seeds are fixed.
"""

import random
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import beta, ks_1samp, ks_2samp
from timm.data.auto_augment import rand_augment_transform
from torchvision.transforms import v2

from auto_train.data.augment.augmentation import Augmentation
from auto_train.data.augment.mix import Mix
from auto_train.data.augment.randaugment import RandAugment
from auto_train.data.augment.views import Views, view_matrices

N, SIDE = 600, 48
SAME = 2.23 * (2 / N) ** 0.5  # 0.129
KINDS = {
    "flip": {},
    "crop": {"crop": 0.3},
    "affine": {"rotate": 25.0, "zoom": 0.2, "shift": 0.1, "shear": 10.0},
    "colour": {"flip": False, "colour": 0.4},
    "erasing": {"flip": False, "erase": 0.6},
}


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def photo() -> torch.Tensor:
    """Return a photograph as (3, SIDE, SIDE) uint8, its values in the middle of the range: nothing is cut off there."""
    from sklearn.datasets import load_sample_image

    whole = torch.from_numpy(load_sample_image("flower.jpg").copy()).permute(2, 0, 1)
    return (v2.functional.resize(whole[:, 40:420, 120:500], [SIDE, SIDE], antialias=True) * 0.4 + 70).to(torch.uint8)


def statistics(images: torch.Tensor) -> dict[str, np.ndarray]:
    """Return one value per image of each: what colours and geometry change, together and on their own."""
    grey, half = images.mean(dim=1), images.shape[2] // 2
    return {
        "mean": grey.mean(dim=(1, 2)).numpy(),
        "contrast": grey.std(dim=(1, 2)).numpy(),
        "colourfulness": images.std(dim=1).mean(dim=(1, 2)).numpy(),
        "left minus right": (grey[:, :, :half].mean(dim=(1, 2)) - grey[:, :, half:].mean(dim=(1, 2))).numpy(),
        "top minus bottom": (grey[:, :half].mean(dim=(1, 2)) - grey[:, half:].mean(dim=(1, 2))).numpy(),
        "centre": grey[:, half - 3 : half + 3, half - 3 : half + 3].mean(dim=(1, 2)).numpy(),
        "corner": grey[:, :6, :6].mean(dim=(1, 2)).numpy(),
    }


def distances(ours: torch.Tensor, theirs: torch.Tensor, *, steps: int = 1000) -> dict[str, float]:
    """Return the distance of each statistic, rounded to such steps: what is left alone differs in its last bits."""
    one, other = statistics(ours), statistics(theirs)
    return {name: ks_2samp((one[name] * steps).round(), (other[name] * steps).round()).statistic for name in one}


def per_item(transform: Callable, image: torch.Tensor | Image.Image) -> list:
    """Apply a transform of others, which draws from the global generators, to one image again and again."""
    with torch.random.fork_rng():
        torch.manual_seed(11)
        return [transform(image) for _ in range(N)]


@pytest.mark.parametrize("kind", KINDS)
def test_batch_augmentation_is_distributed_as_image_by_image(photo: torch.Tensor, kind: str):
    augment, source = Augmentation(**KINDS[kind]), generator(7)
    batch = augment(photo.repeat(N, 1, 1, 1), SIDE, generator(1))
    single = torch.cat([augment(photo[None], SIDE, source) for _ in range(N)])
    found = distances(batch, single)
    assert max(found.values()) < SAME, found
    # Which says something: images left alone are far from it.
    assert max(distances(batch, photo.repeat(N, 1, 1, 1) / 255).values()) > 3 * SAME


REFERENCES = {
    "flip": v2.RandomHorizontalFlip(),
    "crop": v2.RandomResizedCrop(SIDE, scale=(0.3, 1), antialias=False),
    "colour": v2.ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4),
}


@pytest.mark.parametrize("kind", REFERENCES)
def test_batch_augmentation_is_distributed_as_torchvisions(photo: torch.Tensor, kind: str):
    ours = Augmentation(**(KINDS[kind] | {"flip": kind == "flip"}))(photo.repeat(N, 1, 1, 1), SIDE, generator(2))
    theirs = torch.stack(per_item(REFERENCES[kind], photo / 255))
    found = distances(ours, theirs)
    assert max(found.values()) < SAME, found


def test_affine_matrices_move_pixels_as_torchvisions_affine(photo: torch.Tensor):
    """One at a time, each with the parameters that torchvision draws."""
    large = v2.functional.resize(photo, [2 * SIDE, 2 * SIDE], antialias=True)
    middle = slice(SIDE // 2, SIDE + SIDE // 2)  # beyond it, ours reflects and theirs is black
    random_affine = v2.RandomAffine(degrees=25, translate=(0.1, 0.1), scale=(0.8, 1.2), shear=10)
    for drawn in per_item(lambda image: random_affine.make_params([image]), large)[:20]:
        theirs = v2.functional.affine(large / 255, interpolation=v2.InterpolationMode.BILINEAR, **drawn)
        ours = Views(side=2 * SIDE, matrices=matrix_of(**drawn))(large[None])[0]
        assert (ours - theirs)[:, middle, middle].abs().max() < 2e-3, drawn


def matrix_of(angle: float, translate: tuple[int, int], scale: float, shear: tuple[float, float]) -> torch.Tensor:
    """Return our matrix of torchvision's parameters; it counts angles the other way round and moves the image."""
    numbers = (torch.tensor([float(value)]) for value in (-angle, shear[0], scale))
    return view_matrices(*numbers, -torch.tensor(translate)[:, None] / SIDE, torch.ones(2, 1))


def test_affine_parameters_are_distributed_as_torchvisions():
    random_affine = v2.RandomAffine(degrees=25, translate=(0.1, 0.1), scale=(0.8, 1.2), shear=10)
    theirs = per_item(lambda image: random_affine.make_params([image]), torch.empty(3, 1000, 1000))
    one_by_one = {
        "angle": (Augmentation(flip=False, rotate=25), lambda m: np.degrees(np.arctan2(m[:, 1, 0], m[:, 0, 0]))),
        "scale": (Augmentation(flip=False, zoom=0.2), lambda m: 1 / m[:, 0, 0]),
        "shear": (Augmentation(flip=False, shear=10), lambda m: np.degrees(np.arctan(m[:, 0, 1]))),
        "translate": (Augmentation(flip=False, shift=0.1), lambda m: m[:, 0, 2] * 500),
    }
    for name, (augmentation, value) in one_by_one.items():
        ours = value(augmentation.draw(N, 2, 1, generator(3)).matrices.double().numpy())
        drawn = [np.ravel(params[name])[0] for params in theirs]
        assert ks_2samp(ours, drawn).statistic < SAME, name


@pytest.mark.parametrize("least", [0.08, 0.6, 0.9])
def test_crop_area_and_aspect_are_distributed_as_torchvisions(least: float):
    crop = v2.RandomResizedCrop(SIDE, scale=(least, 1))
    drawn = per_item(lambda image: crop.make_params([image]), torch.empty(3, 1000, 1000))
    found = Augmentation(flip=False, crop=least).draw(N, 2, 1, generator(4)).matrices.numpy()
    width, height = found[:, 0, 0], found[:, 1, 1]
    area = [params["width"] * params["height"] / 1e6 for params in drawn]
    aspect = [params["width"] / params["height"] for params in drawn]
    left = [params["left"] / 1000 for params in drawn]
    assert ks_2samp(width * height, area).statistic < SAME
    assert ks_2samp(width / height, aspect).statistic < SAME
    assert ks_2samp((found[:, 0, 2] - width + 1) / 2, left).statistic < SAME


def test_erased_area_and_aspect_are_distributed_as_torchvisions():
    erasing = v2.RandomErasing(p=1.0, scale=(0.02, 0.33), ratio=(0.3, 3.3))
    drawn = per_item(lambda image: erasing.make_params([image]), torch.empty(3, 1000, 1000))
    boxes = Augmentation(flip=False, erase=1.0).draw(N, 1000, 1000, generator(5)).boxes.numpy()
    height, width = boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2]
    assert ks_2samp(height * width, [params["h"] * params["w"] for params in drawn]).statistic < SAME
    assert ks_2samp(width / height, [params["w"] / params["h"] for params in drawn]).statistic < SAME
    assert ks_2samp(boxes[:, 0], [params["i"] for params in drawn]).statistic < SAME


RANDAUGMENT = "rand-m9-mstd0.5"


@pytest.fixture
def seeded() -> Iterator[None]:
    """Seed the generators that timm draws from, and put them back."""
    states = random.getstate(), np.random.get_state()
    random.seed(3)
    np.random.seed(3)
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])


def test_batch_randaugment_is_distributed_as_image_by_image(photo: torch.Tensor):
    augment, source, image = RandAugment.parse(RANDAUGMENT), generator(8), photo[None] / 255
    batch = augment(image.repeat(N, 1, 1, 1), generator(9))
    found = distances(batch, torch.cat([augment(image, source) for _ in range(N)]))
    assert max(found.values()) < SAME, found


def test_batch_randaugment_is_distributed_as_timms(photo: torch.Tensor, seeded: None):
    theirs = rand_augment_transform(RANDAUGMENT, {})
    image = v2.functional.to_pil_image(photo)
    expected = torch.stack([v2.functional.pil_to_tensor(theirs(image)) for _ in range(N)]) / 255
    ours = RandAugment.parse(RANDAUGMENT)((photo / 255).repeat(N, 1, 1, 1), generator(10))
    # In coarse steps: Pillow rounds each pixel to whole levels, which moves half of all images alike.
    found = distances(ours, expected, steps=20)
    assert max(found.values()) < SAME, found


@pytest.fixture(scope="module")
def photos() -> torch.Tensor:
    """Return eight cuts of a photograph, (8, 3, SIDE, SIDE) float32."""
    from sklearn.datasets import load_sample_image

    whole = load_sample_image("china.jpg")
    cuts = [whole[40 * i : 40 * i + SIDE, 70 * i : 70 * i + SIDE] for i in range(8)]
    return torch.from_numpy(np.stack(cuts)).permute(0, 3, 1, 2) / 255


def mixed(mix: Mix, photos: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    source = generator(6)
    return [mix(photos, torch.arange(8), source) for _ in range(N)]


def own_share(targets: torch.Tensor) -> float:
    """Return the share of the first image in its mixture; 1 also where it was mixed with itself."""
    return float(targets[0, 0])


def test_mixup_is_distributed_as_its_definition_and_as_torchvisions(photos: torch.Tensor):
    ours = mixed(Mix(mixup=0.4, cutmix=0.0, switch_prob=0.5, num_classes=8), photos)
    for images, targets in ours[:50]:
        # The mixture is the one that the targets state, of every image of the batch.
        assert torch.allclose(images, torch.einsum("nk,kchw->nchw", targets, photos), atol=1e-5)
    shares = [own_share(targets) for _, targets in ours if own_share(targets) < 1]
    theirs = v2.MixUp(alpha=0.4, num_classes=8)
    expected = [own_share(targets) for _, targets in per_item(lambda images: theirs(images, torch.arange(8)), photos)]
    assert ks_2samp(shares, expected).statistic < SAME
    assert ks_1samp(shares, beta(0.4, 0.4).cdf).statistic < SAME


def box_of(images: torch.Tensor, photos: torch.Tensor) -> tuple[int, int, int, int]:
    """Return top, bottom, left and right of what changed in the first image."""
    rows, columns = (images[0] != photos[0]).any(dim=0).nonzero(as_tuple=True)
    return int(rows.min()), int(rows.max()), int(columns.min()), int(columns.max())


def test_cutmix_is_distributed_as_torchvisions(photos: torch.Tensor):
    ours = mixed(Mix(mixup=0.0, cutmix=1.0, switch_prob=0.5, num_classes=8), photos)
    theirs = v2.CutMix(alpha=1.0, num_classes=8)
    expected = per_item(lambda images: theirs(images, torch.arange(8)), photos)
    shares, their_shares = (
        [own_share(targets) for _, targets in found if 0 < own_share(targets) < 1] for found in (ours, expected)
    )
    boxes, their_boxes = (
        [box_of(images, photos) for images, _ in found if not torch.equal(images[0], photos[0])]
        for found in (ours, expected)
    )
    assert len(shares) > 0.8 * N and ks_2samp(shares, their_shares).statistic < SAME
    for side, their_side in zip(zip(*boxes), zip(*their_boxes), strict=True):
        assert ks_2samp(side, their_side).statistic < SAME
