"""A classifier of three classes as training leaves it, and real pictures of awkward sizes."""

import numpy as np
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


@pytest.fixture(scope="session")
def photos() -> list[np.ndarray]:
    """Return crops of two photographs, odd, tiny, wide and large ones among them."""
    from sklearn.datasets import load_sample_images

    sizes = [(32, 32), (33, 47), (1, 1), (5, 300), (300, 7), (427, 640), (64, 64), (31, 31)]
    images = load_sample_images().images
    return [images[i % 2][:height, :width].copy() for i, (height, width) in enumerate(sizes)]
