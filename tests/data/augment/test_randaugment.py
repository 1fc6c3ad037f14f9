from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

from auto_train.data.augment.randaugment import INCREASING, OPERATIONS, RandAugment
from auto_train.errors import UsageError

LEVEL = 0.7
ENHANCE = {
    "colour": ImageEnhance.Color,
    "contrast": ImageEnhance.Contrast,
    "brightness": ImageEnhance.Brightness,
    "sharpness": ImageEnhance.Sharpness,
}


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    from sklearn.datasets import load_sample_image

    return Image.fromarray(load_sample_image("flower.jpg")).resize((96, 80))


def as_tensor(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255


def applied(image: Image.Image, name: str, sign: float = 1.0, *, level: float = LEVEL, table=OPERATIONS) -> np.ndarray:
    out = table[name](as_tensor(image), torch.tensor([level]), torch.tensor([sign]))
    assert out.shape == (1, 3, image.height, image.width) and out.dtype == torch.float32
    assert out.min() >= 0 and out.max() <= 1 + 1e-6
    return (out[0] * 255).permute(1, 2, 0).numpy()


def difference(ours: np.ndarray, theirs: Image.Image) -> float:
    return float(np.abs(ours - np.array(theirs, dtype=np.float32)).max())


def test_operations_are_those_of_timm():
    from timm.data.auto_augment import _RAND_INCREASING_TRANSFORMS, _RAND_TRANSFORMS

    names = {"colour": "color", "translate_x": "translatexrel", "translate_y": "translateyrel"}
    ours = [names.get(name, name).replace("_", "") for name in OPERATIONS]
    assert sorted(ours) == sorted(name.lower() for name in _RAND_TRANSFORMS)
    theirs = [name.lower().replace("increasing", "") for name in _RAND_INCREASING_TRANSFORMS]
    assert sorted(ours) == sorted(theirs) and list(INCREASING) == list(OPERATIONS)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("autocontrast", ImageOps.autocontrast),
        ("equalize", ImageOps.equalize),
        ("invert", ImageOps.invert),
        ("posterize", lambda image: ImageOps.posterize(image, 2)),  # int(4 * 0.7) bits
        ("solarize", lambda image: ImageOps.solarize(image, round(0.7 * 255 + 0.5))),
        ("solarize_add", lambda image: image.point([min(255, i + 77) if i < 128 else i for i in range(256)] * 3)),
    ],
)
def test_operation_agrees_with_pillow(photo: Image.Image, name: str, theirs: Callable[[Image.Image], Image.Image]):
    assert difference(applied(photo, name), theirs(photo)) <= 1


@pytest.mark.parametrize("name", ENHANCE)
def test_enhance_operation_agrees_with_pillow(photo: Image.Image, name: str):
    # timm: factor 0.1 + 1.8 level; increasing: 1 + 0.9 level either way. Pillow rounds the base it blends with.
    theirs = ENHANCE[name](photo)
    assert difference(applied(photo, name), theirs.enhance(0.1 + 1.8 * LEVEL)) <= 2
    assert difference(applied(photo, name, table=INCREASING), theirs.enhance(1 + 0.9 * LEVEL)) <= 2
    assert difference(applied(photo, name, -1.0, table=INCREASING), theirs.enhance(1 - 0.9 * LEVEL)) <= 2


def test_increasing_posterize_and_solarize_agree_with_pillow(photo: Image.Image):
    assert difference(applied(photo, "posterize", table=INCREASING), ImageOps.posterize(photo, 4 - 2)) <= 1
    assert difference(applied(photo, "solarize", table=INCREASING), ImageOps.solarize(photo, 77)) <= 1


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("name", ["rotate", "shear_x", "shear_y", "translate_x", "translate_y"])
def test_geometric_operation_agrees_with_timm(photo: Image.Image, name: str, sign: float):
    from timm.data import auto_augment

    square = photo.crop((0, 0, 80, 80))
    # Shifts of whole pixels (level 0.5: 0.225 of 80 is 18), so that only sampling at borders may differ.
    level = 0.5 if name.startswith("translate") else LEVEL
    amount = {"rotate": 30, "shear_x": 0.3, "shear_y": 0.3, "translate_x": 0.45, "translate_y": 0.45}[name]
    operation = getattr(auto_augment, f"{name}_rel" if name.startswith("translate") else name)
    theirs = operation(square, sign * level * amount, resample=Image.Resampling.BILINEAR, fillcolor=(128, 128, 128))
    gap = np.abs(applied(square, name, sign, level=level) - np.array(theirs, dtype=np.float32)).max(axis=2)
    # Pillow decides at the border between image and fill, we blend there: at most a line of pixels along each side.
    assert (gap > 4).mean() < 4 * 80 / 80**2
    assert np.median(gap) <= 1


def test_operation_gives_each_image_its_own_level(photo: Image.Image):
    batch = as_tensor(photo).repeat(3, 1, 1, 1)
    levels, signs = torch.tensor([0.1, 0.5, 0.9]), torch.tensor([1.0, -1.0, 1.0])
    for name, operation in [*OPERATIONS.items(), *INCREASING.items()]:
        together = operation(batch, levels, signs)
        alone = [operation(batch[:1], levels[i : i + 1], signs[i : i + 1]) for i in range(3)]
        assert torch.allclose(together, torch.cat(alone), atol=1e-5), name


def test_operation_on_one_channel_is_that_on_three_equal_ones(photo: Image.Image):
    grey = as_tensor(photo.convert("L").convert("RGB"))[:, :1]
    level, sign = torch.tensor([LEVEL]), torch.tensor([-1.0])
    for name, operation in [*OPERATIONS.items(), *INCREASING.items()]:
        three = operation(grey.expand(1, 3, *grey.shape[2:]), level, sign)
        assert torch.allclose(operation(grey, level, sign).expand_as(three), three, atol=1e-5), name


def test_notation_without_options_has_timms_defaults():
    # timm.data.auto_augment: magnitude 10, 2 layers, probability 0.5, no noise, not increasing.
    assert RandAugment.parse("rand") == RandAugment(
        magnitude=10.0, std=0.0, num_ops=2, probability=0.5, increasing=False
    )


def test_notation_takes_its_parts_in_any_order():
    expected = RandAugment(magnitude=9.0, std=0.5, num_ops=3, probability=0.3, increasing=True)
    assert RandAugment.parse("rand-m9-mstd0.5-n3-p0.3-inc1") == expected
    assert RandAugment.parse("rand-inc1-n3-p0.3-mstd0.5-m9") == expected


@pytest.mark.parametrize(
    "text",
    ["", "augmix-m9", "rand-m11", "rand-m", "rand-x3", "rand-m9-m8", "rand--m9", "rand-n1.5", "rand-p2", "randm9"],
)
def test_notation_that_is_not_understood_says_what_is(text: str):
    with pytest.raises(UsageError, match=r"\[training.scheme\] aa: cannot read RandAugment '.*' \(allowed: rand, then"):
        RandAugment.parse(text)


def test_randaugment_changes_images_at_the_stated_rate(photo: Image.Image):
    # One operation with probability 1/2: 200 ± 4 standard deviations of sqrt(400 / 4). Equalised or stretched
    # photographs differ from the original too, so every operation that takes place is seen.
    images = as_tensor(photo.resize((24, 24))).repeat(400, 1, 1, 1)
    augment = RandAugment(magnitude=9, num_ops=1)
    changed = (augment(images, torch.Generator().manual_seed(0)) - images).abs().amax(dim=(1, 2, 3)) > 1e-4
    assert abs(int(changed.sum()) - 200) <= 40


def test_randaugment_draws_every_operation_about_equally(photo: Image.Image):
    images = as_tensor(photo.resize((16, 16))).repeat(600, 1, 1, 1)
    out = RandAugment(magnitude=9, num_ops=1, probability=1.0)(images, torch.Generator().manual_seed(0))
    # Of 15 operations, 6 have signs: 21 different outcomes, of about 40 or 20 images each.
    kinds = {tuple(image.flatten()[::7].mul(1000).round().int().tolist()) for image in out}
    assert len(kinds) == 15 + 5


def test_randaugment_same_generator_gives_the_same_images(photo: Image.Image):
    images = as_tensor(photo).repeat(8, 1, 1, 1)
    one, two = (RandAugment.parse("rand-m9-mstd0.5")(images, torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(one, two)
    assert not torch.equal(one, RandAugment.parse("rand-m9-mstd0.5")(images, torch.Generator().manual_seed(5)))


def test_randaugment_of_probability_zero_returns_the_images(photo: Image.Image):
    images = as_tensor(photo)
    assert torch.equal(RandAugment(probability=0.0)(images, torch.Generator()), images)


def test_randaugment_leaves_its_input_alone(photo: Image.Image):
    images = as_tensor(photo).repeat(8, 1, 1, 1)
    before = images.clone()
    RandAugment(probability=1.0)(images, torch.Generator().manual_seed(0))
    assert torch.equal(images, before)
