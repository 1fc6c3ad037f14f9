"""Conformance: every engine runs the same trained run and gives the same answers."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auto_train import actions
from auto_train.bundle.find import FoundModel, find_at
from auto_train.serving.engines import ENGINES
from auto_train.serving.engines import engine as engine_named
from auto_train.serving.predictor import open_predictor
from tests.conftest import TrainedRun


@pytest.fixture(scope="module")
def images(digits_run: TrainedRun) -> list[np.ndarray]:
    return [np.array(Image.open(path)) for path in sorted((digits_run.bundle / "golden").glob("*.png"))]


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_engine_gives_the_bundles_golden_answers(name: str, digits_run: TrainedRun, images: list[np.ndarray]) -> None:
    engine = engine_named(name).open(find_at(digits_run.folder))
    golden = json.loads((digits_run.bundle / "golden/answers.json").read_text())
    for image, expected in zip(images, golden.values(), strict=True):
        assert engine.infer(image[None])[0] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_engine_knows_task_labels_and_name(name: str, digits_run: TrainedRun) -> None:
    model = engine_named(name).open(find_at(digits_run.folder)).metadata
    assert (model.task, model.name, model.engine) == ("classification", "digits", name)
    assert model.labels == tuple("0123456789")


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_engine_takes_any_batch_height_width_and_read_only_pixels(name: str, digits_run: TrainedRun) -> None:
    engine = engine_named(name).open(find_at(digits_run.folder))
    for shape in [(1, 1, 1, 3), (3, 40, 7, 3), (2, 300, 200, 3)]:
        pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        pixels.flags.writeable = False
        answers = engine.infer(pixels)
        assert answers.shape == (shape[0], 10)
        assert answers.dtype == np.float32
        assert answers.sum(1) == pytest.approx(np.ones(shape[0]), abs=1e-5)


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_engine_answers_several_threads_as_one(name: str, digits_run: TrainedRun, images: list[np.ndarray]) -> None:
    engine = engine_named(name).open(find_at(digits_run.folder))
    alone = [engine.infer(image[None]) for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda image: engine.infer(image[None]), images * 8))
    assert all(np.allclose(one, other, atol=1e-6) for one, other in zip(alone * 8, together, strict=True))


def test_bundle_without_export_runs_on_torch(digits_run: TrainedRun, tmp_path: Path) -> None:
    shutil.copytree(digits_run.bundle, tmp_path / "bundle")
    assert actions.load(tmp_path / "bundle").model.engine == "torch"


def test_export_of_other_weights_is_not_used_and_said(digits_run: TrainedRun, tmp_path: Path) -> None:
    shutil.copytree(digits_run.folder, tmp_path / "run")
    import onnx

    path = tmp_path / "run/exports/onnx/model.onnx"
    proto = onnx.load(path)
    next(fact for fact in proto.metadata_props if fact.key == "weights_sha256").value = "0" * 64
    onnx.save(proto, path)
    predictor = open_predictor(find_at(tmp_path / "run"))
    assert predictor.model.engine == "torch"
    assert "was made from other weights than the bundle's" in predictor.warnings[0]


def test_replaced_weights_run_on_torch_and_change_the_answer(digits_run: TrainedRun, tmp_path: Path) -> None:
    import torch

    state = torch.load(digits_run.weights, weights_only=True)
    weights = tmp_path / "model.pth"
    torch.save({name: torch.zeros_like(tensor) for name, tensor in state.items()}, weights)
    predictor = open_predictor(FoundModel(bundle=digits_run.bundle, weights=weights))
    values = predictor(np.zeros((8, 8, 3), np.uint8))["probabilities"].values()
    assert list(values) == pytest.approx([0.1] * 10, abs=1e-6)
