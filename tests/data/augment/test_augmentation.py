import pytest
import torch

from auto_train.data.augment.augmentation import Augmentation

OFF = {"flip": False}
N = 400


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ramp(n: int = N, side: int = 33, low: int = 0, high: int = 255) -> torch.Tensor:
    """Return images whose red grows from left to right, green from top to bottom: a pixel tells where it came from."""
    line = (low + (torch.arange(side) + 0.5) / side * (high - low)).round().to(torch.uint8)
    red, green = line.expand(side, side), line[:, None].expand(side, side)
    return torch.stack([red, green, torch.full_like(red, 128)]).expand(n, 3, side, side).clone()


def unit(images: torch.Tensor) -> torch.Tensor:
    return images.float() / 255


def matrices(n: int = N, **options: float) -> torch.Tensor:
    """Return n drawn maps from output to input coordinates, each a 2 x 3 matrix in [-1, 1]."""
    return Augmentation(**{**OFF, **options}).draw(n, 2, 1, generator()).matrices.double()


def test_augmentation_of_nothing_is_the_identity():
    images = ramp(4, 20)
    assert torch.equal(Augmentation(**OFF)(images, 20, generator()), unit(images))


def test_augmentation_of_nothing_to_another_side_is_a_plain_resize():
    images = ramp(2, 40)
    views = Augmentation(**OFF)(images, 20, generator())
    expected = torch.nn.functional.interpolate(unit(images), size=(20, 20), mode="bilinear", align_corners=False)
    assert torch.allclose(views, expected, atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"rotate": 1e-3}])
def test_flip_mirrors_half_of_the_images_left_to_right(options: dict[str, float]):
    # 200 ± 4 standard deviations of sqrt(400 / 4); both ways to flip, alone and as part of the sampling.
    images = ramp()
    views = Augmentation(flip=True, **options)(images, 33, generator())
    mirrored = views[:, 0, 16, 0] > 0.5
    assert abs(int(mirrored.sum()) - N / 2) <= 40
    assert torch.allclose(views[mirrored], unit(images).flip(3)[mirrored], atol=1e-3)
    assert torch.allclose(views[~mirrored], unit(images)[~mirrored], atol=1e-3)


def test_rotation_stays_within_its_bounds_and_uses_them():
    found = matrices(rotate=30)
    angle = torch.rad2deg(torch.atan2(found[:, 1, 0], found[:, 0, 0]))
    assert angle.abs().max() <= 30 and angle.max() > 25 and angle.min() < -25
    # Uniform: mean 0, standard deviation 30 / sqrt(3) = 17.3.
    assert abs(float(angle.mean())) < 3.5 and float(angle.std()) == pytest.approx(17.3, abs=1.5)
    assert torch.allclose(torch.linalg.det(found[:, :, :2]), torch.ones(N, dtype=torch.float64), atol=1e-6)


def test_rotation_turns_the_picture():
    images = ramp(1)
    augmentation = Augmentation(**OFF, rotate=90)
    found = augmentation.draw(1, 33, 33, generator(3)).matrices[0]
    view = augmentation(images, 33, generator(3))[0]
    # The middle of the right edge of the view shows the input at M (1, 0); red and green tell its coordinates.
    position = found[:, 0] * (32 / 33)
    assert view[0, 16, 32] * 2 - 1 == pytest.approx(float(position[0]), abs=0.05)
    assert view[1, 16, 32] * 2 - 1 == pytest.approx(float(position[1]), abs=0.05)


@pytest.mark.parametrize("side", [20, 33])
def test_quarter_turns_keep_every_pixel_and_come_equally_often(side: int):
    images = ramp(side=side)
    turns = torch.stack([torch.rot90(unit(images), k, (2, 3)) for k in range(4)])
    views = Augmentation(**OFF, quarter_turns=True)(images, side, generator())
    is_turn = (views - turns).abs().amax(dim=(2, 3, 4)) < 1e-3
    assert is_turn.sum(dim=0).tolist() == [1] * N
    assert all(abs(int(count) - N / 4) <= 4 * 9 for count in is_turn.sum(dim=1))


def test_zoom_stays_within_its_bounds_both_ways():
    scale = 1 / matrices(zoom=0.2)[:, 0, 0]
    assert scale.min() >= 0.8 and scale.max() <= 1.2 and scale.min() < 0.83 and scale.max() > 1.17


def test_shift_is_a_share_of_the_side():
    shift = matrices(shift=0.1)[:, :, 2]
    assert shift.abs().max() <= 0.2 and shift.abs().max() > 0.18  # coordinates run from -1 to 1: two per side


def test_shear_stays_within_its_bounds():
    angle = torch.rad2deg(torch.atan(matrices(shear=15)[:, 0, 1]))
    assert angle.abs().max() <= 15 and angle.max() > 12 and angle.min() < -12


def test_crop_keeps_at_least_its_share_of_the_area_inside_the_image():
    found = matrices(crop=0.3)
    width, height = found[:, 0, 0], found[:, 1, 1]
    area, ratio = width * height, width / height
    assert area.min() >= 0.25 and area.max() <= 1 and float(area.min()) < 0.4
    assert ratio.min() >= 3 / 4 - 1e-6 and ratio.max() <= 4 / 3 + 1e-6
    edges = torch.stack([found[:, 0, 2].abs() + width, found[:, 1, 2].abs() + height])
    assert edges.max() <= 1 + 1e-6


def test_crop_magnifies_what_it_keeps():
    views = Augmentation(**OFF, crop=0.25)(ramp(), 33, generator())
    # Of the whole ramp, 0 to 1, a view shows a part.
    span = views[:, 0].amax(dim=(1, 2)) - views[:, 0].amin(dim=(1, 2))
    assert span.min() > 0.4 and span.min() < 0.7 and span.max() <= 1


def test_views_stay_within_the_range_and_have_no_empty_corners():
    strong = Augmentation(flip=True, rotate=45, zoom=0.4, shift=0.3, shear=20, colour=0.5, erase=0.5)
    views = strong(ramp(low=64, high=192), 33, generator())
    assert views.min() >= 0 and views.max() <= 1
    geometric = Augmentation(flip=True, rotate=45, zoom=0.4, shift=0.3)(ramp(low=64, high=192), 33, generator())
    assert geometric.min() >= 64 / 255 - 1e-5  # reflected at the border: nothing black comes in


def test_colour_changes_brightness_within_its_strength():
    grey = torch.full((N, 3, 8, 8), 127, dtype=torch.uint8)
    views = Augmentation(**OFF, colour=0.2)(grey, 8, generator())
    levels = views.mean(dim=(1, 2, 3)) * 0.5 * 255 / 127
    # A uniform grey has neither contrast nor saturation: what is left is the brightness factor, 0.8 to 1.2.
    assert levels.min() >= 0.4 and levels.max() <= 0.6 and levels.min() < 0.42 and levels.max() > 0.58


def test_colour_keeps_grey_pictures_grey():
    grey = torch.randint(0, 256, (20, 1, 8, 8), dtype=torch.uint8, generator=generator()).expand(20, 3, 8, 8)
    views = Augmentation(**OFF, colour=0.5)(grey, 8, generator(1))
    assert torch.allclose(views[:, 0], views[:, 1], atol=1e-6) and not torch.allclose(views, unit(grey), atol=0.1)


def test_one_channel_gets_what_three_equal_ones_get():
    grey = ramp(50)[:, :1].contiguous()
    full = Augmentation(rotate=20, zoom=0.2, colour=0.3, erase=0.5)
    one, three = full(grey, 33, generator(1)), full(grey.expand(50, 3, 33, 33), 33, generator(1))
    assert one.shape == (50, 1, 33, 33) and torch.allclose(one.expand_as(three), three, atol=1e-5)


def test_erase_greys_one_rectangle_at_its_rate():
    images = ramp()
    views = Augmentation(**OFF, erase=0.25)(images, 33, generator())
    changed = (views != unit(images)).any(dim=1)
    share = changed.float().mean(dim=(1, 2))
    erased = share > 0
    # 100 ± 4 standard deviations of sqrt(400 * 0.25 * 0.75).
    assert abs(int(erased.sum()) - N / 4) <= 35
    # 2 % to 33 % of the area, up to whole pixels and what is cut off at the sides.
    assert share[erased].max() <= 0.4 and share[erased].min() >= 0.005
    for i in erased.nonzero()[:10, 0]:
        where = changed[i].nonzero()
        (top, left), (bottom, right) = where.min(dim=0).values, where.max(dim=0).values
        box = views[i, :, top : bottom + 1, left : right + 1]
        assert torch.allclose(box, unit(images)[i].mean(dim=(1, 2))[:, None, None].expand_as(box), atol=1e-5)


def test_every_image_draws_its_own_numbers_and_the_generator_decides_them():
    full = Augmentation(rotate=20, zoom=0.2, colour=0.3, erase=0.5)
    images = ramp(6)
    one, two = full(images, 33, generator(1)), full(images, 33, generator(1))
    assert torch.equal(one, two) and not torch.equal(one, full(images, 33, generator(2)))
    assert len({round(float(view.sum()), 3) for view in one}) == 6


def test_augmentation_leaves_its_input_alone():
    images = ramp(8)
    before = images.clone()
    Augmentation(rotate=20, colour=0.5, erase=1.0)(images, 33, generator())
    assert torch.equal(images, before)
