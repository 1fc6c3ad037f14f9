from pathlib import Path

import numpy as np
import pytest
from faster_coco_eval.core import mask as coco

from auto_train.data.masks import Shape, Shapes
from auto_train.errors import ImageError


def polygon(*points: float) -> np.ndarray:
    return np.array(points, np.float32).reshape(-1, 2)


def test_shapes_smaller_objects_are_drawn_on_larger_ones() -> None:
    large = Shape(1, [polygon(1, 1, 9, 1, 9, 7, 1, 7)])
    small = Shape(2, [polygon(2, 2, 4, 2, 4, 4, 2, 4), polygon(6, 2, 8, 2, 8, 4, 6, 4)])

    masks = [Shapes(Path("a.json"), 10, 8, shapes).read() for shapes in ([large, small], [small, large])]

    np.testing.assert_array_equal(*masks)
    assert masks[0].shape == (8, 10) and masks[0].dtype == np.uint8
    assert np.bincount(masks[0].ravel()).tolist() == [80 - 48, 48 - 8, 8]
    assert masks[0][3].tolist() == [0, 1, 2, 2, 1, 1, 2, 2, 1, 0]


def test_shape_has_the_pixels_of_cocos_own_tool() -> None:
    outline = (3.25, 1.75, 30.5, 6.125, 22.5, 28.75, 7.875, 20.25)

    found = Shape(1, [polygon(*outline)]).region(32, 40)

    np.testing.assert_array_equal(found, coco.decode(coco.frPyObjects([list(outline)], 32, 40))[..., 0] > 0)


def test_shape_far_outside_costs_no_memory() -> None:
    far = 1e12
    assert Shape(1, [polygon(-far, -far, far, -far, far, far, -far, far)]).region(6, 8).all()


def test_shapes_run_lengths_of_another_size_are_told_with_the_file() -> None:
    with pytest.raises(ImageError, match=r"a.json: run lengths of 7 pixels, the image has 80"):
        Shapes(Path("a.json"), 10, 8, [Shape(1, counts=(3, 4))]).read()


def test_shapes_digest_stands_for_what_is_drawn() -> None:
    def digest(*shapes: Shape, width: int = 10) -> str:
        return Shapes(Path("a.json"), width, 8, shapes).digest()

    one = polygon(1, 1, 5, 1, 5, 5)
    different = [
        digest(),
        digest(width=11),
        digest(Shape(1, [one])),
        digest(Shape(2, [one])),
        digest(Shape(1, [one + 1])),
        digest(Shape(1, counts=(80,))),
    ]
    assert len(set(different)) == 6 and all(len(text) == 16 for text in different)
    assert digest(Shape(1, [one.copy()])) == different[2]
