from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auto_train.common.detection.rows import CROWD, BoxRows
from auto_train.data.augment.boxes import NO_BOX
from auto_train.data.samples import Samples
from tests.data.doctor.annotated import boxes_of, samples_of


@pytest.fixture
def samples(tmp_path: Path) -> Samples:
    """Return images of 40 x 20 px: with two boxes, without one, with one that reaches out and one of no width."""
    for name in "abc":
        Image.fromarray(np.zeros((20, 40, 3), np.uint8)).save(tmp_path / f"{name}.png")
    rows = [[[4, 2, 20, 10, 1], [0, 0, 40, 20, 0]], [], [[-10, 5, 20, 30, 1], [7, 7, 7, 9, 0]]]
    return samples_of(tmp_path, boxes_of(rows))


def test_boxes_are_shares_of_their_image(samples: Samples):
    rows = BoxRows(samples, ["cell", "nucleus"])
    assert len(rows) == 3
    found = rows[np.array([0, 1, 2])].numpy()
    assert found.shape == (3, 2, 5)
    assert found[0].tolist() == pytest.approx(np.array([[1, 0.1, 0.1, 0.5, 0.5], [0, 0, 0, 1, 1]]))
    assert (found[1, :, 0] == NO_BOX).all()


def test_boxes_are_cut_at_the_edge_and_those_without_area_left_out(samples: Samples):
    found = BoxRows(samples, ["cell", "nucleus"])[np.array([2])].numpy()[0]
    assert found[0].tolist() == pytest.approx([1, 0, 0.25, 0.5, 1]) and found[1, 0] == NO_BOX


def test_codes_are_places_in_the_models_order(samples: Samples):
    found = BoxRows(samples, ["nucleus", "other", "cell"])[np.array([0])].numpy()[0]
    assert found[:, 0].tolist() == [0, 2]


def test_crowds_have_codes_of_their_own(samples: Samples):
    crowd = Samples(**{**vars(samples), "targets": boxes_of([[[4, 2, 20, 10, 1]], [], []], is_crowd=True)})
    assert BoxRows(crowd, ["cell", "nucleus"])[np.array([0])][0, 0, 0] == CROWD - 1


def test_batches_are_equally_wide(samples: Samples):
    rows = BoxRows(samples, ["cell", "nucleus"])
    assert rows[np.array([1])].shape == (1, 2, 5)
    assert BoxRows(samples.take([1]), ["cell", "nucleus"])[np.array([0])].shape == (1, 1, 5)
