import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import auto_train
from auto_train.bundle import load_bundle
from auto_train.classification.model import ClassificationModel
from auto_train.classification.train import train_model
from auto_train.classification.validate import evaluate, infer
from auto_train.config import Config, load_config
from auto_train.errors import DataError, ImageError, MissingError
from tests.conftest import TrainedRun
from tests.tiny import tiny_config, write_digits

POSTPROCESS = """
from auto_train import registry

@registry.postprocess_function.register("only_label")
def only_label():
    return lambda answer: answer["prediction"]
"""


@pytest.fixture(scope="module")
def config(digit_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Config:
    config = tiny_config(tmp_path_factory.mktemp("validate"), digit_files, "training.scheme.epochs=3")
    train_model(config)
    return config


def test_infer_answers_with_prediction_confidence_and_probabilities(config: Config, digit_files: Path):
    answer = infer(digit_files / "1/000.png", config)
    assert list(answer) == ["prediction", "confidence", "probabilities", "model"]
    assert answer["prediction"] == max(answer["probabilities"], key=answer["probabilities"].get)
    assert re.fullmatch(r"\d{1,3}\.\d\d%", answer["confidence"])
    assert answer["confidence"] == f"{100 * max(answer['probabilities'].values()):.2f}%"
    assert sum(answer["probabilities"].values()) == pytest.approx(1)


def test_infer_takes_a_path_or_bytes(config: Config, digit_files: Path):
    path = digit_files / "1/000.png"
    assert infer(str(path), config) == infer(path.read_bytes(), config) == infer(path, config)


def test_infer_reads_the_config_of_the_environment(config: Config, digit_files: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CONFIG", str(config.path))
    assert infer(digit_files / "1/000.png") == infer(digit_files / "1/000.png", config)


def test_infer_gives_what_the_postprocess_function_returns(config: Config, digit_files: Path, tmp_path: Path):
    (tmp_path / "code.py").write_text(POSTPROCESS)
    ini = tmp_path / "post.ini"
    ini.write_text(config.path.read_text() + "\n[testing.postprocess]\n@postprocess_function = only_label\n")
    found = load_config(ini, [f"project.custom_functions={tmp_path}/code.py"])
    assert infer(digit_files / "1/000.png", found) == infer(digit_files / "1/000.png", config)["prediction"]


def test_infer_of_a_file_that_is_no_image_is_refused(config: Config, tmp_path: Path):
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(ImageError, match=r"text\.png"):
        infer(tmp_path / "text.png", config)


def test_infer_before_training_says_to_train(digit_files: Path, tmp_path: Path):
    with pytest.raises(MissingError, match=r"there is no trained model\n  train first"):
        infer(digit_files / "1/000.png", tiny_config(tmp_path, digit_files))


def test_infer_sees_a_new_training(digit_files: Path, tmp_path: Path):
    config = tiny_config(tmp_path, digit_files)
    train_model(config)
    before = infer(digit_files / "1/000.png", config)
    os.utime(config.training.scheme.output_path, ns=(1, 1))  # clocks of file systems are coarse
    train_model(tiny_config(tmp_path, digit_files, "training.seed=9", "training.scheme.epochs=2"))
    assert infer(digit_files / "1/000.png", config) != before


def test_evaluate_gives_the_metrics_of_the_training(config: Config):
    record = json.loads(Path(f"{config.training.scheme.output_path}.json").read_text())
    facts = json.loads((Path(record["bundle"]) / "facts.json").read_text())
    expected = {name: value for name, value in facts["metrics"].items() if name.startswith("valid/")}
    assert evaluate(config) == pytest.approx(expected)


def test_evaluate_keeps_to_the_splits_of_the_training(config: Config):
    other = load_config(config.path, ["project.data.valid_fraction=0.6"])
    assert evaluate(other) == evaluate(config)


def test_evaluate_shows_the_model_images_of_the_size_it_was_trained_for(config: Config):
    found = evaluate(load_config(config.path, ["architecture.image_size=64"]))
    assert found == evaluate(config)
    assert found.warnings == (
        "the model sees images at 28 px, as it was trained; [architecture] image_size = 64 is for the next training",
    )


def test_evaluate_changed_data_warns(digit_files: Path, tmp_path: Path):
    data = shutil.copytree(digit_files, tmp_path / "data")
    config = tiny_config(tmp_path, data)
    train_model(config)
    assert not evaluate(config).warnings
    for path in sorted(data.glob("0/*"))[:20]:
        path.unlink()
    assert any("the data has changed" in text for text in evaluate(config).warnings)


def test_evaluate_a_split_without_images_is_refused(config: Config):
    with pytest.raises(DataError, match="split test: there are no images"):
        evaluate(config, split="test")


def test_evaluate_classes_the_model_does_not_know_is_refused(config: Config, tmp_path: Path):
    data = write_digits(tmp_path / "valid", {"0": 4, "7": 4}).parent
    write_digits(tmp_path / "train", {"0": 4, "7": 4})
    with pytest.raises(DataError, match=r"split valid: the model does not know the classes 7 \(allowed: 0, 1, 2\)"):
        evaluate(load_config(config.path, [f"training.dir={data}"]))


@pytest.mark.parametrize("balance", ["weights", "sampler"])
def test_evaluate_works_with_every_scheme_of_the_training(digit_files: Path, tmp_path: Path, balance: str):
    config = tiny_config(tmp_path, digit_files, f"training.scheme.balance={balance}", "training.scheme.mixup=0.3")
    result = train_model(config)
    assert evaluate(config) == pytest.approx(result.metrics)


# One image, one answer


def real_images(root: Path, count: int) -> list[np.ndarray]:
    """Return the repository's photographs and scikit-learn's digits, each at a size of its own."""
    from sklearn.datasets import load_digits

    paths = sorted((root / "test_images/classification").glob("*.*g"))
    images = [np.array(Image.open(path).convert("RGB")) for path in paths]
    for i, digit in enumerate(load_digits().images[: count - len(images)]):
        picture = Image.fromarray((digit * 15).astype(np.uint8)).convert("RGB")
        images.append(np.array(picture.resize((20 + i, 60 - i // 2), Image.Resampling.BICUBIC)))
    assert len(images) == count
    return images


def check_agreement(run: TrainedRun, images: list[np.ndarray]) -> None:
    import onnxruntime

    task = ClassificationModel(run.config, inference_only=True)
    predictor = auto_train.load(run.config)
    session = onnxruntime.InferenceSession(run.onnx, providers=["CPUExecutionProvider"])
    model = load_bundle(run.bundle).model
    for image in images:
        with torch.no_grad():
            expected = model(torch.from_numpy(image)[None])[0].numpy()
        exported = session.run(None, {"images": image[None]})[0][0]
        served = np.array(list(predictor(image)["probabilities"].values()))
        learnt = task.learn.predict(image)[2].numpy()
        for found in (exported, served, learnt):
            assert np.abs(found - expected).max() < 1e-4, image.shape


def test_every_way_to_ask_gives_the_same_answer(digits_run: TrainedRun, root: Path):
    check_agreement(digits_run, real_images(root, 20))


@pytest.mark.slow
def test_every_way_to_ask_gives_the_same_answer_to_100_images(digits_run: TrainedRun, root: Path):
    check_agreement(digits_run, real_images(root, 100))


def test_temperature_is_in_everything_that_answers(digits_run: TrainedRun):
    import onnx

    found = json.loads((digits_run.folder / "evaluation.json").read_text())["temperature"]
    assert found != 1
    model = load_bundle(digits_run.bundle).model
    assert model.config["temperature"] == pytest.approx(found) and float(model.temperature) == pytest.approx(found)
    restored = ClassificationModel(digits_run.config, inference_only=True).inference
    assert restored.config["temperature"] == pytest.approx(found)
    metadata = {entry.key: entry.value for entry in onnx.load(digits_run.onnx).metadata_props}
    assert float(metadata["temperature"]) == pytest.approx(found)
