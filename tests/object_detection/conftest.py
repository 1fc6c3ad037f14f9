from pathlib import Path

import pytest

from auto_train.config import Config
from auto_train.object_detection.train import train_model
from auto_train.runs.folder import TrainResult
from tests.object_detection.shapes import shapes_config, write_shapes


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of annotated rectangles; copy it to change it."""
    return write_shapes(tmp_path_factory.mktemp("shapes") / "data")


@pytest.fixture(scope="session")
def trained(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, TrainResult]:
    """Return a config and what training it has left, with an export."""
    config = shapes_config(tmp_path_factory.mktemp("trained"), shapes)
    return config, train_model(config)
