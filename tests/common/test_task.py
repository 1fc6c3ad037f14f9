import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from auto_train.classification.model import ClassificationModel
from auto_train.classification.train import train_model
from auto_train.errors import ConfigError, DataError, MissingError, TaskContractError, UsageError
from tests.tiny import tiny_config, write_digits, write_ini


def make_task(folder: Path, data: Path, *overrides: str, more: str = "") -> ClassificationModel:
    return ClassificationModel(tiny_config(folder, data, *overrides, more=more))


def state(task: ClassificationModel) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in task.model.state_dict().items()}


# Config


def test_task_takes_a_path_a_config_or_the_environment(
    digit_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    ini = write_ini(tmp_path, digit_files)
    monkeypatch.setenv("CONFIG", str(ini))
    for config in (ini, str(ini), tiny_config(tmp_path, digit_files), None):
        assert ClassificationModel.get_config(config).project.name == "tiny"


def test_task_without_any_config_says_how_to_name_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("CONFIG", raising=False)
    with pytest.raises(UsageError, match="CONFIG"):
        ClassificationModel()


# Data


def test_task_holds_data_model_and_learner(digit_files: Path, tmp_path: Path):
    task = make_task(tmp_path, digit_files)
    assert task.labels == ["0", "1", "2"] and set(task.samples.table["split"]) == {"train", "valid"}
    assert task.learn.model is task.model and task.learn.dls is task.dls
    assert task.model[0].num_features == 64 and task.inference.network is task.model
    images, targets = task.dls.train.one_batch()
    assert task.model(images).shape == (16, 3) and task.learn.loss_func(task.model(images), targets).ndim == 0


@pytest.mark.parametrize("key", ["project.num_classes", "project.meta.num_classes"])
def test_stated_number_of_classes_must_be_that_of_the_data(digit_files: Path, tmp_path: Path, key: str):
    assert make_task(tmp_path / "1", digit_files, f"{key}=3").labels == ["0", "1", "2"]
    with pytest.raises(DataError, match=r"num_classes: the INI states 4 classes, the data has 3: 0, 1, 2"):
        make_task(tmp_path / "2", digit_files, f"{key}=4")


def test_class_names_of_the_ini_give_the_order(digit_files: Path, tmp_path: Path):
    task = make_task(tmp_path, digit_files, "project.classes=2,0,1")
    assert task.labels == ["2", "0", "1"]
    first = task.samples.of("valid").table["label"].iloc[0]
    assert task.labels[task.targets(task.samples.of("valid"))[0]] == first


def test_data_without_validation_images_is_refused(digit_files: Path, tmp_path: Path):
    with pytest.raises(DataError, match=r"0 images in the valid split \(allowed: at least 1\)\n.*valid_fraction"):
        make_task(tmp_path, digit_files, "project.data.valid_fraction=0")


def test_train_ratio_of_older_inis_is_the_other_share(digit_files: Path, tmp_path: Path):
    ratio = make_task(tmp_path / "1", digit_files, "training.train_ratio=0.6").samples
    fraction = make_task(tmp_path / "2", digit_files, "project.data.valid_fraction=0.4").samples
    assert ratio.table["split"].tolist() == fraction.table["split"].tolist()


def test_excluded_files_are_left_out(digit_files: Path, tmp_path: Path):
    (tmp_path / "exclude.txt").write_text("0/000.png\n1/003.png\n")
    task = make_task(tmp_path, digit_files, f"project.data.exclude={tmp_path}/exclude.txt")
    assert len(task.samples) == 70 and not set(task.samples.table["path"]) & {"0/000.png", "1/003.png"}


LOADER = """
from auto_train import registry

@registry.load_function.register("load_{name}")
def load_{name}():
    def load(config):
        from auto_train.data import read_samples
        {body}
    return load
"""


def with_loader(folder: Path, data: Path, name: str, body: str) -> ClassificationModel:
    folder.mkdir(exist_ok=True)
    (folder / "code.py").write_text(LOADER.format(name=name, body=body))
    more = f"\n[training.data.load_datablocks]\n@load_function = load_{name}\n"
    return make_task(folder, data, f"project.custom_functions={folder}/code.py", more=more)


def test_load_function_gives_the_samples(digit_files: Path, tmp_path: Path):
    body = "return read_samples(config.training.dir, 'folders', labels=['2', '1', '0'])"
    task = with_loader(tmp_path, digit_files, "reversed", body)
    assert task.labels == ["2", "1", "0"] and len(task.samples) == 72


def test_load_function_that_returns_something_else_is_named(digit_files: Path, tmp_path: Path):
    match = (
        r"@load_function: the load_function returned list \(allowed: auto_train.data.Samples or fastai DataLoaders\)"
    )
    with pytest.raises(TaskContractError, match=match):
        with_loader(tmp_path, digit_files, "list", "return [config.training.scheme.batch_size]")


# Model


def test_seed_decides_the_weights(digit_files: Path, tmp_path: Path):
    one, two, other = (
        state(make_task(tmp_path / name, digit_files, f"training.seed={seed}"))
        for name, seed in (("1", 1), ("2", 1), ("3", 2))
    )
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_model_starts_from_even_answers(digit_files: Path, tmp_path: Path):
    task = make_task(tmp_path, digit_files)
    assert task.model.eval()(torch.randn(4, 3, 28, 28)).abs().max() == 0


def test_vector_size_that_differs_from_the_backbones_is_named(digit_files: Path, tmp_path: Path):
    assert make_task(tmp_path / "1", digit_files, "architecture.backbone.vector_size=64").model[0].num_features == 64
    with pytest.raises(TaskContractError, match=r"vector_size: 'resnet18' gives 64 features, not 1280\n.*= 64"):
        make_task(tmp_path / "2", digit_files, "architecture.backbone.vector_size=1280")


def test_head_of_the_ini_is_built(digit_files: Path, tmp_path: Path):
    more = "\n[architecture.head]\n@head = custom_head\nhead_input_size = 64\nnum_classes = 3\n"
    task = make_task(tmp_path, digit_files, more=more)
    assert [type(layer).__name__ for layer in task.model[1][1]] == ["Linear", "ReLU", "Dropout", "Linear"]
    assert task.model[1][1][3].weight.abs().max() == 0 and task.model[1][1][0].weight.abs().max() > 0


def test_mean_and_deviation_are_the_inis_or_the_backbones(digit_files: Path, tmp_path: Path):
    stated = "architecture.mean=0.1,0.2,0.3", "architecture.std=0.5,0.5,0.5"
    assert make_task(tmp_path / "1", digit_files, *stated).inference.config["mean"] == [0.1, 0.2, 0.3]
    # ImageNet's, which timm records for resnet18
    assert make_task(tmp_path / "2", digit_files).inference.config["mean"] == [0.485, 0.456, 0.406]


@pytest.mark.parametrize("text", ["mean=0.5", "mean=0.1,0.2,0.3,0.4", "std=0.5,0.5", "std=0.5,0,0.5"])
def test_mean_and_deviation_of_other_than_three_channels_are_refused(digit_files: Path, tmp_path: Path, text: str):
    with pytest.raises(ConfigError, match=r"architecture\.(mean|std): .* three numbers"):
        make_task(tmp_path, digit_files, f"architecture.{text}")


def test_dropout_beside_a_head_of_ones_own_has_no_effect_and_warns(digit_files: Path, tmp_path: Path):
    more = "\n[architecture.head]\n@head = custom_head\nhead_input_size = 64\nnum_classes = 3\n"
    task = make_task(tmp_path, digit_files, "architecture.backbone.drop_rate=0.5", more=more)
    assert any("drop_rate has no effect" in text for text in task.warnings)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], False),  # random weights have no statistics worth keeping
        (["training.scheme.freeze_bn=true"], True),
        (["architecture.backbone.weights={weights}"], True),  # pretrained, and fewer than 10,000 images
        (["architecture.backbone.weights={weights}", "training.scheme.freeze_bn=false"], False),
    ],
)
def test_batch_norm_statistics_are_kept_where_that_is_better(
    digit_files: Path, tmp_path: Path, overrides: list[str], expected: bool
):
    import timm
    from safetensors.torch import save_file

    weights = tmp_path / "resnet18.safetensors"
    save_file(timm.create_model("resnet18", num_classes=0, channels=(8, 16, 32, 64)).state_dict(), weights)
    task = make_task(tmp_path, digit_files, *[text.format(weights=weights) for text in overrides])
    assert task.learn.freeze_bn == expected
    if any("weights" in text for text in overrides):
        from safetensors.torch import load_file

        assert task.is_pretrained and torch.equal(task.model[0].model.conv1.weight, load_file(weights)["conv1.weight"])


def test_weights_that_nowhere_exist_list_what_was_tried(digit_files: Path, tmp_path: Path):
    config = tiny_config(tmp_path, digit_files, "architecture.backbone.weights=nowhere.safetensors")
    with pytest.raises(MissingError, match=r"nowhere\.safetensors") as caught:
        ClassificationModel(config, offline=True)
    assert caught.value.exit_code == 6


@pytest.mark.parametrize(("text", "expected"), [("true", torch.bfloat16), ("false", None)])
def test_amp_of_the_ini_is_honoured(digit_files: Path, tmp_path: Path, text: str, expected: torch.dtype | None):
    task = make_task(tmp_path, digit_files, f"training.scheme.amp={text}", "training.scheme.channels_last=true")
    assert task.learn.precision.amp == expected and task.learn.precision.channels_last
    assert task.model[0].model.conv1.weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("amp", ["auto", "false"])
def test_batches_too_small_for_batch_norm_are_refused(digit_files: Path, tmp_path: Path, amp: str):
    # resnet18 makes one value per channel of 28 px.
    config = tiny_config(tmp_path, digit_files, "training.scheme.batch_size=1", f"training.scheme.amp={amp}")
    with pytest.raises(UsageError, match=r"batch_size: batch norm cannot train on batches of 1 image .*2 or more"):
        train_model(config)


# Inference only


@pytest.fixture(scope="module")
def trained(digit_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the INI of a trained project whose data is gone."""
    folder = tmp_path_factory.mktemp("trained")
    data = write_digits(folder / "data", {"0": 20, "1": 20})
    train_model(tiny_config(folder, data, "training.scheme.epochs=3"))
    shutil.rmtree(data)
    return folder / "tiny.ini"


def test_inference_opens_no_training_data(trained: Path, digit_files: Path):
    task = ClassificationModel(trained, inference_only=True)
    assert task.labels == ["0", "1"] and not hasattr(task, "samples") and not task.model.training


def test_predict_takes_a_path_bytes_or_pixels(trained: Path, digit_files: Path):
    task = ClassificationModel(trained, inference_only=True)
    path = digit_files / "1/000.png"
    label, index, probabilities = task.learn.predict(path)
    assert label in ("0", "1") and task.labels[int(index)] == label
    assert float(probabilities.sum()) == pytest.approx(1) and probabilities.argmax() == index
    pixels = np.array(Image.open(path).convert("RGB"))
    for form in (str(path), path.read_bytes(), pixels):
        assert torch.equal(task.learn.predict(form)[2], probabilities)


def test_predict_is_the_answer_before_temperature(trained: Path, digit_files: Path):
    task = ClassificationModel(trained, inference_only=True)
    image = np.array(Image.open(digit_files / "1/000.png").convert("RGB"))
    task.inference.set_temperature(1.0)
    with torch.no_grad():
        expected = task.inference(torch.from_numpy(image)[None])[0]
    assert torch.allclose(task.learn.predict(image)[2], expected, atol=1e-6)


def test_predict_leaves_the_mode_of_the_model(digit_files: Path, tmp_path: Path):
    task = make_task(tmp_path, digit_files)
    task.model.train()
    task.learn.predict(digit_files / "0/000.png")
    assert task.model.training


def test_inference_before_training_says_to_train(digit_files: Path, tmp_path: Path):
    with pytest.raises(MissingError, match=r"model.pth: there is no trained model\n  train first: "):
        ClassificationModel(write_ini(tmp_path, digit_files), inference_only=True)


def test_weights_replaced_by_hand_win_with_a_warning(trained: Path, digit_files: Path, tmp_path: Path):
    copy = tmp_path / "moved"
    shutil.copytree(trained.parent / "project", copy / "project")
    config = tiny_config(copy, digit_files)
    weights = copy / "project/models/model.pth"
    state_dict = torch.load(weights, weights_only=True)
    state_dict["1.1.1.bias"] += torch.tensor([50.0, 0.0])
    torch.save(state_dict, weights)
    task = ClassificationModel(config, inference_only=True)
    assert task.learn.predict(digit_files / "1/000.png")[0] == "0"
    assert any("is not what the last training wrote" in text for text in task.warnings)
