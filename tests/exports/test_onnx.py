import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from auto_train.classification.model import Classifier
from auto_train.errors import GateError
from auto_train.exports.check import check_export
from auto_train.exports.onnx import convert, open_export
from tests.models.conftest import LABELS, make_classifier


@pytest.fixture(scope="module")
def model() -> Classifier:
    model = make_classifier()
    # As after training: far from even, so that a difference shows.
    with torch.no_grad():
        model.network[1][1][1].weight.mul_(3)
    model.set_temperature(1.3)
    return model


@pytest.fixture(scope="module")
def exported(model: Classifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert(model, tmp_path_factory.mktemp("onnx") / "new" / "model.onnx", weights_sha256="abc")


def run(path: Path, images: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["probabilities"], {"images": images})[0]


def test_export_answers_as_the_model_on_real_images_of_any_size(
    model: Classifier, exported: Path, photos: list[np.ndarray]
):
    for photo in photos:
        with torch.no_grad():
            expected = model(torch.from_numpy(photo)[None]).numpy()
        assert np.abs(run(exported, photo[None]) - expected).max() < 1e-4, photo.shape


@pytest.mark.parametrize("count", [1, 3, 16])
def test_export_takes_batches_of_any_number(exported: Path, photos: list[np.ndarray], count: int):
    probabilities = run(exported, np.repeat(photos[1][None], count, axis=0))
    assert probabilities.shape == (count, 3) and probabilities.dtype == np.float32
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5) and np.allclose(probabilities, probabilities[0])


def test_export_says_what_it_takes_and_gives(exported: Path):
    session = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])
    (taken,), (given,) = session.get_inputs(), session.get_outputs()
    assert (taken.name, taken.type, len(taken.shape), taken.shape[3]) == ("images", "tensor(uint8)", 4, 3)
    assert not any(isinstance(size, int) for size in taken.shape[:3])
    assert (given.name, given.type, given.shape[1]) == ("probabilities", "tensor(float)", 3)


def test_export_carries_labels_and_facts(exported: Path):
    facts = {entry.key: entry.value for entry in onnx.load(exported).metadata_props}
    assert json.loads(facts["labels"]) == LABELS
    assert (facts["task"], facts["model"], facts["weights_sha256"]) == ("classification", "pets", "abc")
    assert json.loads(facts["image_size"]) == 32 and json.loads(facts["temperature"]) == pytest.approx(1.3)


def test_export_is_one_valid_file(exported: Path):
    onnx.checker.check_model(exported, full_check=True)
    assert [path.name for path in exported.parent.iterdir()] == ["model.onnx"]


def test_check_tells_the_largest_difference(model: Classifier, exported: Path, photos: list[np.ndarray]):
    assert 0 <= check_export(model, open_export(exported), photos, limit=1e-4, where=str(exported)) < 1e-4


@pytest.mark.parametrize("factor", [1.01, float("nan")])
def test_tampered_export_is_refused(
    model: Classifier, exported: Path, photos: list[np.ndarray], tmp_path: Path, factor: float
):
    proto = onnx.load(exported)
    for weights in proto.graph.initializer:
        values = onnx.numpy_helper.to_array(weights)
        if values.shape in ((3, 64), (64, 3)):  # the last layer's
            weights.CopyFrom(onnx.numpy_helper.from_array(values * np.float32(factor), weights.name))
    path = tmp_path / "model.onnx"
    onnx.save(proto, path)
    match = rf"{path}: the export differs from the trained model by .* \(allowed: .*= 0.0001\)"
    with pytest.raises(GateError, match=match) as caught:
        check_export(model, open_export(path), photos, limit=1e-4, where=str(path))
    assert caught.value.exit_code == 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arch", "side"),
    [
        ("mobilenetv3_small_100", 64),
        ("efficientnet_b0", 64),
        ("convnext_atto", 64),
        ("vit_tiny_patch16_224", 64),
        ("swin_tiny_patch4_window7_224", 56),
        ("mobilenetv2_100", 64),
        ("regnetx_002", 64),
    ],
)
def test_export_of_every_kind_of_backbone_agrees(arch: str, side: int, photos: list[np.ndarray], tmp_path: Path):
    model = make_classifier(backbone={"arch": arch}, image_size=side)
    path = convert(model, tmp_path / "model.onnx")
    assert check_export(model, open_export(path), photos, limit=1e-4, where=str(path)) < 1e-4
    assert run(path, np.repeat(photos[1][None], 5, axis=0)).shape == (5, 3)
