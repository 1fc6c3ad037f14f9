import pytest
import torch

from auto_train.data.augment.augmentation import Augmentation
from auto_train.data.augment.boxes import NO_BOX, move_boxes
from auto_train.data.augment.views import Views, view_matrices

BOX = [2.0, 0.1, 0.2, 0.4, 0.6]


def boxes(*rows: list[float]) -> torch.Tensor:
    return torch.tensor([rows])


def views(*, angle: float = 0, zoom: float = 1, centre: tuple = (0, 0), size: tuple = (1, 1)) -> Views:
    of = torch.tensor
    matrices = view_matrices(
        of([float(angle)]),
        of([0.0]),
        of([float(zoom)]),
        of([[float(v)] for v in centre]),
        of([[float(v)] for v in size]),
    )
    return Views(side=10, matrices=matrices)


def moved(row: list[float], by: Views) -> list[float]:
    return move_boxes(boxes(row), by)[0, 0].tolist()


def test_boxes_of_untouched_images_stay():
    assert moved(BOX, Views(side=10)) == pytest.approx(BOX)
    assert moved(BOX, views()) == pytest.approx(BOX, abs=1e-6)


def test_boxes_of_mirrored_images_are_mirrored():
    both = torch.tensor([[BOX], [BOX]])
    found = move_boxes(both, Views(side=10, mirrored=torch.tensor([True, False])))
    assert found[0, 0].tolist() == pytest.approx([2, 0.6, 0.2, 0.9, 0.6])
    assert found[1, 0].tolist() == pytest.approx(BOX)
    assert moved(BOX, views(size=(-1, 1))) == pytest.approx([2, 0.6, 0.2, 0.9, 0.6], abs=1e-6)


def test_boxes_move_with_zoom_shift_and_turn():
    # Twice as large around the middle; then seen through a window half as wide in the left half.
    assert moved([0, 0.4, 0.4, 0.6, 0.5], views(zoom=2)) == pytest.approx([0, 0.3, 0.3, 0.7, 0.5], abs=1e-6)
    window = views(centre=(-0.5, 0), size=(0.5, 1))
    assert moved([0, 0.1, 0.2, 0.3, 0.6], window) == pytest.approx([0, 0.2, 0.2, 0.6, 0.6], abs=1e-6)
    # A quarter turn exchanges width and height.
    quarter = moved([0, 0.4, 0.1, 0.6, 0.2], views(angle=90))
    assert (quarter[3] - quarter[1], quarter[4] - quarter[2]) == pytest.approx((0.1, 0.2), abs=1e-6)


def test_boxes_that_are_mostly_out_are_dropped_and_others_are_cut():
    window = views(centre=(-0.5, 0), size=(0.5, 1))
    assert moved([1, 0.3, 0, 0.7, 1], window) == pytest.approx([1, 0.6, 0, 1, 1], abs=1e-6)
    assert moved([1, 0.45, 0, 0.65, 1], window)[0] == NO_BOX
    assert moved([1, 0.7, 0, 0.9, 1], window)[0] == NO_BOX
    # A crowd, and a row without a box, stay what they are.
    assert [moved([code, 0.1, 0.1, 0.2, 0.2], window)[0] for code in (-3, NO_BOX)] == [-3, NO_BOX]


def test_boxes_follow_the_pixels_of_random_views():
    # Bright rectangles on black: the moved box surrounds the bright pixels of the view.
    n, side = 40, 64
    images = torch.zeros(n, 3, side, side, dtype=torch.uint8)
    images[:, :, 20:36, 24:32] = 255
    true = torch.tensor([[0, 24, 20, 32, 36]]).repeat(n, 1, 1) / torch.tensor([1, side, side, side, side])
    augmentation = Augmentation(rotate=0, zoom=0.2, shift=0.1, crop=0.6)
    drawn = augmentation.draw(n, side, side, torch.Generator().manual_seed(3))
    seen = drawn(images).amax(dim=1) > 0.5
    checked = 0
    for mask, (code, *corners) in zip(seen, move_boxes(true, drawn)[:, 0].tolist(), strict=True):
        if code == NO_BOX or min(corners) <= 0 or max(corners) >= 1:
            continue
        rows, columns = mask.nonzero().unbind(dim=1)
        bright = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert [value * side for value in corners] == pytest.approx([float(v) for v in bright], abs=1.1)
        checked += 1
    assert checked > n / 2


def test_boxes_of_quarter_turns_stay_tight_around_their_pixels():
    n, side = 40, 24
    images = torch.zeros(n, 3, side, side, dtype=torch.uint8)
    images[:, :, 3:8, 6:20] = 255
    drawn = Augmentation(flip=True, quarter_turns=True).draw(n, side, side, torch.Generator().manual_seed(0))
    found = move_boxes(torch.tensor([[[1, 6, 3, 20, 8]]]).repeat(n, 1, 1) / torch.tensor([1.0, *[side] * 4]), drawn)
    shapes = set()
    for view, row in zip(drawn(images), found[:, 0]):
        rows, columns = torch.nonzero(view[0] > 0.5, as_tuple=True)
        edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert (row[1:] * side).tolist() == pytest.approx([float(edge) for edge in edges], abs=1e-4)
        shapes.add(tuple(int(edge) for edge in edges))
    assert len(shapes) == 8
