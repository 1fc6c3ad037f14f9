"""A classifier of three classes as training leaves it, and real pictures of awkward sizes."""

import pytest
import torch

from auto_train.classification.model import Classifier

LABELS = ["cat", "dog", "owl"]


def make_classifier(**options) -> Classifier:
    """Return a classifier with random weights whose answers are far from even."""
    arguments = {
        "task": "classification",
        "name": "pets",
        "labels": LABELS,
        "backbone": {"arch": "resnet18", "channels": [8, 16, 32, 64]},
        "image_size": 32,
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
    }
    torch.manual_seed(0)
    model = Classifier(**(arguments | options))
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):  # timm starts the last of each block at zero: without effect
            torch.nn.init.ones_(layer.weight)
    return model


@pytest.fixture
def classifier() -> Classifier:
    return make_classifier()
