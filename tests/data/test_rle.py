import numpy as np
import pytest
from faster_coco_eval.core import mask as coco

from auto_train.data.rle import decode_rle, encode_rle, rle_text


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 5), (40, 17), (200, 300)])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_rle_there_and_back_and_as_cocos_own_tool_has_it(height: int, width: int, share: float) -> None:
    mask = np.random.default_rng(height).random((height, width)) < share

    counts = encode_rle(mask)
    text = rle_text(counts)

    expected = coco.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"]
    assert text == (expected.decode() if isinstance(expected, bytes) else expected)
    np.testing.assert_array_equal(decode_rle(counts, height, width), mask)
    np.testing.assert_array_equal(decode_rle(text, height, width), mask)


def test_rle_runs_go_down_the_columns_background_first() -> None:
    assert decode_rle([1, 2, 3], 2, 3).tolist() == [[False, True, False], [True, False, False]]
    assert encode_rle(np.array([[True, False], [True, True]])) == [0, 2, 1, 1]


@pytest.mark.parametrize("counts", [[1, 2], [7], [1, -1, 6], [2.5, 3.5], "\x01", "d", [], [[6]]])
def test_rle_that_is_none_or_of_another_size_is_refused(counts) -> None:
    with pytest.raises((ValueError, TypeError)):
        decode_rle(counts, 2, 3)
