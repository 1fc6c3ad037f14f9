from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from auto_train.data import read_samples
from auto_train.data.fetch.source import Source


def test_digits_are_scikit_learns_scaled_to_8_bits() -> None:
    samples = read_samples(Source(builtin="digits", origin="fallback"), "idx")
    real = load_digits()

    assert len(samples) == 1797 and samples.root is None
    assert samples.labels == [str(i) for i in range(10)]
    assert samples.table["label"].tolist() == [str(label) for label in real.target]
    pixels = np.stack([samples.images[row][:, :, 0] for row in range(1797)])
    assert pixels.shape == (1797, 8, 8) and pixels.max() == 255
    assert np.abs(pixels / 255 * 16 - real.images).max() < 0.04  # rounding to 8 bits
    assert set(samples.table["split"]) == {""}


def test_digits_are_never_guessed(tmp_path: Path) -> None:
    from auto_train.data.readers import Options, digits

    assert not digits.detect(tmp_path, Options())
