import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auto_train.bundle import compare_golden
from auto_train.errors import BundleError


def share_of_red(images: np.ndarray) -> np.ndarray:
    """Answer (N, H, W, 3) images with the mean of their first channel, (N, 1)."""
    return images[..., 0].mean(axis=(1, 2), dtype=np.float32)[:, None] / 255


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    Image.new("RGB", (3, 2), (51, 0, 0)).save(tmp_path / "0.png")
    (tmp_path / "answers.json").write_text(json.dumps({"0.png": [0.2]}))
    return tmp_path


def test_compare_golden_passes_the_same_answers_and_no_answers(golden: Path, tmp_path: Path):
    compare_golden(golden, share_of_red)
    compare_golden(tmp_path / "none", share_of_red)


@pytest.mark.parametrize("change", [0.01, float("nan")])
def test_compare_golden_refuses_another_answer(golden: Path, change: float):
    with pytest.raises(BundleError, match=r"the model's answer to .*0.png differs by .* \(allowed: 0.001\)"):
        compare_golden(golden, lambda images: share_of_red(images) + np.float32(change))


def test_compare_golden_refuses_an_answer_of_another_shape(golden: Path):
    with pytest.raises(BundleError, match="differs by inf"):
        compare_golden(golden, lambda images: np.zeros((1, 2), np.float32))
