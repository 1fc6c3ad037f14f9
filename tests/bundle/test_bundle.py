import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from auto_train.bundle import load_bundle, weights_sha256, write_golden
from auto_train.bundle.filelist import sha256_of
from auto_train.errors import BundleError
from tests.common.conftest import LABELS, make_classifier


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    model = make_classifier()
    model.save_pretrained(tmp_path)
    images = [np.random.default_rng(i).integers(0, 256, (20 + i, 30, 3), dtype=np.uint8) for i in range(3)]
    write_golden(model, images, tmp_path / "golden")
    (tmp_path / "facts.json").write_text('{"metrics": {"valid/accuracy": 0.5}}')
    return tmp_path


def answers(bundle: Path) -> dict[str, list[float]]:
    return json.loads((bundle / "golden/answers.json").read_text())


def test_bundle_is_loaded_with_its_labels_and_facts(bundle: Path):
    loaded = load_bundle(str(bundle))
    assert (loaded.labels, loaded.task, loaded.folder) == (LABELS, "classification", bundle)
    assert loaded.facts["metrics"] == {"valid/accuracy": 0.5} and not loaded.model.training
    assert loaded.model(torch.zeros(1, 9, 9, 3, dtype=torch.uint8)).shape == (1, 3)


def test_bundle_without_facts_and_golden_answers_is_loaded(bundle: Path):
    shutil.rmtree(bundle / "golden")
    (bundle / "facts.json").unlink()
    assert load_bundle(bundle).facts == {}


def test_golden_answers_are_those_of_the_model(bundle: Path):
    assert sorted(answers(bundle)) == ["0.png", "1.png", "2.png"]
    assert all(sum(row) == pytest.approx(1, abs=1e-5) for row in answers(bundle).values())


@pytest.mark.parametrize("change", [0.01, float("nan")])
def test_model_that_answers_otherwise_is_refused(bundle: Path, change: float):
    recorded = answers(bundle)
    recorded["1.png"][0] += change
    (bundle / "golden/answers.json").write_text(json.dumps(recorded))
    match = r"the model's answer to .*1.png differs by .* \(allowed: 0.001\)\n.*facts.json"
    with pytest.raises(BundleError, match=match) as caught:
        load_bundle(bundle)
    assert caught.value.exit_code == 6
    load_bundle(bundle, check_golden=False)


def test_difference_of_another_processor_is_accepted(bundle: Path):
    recorded = answers(bundle)
    recorded["1.png"][0] += 1e-4
    (bundle / "golden/answers.json").write_text(json.dumps(recorded))
    load_bundle(bundle)


def test_golden_answers_of_other_classes_are_refused(bundle: Path):
    (bundle / "golden/answers.json").write_text(json.dumps({name: row[:2] for name, row in answers(bundle).items()}))
    with pytest.raises(BundleError, match="differs by inf"):
        load_bundle(bundle)


@pytest.mark.parametrize("text", ["", "[1]", '{"0.png": 5}', '{"nowhere.png": [1]}'])
def test_golden_answers_that_cannot_be_read_are_a_bundle_error(bundle: Path, text: str):
    (bundle / "golden/answers.json").write_text(text)
    with pytest.raises(BundleError, match=r"answers.json: the golden answers cannot be read"):
        load_bundle(bundle)


def test_altered_weights_are_found_before_anything_else(bundle: Path):
    path = bundle / "model/weights.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(BundleError, match=r"INTEGRITY ERROR: weights.safetensors was altered"):
        load_bundle(bundle)


def test_sum_of_the_weights_is_that_of_their_file(bundle: Path):
    assert weights_sha256(bundle) == sha256_of(bundle / "model/weights.safetensors")
