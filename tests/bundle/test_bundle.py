import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from auto_train.bundle import load_bundle, weights_sha256, write_golden
from auto_train.bundle.filelist import sha256_of
from auto_train.errors import BundleError
from tests.models.conftest import LABELS, make_classifier


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    model = make_classifier()
    model.save_pretrained(tmp_path)
    images = [np.random.default_rng(i).integers(0, 256, (20 + i, 30, 3), dtype=np.uint8) for i in range(3)]
    write_golden(model, images, tmp_path / "golden")
    (tmp_path / "facts.json").write_text('{"metrics": {"valid/accuracy": 0.5}}')
    return tmp_path


def test_bundle_is_loaded_with_its_labels_and_facts(bundle: Path):
    loaded = load_bundle(str(bundle))
    assert (loaded.labels, loaded.task, loaded.folder) == (LABELS, "classification", bundle)
    assert loaded.facts["metrics"] == {"valid/accuracy": 0.5} and not loaded.model.training
    assert loaded.model(torch.zeros(1, 9, 9, 3, dtype=torch.uint8)).shape == (1, 3)


def test_bundle_without_facts_and_golden_answers_is_loaded(bundle: Path):
    shutil.rmtree(bundle / "golden")
    (bundle / "facts.json").unlink()
    assert load_bundle(bundle).facts == {}


def test_altered_weights_are_found_before_anything_else(bundle: Path):
    path = bundle / "model/weights.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(BundleError, match=r"INTEGRITY ERROR: weights.safetensors was altered"):
        load_bundle(bundle)


def test_sum_of_the_weights_is_that_of_their_file(bundle: Path):
    assert weights_sha256(bundle) == sha256_of(bundle / "model/weights.safetensors")
