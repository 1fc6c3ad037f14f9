from pathlib import Path

import numpy as np
import pytest
import torch

from auto_train import registry
from auto_train.classification import custom_functions
from auto_train.classification.model import ClassificationModel
from auto_train.classification.train import train_model
from auto_train.data import Samples
from auto_train.data.pixels.resize import resize_images
from tests.tiny import tiny_config, write_digits


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("preprocess_function", "my_preprocess"),
        ("head", "custom_head"),
        ("load_function", "load_imagenette"),
        ("load_function", "load_rooftops"),
        ("postprocess_function", "convert_imagenette_label_mapping"),
        ("postprocess_function", "convert_rooftop_label_mapping"),
    ],
)
def test_function_of_the_original_inis_is_registered(kind: str, name: str):
    assert custom_functions and callable(registry.get(kind, name))


def test_preprocess_resizes_as_the_model_does():
    images = torch.randint(0, 256, (2, 50, 40, 3), dtype=torch.uint8)
    found = custom_functions.my_preprocess(28)(images)
    assert found.dtype == torch.uint8 and torch.equal(found.permute(0, 3, 1, 2).float(), resize_images(images, 28))


def test_head_maps_features_to_classes():
    head = custom_functions.custom_head(64, 5)
    assert head(torch.zeros(3, 64)).shape == (3, 5) and head[0].out_features == 32


@pytest.mark.parametrize("load", ["load_imagenette", "load_rooftops"])
def test_load_function_reads_train_and_val_folders(digit_files: Path, tmp_path: Path, load: str):
    for split in ("train", "val"):
        write_digits(tmp_path / "data" / split, {"0": 6, "1": 6})
    more = f"\n[training.data.load_datablocks]\n@load_function = {load}\n"
    config = tiny_config(tmp_path, tmp_path / "data", more=more)
    samples = config.resolve("training.data.load_datablocks")(config.resolve_all())
    assert isinstance(samples, Samples) and samples.labels == ["0", "1"]
    assert samples.table["split"].value_counts().to_dict() == {"train": 12, "valid": 12}


def test_label_mappings_rename_the_prediction_alone():
    answer = {"prediction": "n01440764", "confidence": "97.31%"}
    convert = custom_functions.convert_imagenette_label_mapping()
    assert convert(answer) == {"prediction": "tench", "confidence": "97.31%"}
    assert convert({"prediction": "unknown"}) == {"prediction": "unknown"}
    assert custom_functions.convert_rooftop_label_mapping()({"prediction": "flat_roof"}) == {"prediction": "flat roof"}


def test_all_of_them_together_train_and_predict(digit_files: Path, tmp_path: Path):
    from auto_train.classification.validate import infer

    more = """
[architecture.head]
@head = custom_head
head_input_size = 64
num_classes = 3

[training.preprocess]
@preprocess_function = my_preprocess
image_size = 28

[training.data.load_datablocks]
@load_function = load_rooftops

[testing.postprocess]
@postprocess_function = convert_rooftop_label_mapping
"""
    config = tiny_config(tmp_path, digit_files, "export.formats=onnx", more=more)
    result = train_model(config)
    answer = infer(digit_files / "1/000.png", config)
    assert answer["prediction"] in ("0", "1", "2") and answer["model"] == "tiny"
    import onnxruntime

    image = np.random.default_rng(0).integers(0, 256, (1, 45, 31, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(result.run / "exports/onnx/model.onnx", providers=["CPUExecutionProvider"])
    with torch.no_grad():
        expected = ClassificationModel(config, inference_only=True).inference(torch.from_numpy(image)).numpy()
    assert np.abs(session.run(None, {"images": image})[0] - expected).max() < 1e-4
