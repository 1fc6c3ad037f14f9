import numpy as np
import pytest
import torch

from auto_train.common.segmentation.metrics import (
    MOST_CONFUSED,
    areas,
    counted,
    intervals,
    ious,
    mask_metrics,
    mask_parts,
    mean_of_known,
)
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
    counts = counted(SAID, TRUE, 3)
    assert counts.tolist() == [[[1, 1, 0], [0, 2, 0], [0, 0, 0]], [[1, 0, 0], [0, 0, 0], [1, 0, 0]]]
    assert areas(counts)[0].tolist() == [[1, 1, 2], [2, 3, 2], [0, 0, 0]]


@pytest.mark.parametrize("num_classes", [2, 3, 5])
def test_metrics_are_those_of_scikit_learn(num_classes: int):
    from sklearn import metrics as sk

    said, true = random_masks(num_classes)
    known = true != IGNORE
    y, p = true[known].numpy(), said[known].numpy()
    found = mask_metrics(areas(counted(said, true, num_classes)).sum(axis=0))
    assert found["miou"] == pytest.approx(sk.jaccard_score(y, p, average="macro"))
    # Dice is F1; all classes but the first.
    assert found["dice"] == pytest.approx(sk.f1_score(y, p, average=None)[1:].mean())
    assert found["pixel_accuracy"] == pytest.approx(sk.accuracy_score(y, p))


def test_many_classes_are_counted_without_their_confusions():
    said, true = random_masks(MOST_CONFUSED)
    many, few = counted(said, true, MOST_CONFUSED + 1), counted(said, true, MOST_CONFUSED)
    assert many.shape == (6, MOST_CONFUSED + 1, 3) and few.shape == (6, MOST_CONFUSED, MOST_CONFUSED)
    assert np.array_equal(areas(many)[:, :MOST_CONFUSED], areas(few)) and areas(many)[:, MOST_CONFUSED].sum() == 0


def test_classes_that_do_not_occur_count_in_no_mean():
    found = areas(counted(SAID, TRUE, 3))
    # Image by image: class 2 is in the second only, class 1 in the first.
    assert ious(found)[0].tolist() == [
        pytest.approx(1 / 2),
        pytest.approx(2 / 3),
        pytest.approx(float("nan"), nan_ok=True),
    ]
    assert mean_of_known(ious(found)) == pytest.approx([(1 / 2 + 2 / 3) / 2, (1 / 2 + 0) / 2])


def test_masks_that_are_wholly_ignored_have_metrics_of_zero():
    found = areas(counted(SAID, torch.full_like(TRUE, IGNORE), 3)).sum(axis=0)
    assert mask_metrics(found) == {"miou": 0, "dice": 0, "pixel_accuracy": 0}


def test_intervals_hold_the_metrics_and_shrink_with_more_images():
    few, many = (areas(counted(*random_masks(3, n, 6), 3)) for n in (8, 200))
    narrow, wide = intervals(many), intervals(few)
    for name, value in mask_metrics(many.sum(axis=0)).items():
        assert narrow[name][0] < value < narrow[name][1]
        assert narrow[name][1] - narrow[name][0] < wide[name][1] - wide[name][0]


def test_report_has_metrics_classes_and_confusions():
    metrics, classes, confusions = mask_parts(counted(SAID, TRUE, 3), ["ground", "tree", "house"])
    assert [row[0] for row in metrics["rows"]] == ["miou", "dice", "pixel_accuracy"]
    # Of the house nothing is found, and nothing is taken for one.
    assert classes["rows"][1] == ["tree", round(2 / 3, 4), 0.8, round(2 / 3, 4), 1.0, round(2 / 6, 4), 1]
    assert classes["rows"][2] == ["house", 0.0, 0.0, None, 0.0, round(1 / 6, 4), 1]
    assert confusions["rows"] == [["ground", "tree", 1, round(1 / 3, 4)], ["house", "ground", 1, 1.0]]


def test_report_of_two_classes_needs_no_confusions_and_leaves_out_what_is_not_there():
    said, true = random_masks(2)
    assert len(mask_parts(counted(said, true, 2), ["a", "b"])) == 2
    _, classes, _ = mask_parts(counted(said, true, 4), ["a", "b", "c", "d"])
    assert [row[0] for row in classes["rows"]] == ["a", "b"]
