import numpy as np
import torch

from auto_train.common.segmentation.metrics import MAX_CONFUSED, areas, count_pixels, mask_parts
from auto_train.data.targets import IGNORE

TRUE = torch.tensor([[[0, 0], [1, 1]], [[0, 2], [IGNORE, IGNORE]]], dtype=torch.uint8)
SAID = torch.tensor([[[0, 1], [1, 1]], [[0, 0], [1, 2]]], dtype=torch.uint8)


def random_masks(num_classes: int, n: int = 6, side: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    said = torch.randint(num_classes, (n, side, side), generator=generator).to(torch.uint8)
    true = torch.where(torch.rand(n, side, side, generator=generator) < 0.5, said, said.flip(1))
    true[torch.rand(n, side, side, generator=generator) < 0.2] = IGNORE
    return said, true


def test_counts_are_true_by_predicted_classes_less_what_is_ignored():
    counts = count_pixels(SAID, TRUE, 3)
    assert counts.tolist() == [[[1, 1, 0], [0, 2, 0], [0, 0, 0]], [[1, 0, 0], [0, 0, 0], [1, 0, 0]]]
    assert areas(counts)[0].tolist() == [[1, 1, 2], [2, 3, 2], [0, 0, 0]]


def test_many_classes_are_counted_without_their_confusions():
    said, true = random_masks(MAX_CONFUSED)
    many, few = count_pixels(said, true, MAX_CONFUSED + 1), count_pixels(said, true, MAX_CONFUSED)
    assert many.shape == (6, MAX_CONFUSED + 1, 3) and few.shape == (6, MAX_CONFUSED, MAX_CONFUSED)
    assert np.array_equal(areas(many)[:, :MAX_CONFUSED], areas(few)) and areas(many)[:, MAX_CONFUSED].sum() == 0


def test_report_has_classes_and_confusions():
    classes, confusions = mask_parts(count_pixels(SAID, TRUE, 3), ["ground", "tree", "house"])
    # Of the house nothing is found, and nothing is taken for one.
    assert classes["rows"][1] == ["tree", round(2 / 3, 4), 0.8, round(2 / 3, 4), 1.0, round(2 / 6, 4), 1]
    assert classes["rows"][2] == ["house", 0.0, 0.0, None, 0.0, round(1 / 6, 4), 1]
    assert confusions["rows"] == [["ground", "tree", 1, round(1 / 3, 4)], ["house", "ground", 1, 1.0]]


def test_report_of_two_classes_needs_no_confusions_and_leaves_out_what_is_not_there():
    said, true = random_masks(2)
    assert len(mask_parts(count_pixels(said, true, 2), ["a", "b"])) == 1
    classes, _ = mask_parts(count_pixels(said, true, 4), ["a", "b", "c", "d"])
    assert [row[0] for row in classes["rows"]] == ["a", "b"]
