"""The INI of configs/ on its real data, made small: red cells, white cells and platelets on images of blood."""

from pathlib import Path

import pandas as pd
import pytest

from auto_train.config import load_config
from auto_train.errors import DataError
from auto_train.regression.train import train_model
from auto_train.regression.validate import evaluate

ROOT = Path(__file__).parents[2]
SMALL = [
    "architecture.image_size=32", "architecture.backbone.model=test_resnet", "architecture.backbone.weights=none",
    "architecture.backbone.pretrained=false", "architecture.mean=none", "architecture.std=none", "export.formats=[]",
    "training.scheme.epochs=1", "training.scheme.freeze_epochs=0", "training.scheme.amp=false",
]  # fmt: skip


def test_blood_counts_train_are_measured_and_keep_their_columns(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AUTO_TRAIN_MIRROR", str(mirror))
    places = [f"project.location={tmp_path}/project", f"training.dir={tmp_path}/bccd"]
    config = load_config(ROOT / "configs/blood-counts.ini", [*SMALL, *places])
    result = train_model(config)
    table = pd.read_csv(result.run / "manifest.csv")
    assert table["split"].value_counts().to_dict() == {"train": 205, "valid": 87, "test": 72}
    # The mean of the training images, 11.6, is off by 3.1 on the test images.
    assert result.metrics["test/mae_rbc"] < 5 and 0.5 < result.metrics["test/coverage"] <= 1
    other = load_config(config.path, [*SMALL, *places, "project.data.label_column=[platelets, wbc, rbc]"])
    assert evaluate(other, split="test")["test/mae_rbc"] == pytest.approx(result.metrics["test/mae_rbc"])
    fewer = load_config(config.path, [*SMALL, *places, "project.data.label_column=[wbc, rbc]"])
    with pytest.raises(DataError, match=r"no numbers 'platelets', which the model tells"):
        evaluate(fewer, split="test")
