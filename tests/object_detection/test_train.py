import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import auto_train
from auto_train.answers.object_detection import Form
from auto_train.bundle import load_bundle
from auto_train.bundle.find import find_at
from auto_train.config import Config, load_config
from auto_train.errors import UsageError
from auto_train.object_detection.model import BoxFinder, ObjectDetectionModel
from auto_train.object_detection.train import train_model
from auto_train.object_detection.validate import evaluate, infer
from auto_train.runs.folder import TrainResult
from auto_train.serving.predictor import open_predictor
from tests.object_detection.shapes import shapes_config, write_shapes

Trained = tuple[Config, TrainResult]
METRICS = ["map_50_95", "map_50", "map_75", "precision", "recall"]


def test_training_leaves_metrics_of_every_split(trained: Trained):
    _, result = trained
    assert set(result.metrics) == {f"{split}/{name}" for split in ("valid", "test") for name in METRICS}
    assert all(0 <= value <= 1 for value in result.metrics.values())
    rows = [json.loads(line) for line in (result.run / "metrics.jsonl").read_text().splitlines()]
    assert {"train/loss", "train/classification_loss", "valid/loss", "valid/map_50"} <= set(rows[0])


def test_bundle_brings_back_the_model_and_its_threshold(trained: Trained):
    _, result = trained
    model = load_bundle(result.bundle).model
    assert isinstance(model, BoxFinder)
    assert (model.detector, model.fpn_channels, model.strides) == ("fcos", 32, [8, 16, 32])
    assert model.facts == {"threshold": model.threshold} and 0 < model.threshold < 1
    assert json.loads((result.bundle / "model/config.json").read_text())["threshold"] == model.threshold


def test_bundle_and_export_give_the_same_boxes(trained: Trained, shapes: Path):
    import onnxruntime

    _, result = trained
    model = load_bundle(result.bundle).model
    session = onnxruntime.InferenceSession(result.run / "exports/onnx/model.onnx", providers=["CPUExecutionProvider"])
    for side in (None, 33, 200):
        image = Image.open(shapes / "JPEGImages/test03.png")
        pixels = np.array(image if side is None else image.resize((side, side + 7)))[None].repeat(2, axis=0)
        with torch.no_grad():
            expected = model(torch.from_numpy(pixels)).numpy()
        found = session.run(["boxes"], {"images": pixels})[0]
        assert found.shape == expected.shape and Form().difference(expected, found) < 1e-4


def test_boxes_are_in_pixels_of_the_image_that_was_given(trained: Trained, shapes: Path):
    model = load_bundle(trained[1].bundle).model
    small = torch.from_numpy(np.array(Image.open(shapes / "JPEGImages/test03.png")))[None]
    large = small.repeat_interleave(4, dim=1).repeat_interleave(2, dim=2)
    with torch.no_grad():
        one, other = model(small)[0, :5], model(large)[0, :5]
    # Not quite: pixels of the larger image are averaged on the way to 64 px.
    assert (one[:, [1, 3]] * 4).numpy() == pytest.approx(other[:, [1, 3]].numpy(), abs=12)
    assert (one[:, [0, 2]] * 2).numpy() == pytest.approx(other[:, [0, 2]].numpy(), abs=6)


def test_served_validated_and_loaded_answers_are_equal(trained: Trained, shapes: Path):
    config, result = trained
    image = shapes / "JPEGImages/test03.png"
    predictor = open_predictor(find_at(result.run))
    answers = [predictor(image), infer(image, config), auto_train.load(config.path)(image)]
    assert predictor.model.engine == "onnxruntime"
    for found in answers[1:]:
        assert found["labels"] == answers[0]["labels"] and found["model"] == "shapes"
        assert np.array(found["boxes"]) == pytest.approx(np.array(answers[0]["boxes"]), abs=0.02)
        assert found["confidences"] == pytest.approx(answers[0]["confidences"], abs=1e-4)


def test_metrics_of_the_trained_model_are_found_again(trained: Trained):
    config, result = trained
    found = evaluate(config, split="test")
    assert evaluate(load_config(config.path, ["architecture.image_size=192"]), split="test") == found
    assert found == pytest.approx({name: value for name, value in result.metrics.items() if name.startswith("test/")})


def test_report_has_a_score_of_each_image_and_a_table_of_classes(trained: Trained):
    _, result = trained
    evaluation = json.loads((result.run / "evaluation.json").read_text())
    assert evaluation["score"] == {"name": "f1", "better": "max"}
    table, curves = evaluation["splits"]["test"]["parts"]
    assert [row[0] for row in table["rows"]] == ["blue", "red", "all"]
    assert table["rows"][-1][1] == 6  # none, one, two and three rectangles
    assert {line["name"] for line in curves["lines"]} == {"blue", "red"}
    header, *rows = (result.run / "predictions/test.csv").read_text().splitlines()
    assert {"score", "label", "answer", "missed"} <= set(header.split(",")) and len(rows) == 4
    assert "no boxes" in rows[0] and "#" in rows[3]
    report = json.loads((result.run / "report.json").read_text())
    assert {"test/map_50_95", "test/map_50", "test/precision"} <= set(report["intervals"])


@pytest.mark.parametrize("detector", ["retinanet", "faster_rcnn"])
def test_every_detector_trains(shapes: Path, tmp_path: Path, detector: str):
    formats = "onnx" if detector == "retinanet" else "[]"
    config = shapes_config(tmp_path, shapes, f"architecture.detector={detector}", f"export.formats={formats}")
    result = train_model(config)
    assert set(result.metrics) == {f"{split}/{name}" for split in ("valid", "test") for name in METRICS}
    answer = auto_train.load(config.path)(shapes / "JPEGImages/test03.png")
    assert list(answer) == ["boxes", "labels", "confidences", "model"]


@pytest.mark.slow
@pytest.mark.parametrize("detector", ["fcos", "retinanet", "faster_rcnn"])
def test_a_few_images_train_a_detector_that_finds_them(tmp_path: Path, detector: str):
    data = write_shapes(tmp_path / "data", {"train": 60, "val": 16})
    overrides = [f"architecture.detector={detector}", "training.scheme.epochs=25", "export.formats=[]"]
    result = train_model(shapes_config(tmp_path, data, *overrides))
    assert result.metrics["valid/map_50"] > 0.7


# What is refused


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["architecture.detector=faster_rcnn"], r"architecture\.detector: faster_rcnn cannot be exported"),
        (
            ["architecture.detector=faster_rcnn", "export.formats=[]", "training.scheme.monitor=loss"],
            r"training\.scheme\.monitor: faster_rcnn has losses in training only",
        ),
        (["training.scheme.mixup=0.2"], r"training\.scheme\.mixup: '0\.2' cannot be used here"),
        (["architecture.strides=[8, 4]"], "from fine to coarse"),
    ],
)
def test_what_cannot_be_trained_is_refused_before(shapes: Path, tmp_path: Path, overrides: list[str], message: str):
    with pytest.raises(UsageError, match=message):
        train_model(shapes_config(tmp_path, shapes, *overrides))


def test_zoomed_out_views_are_grey_where_mirrored_things_would_have_no_box(shapes: Path, tmp_path: Path):
    task = ObjectDetectionModel(shapes_config(tmp_path, shapes, "training.augment.zoom=0.9", "training.augment.flip=0"))
    grey = (127.5 - task.inference.mean) / task.inference.std
    images, boxes = next(iter(task.dls.train))
    is_grey = ((images - grey).abs() < 1e-4).all(dim=1)
    assert is_grey[:, 0, 0].any()  # of about half of the images the corner is beyond the edge
    for image_is_grey, rows in zip(is_grey, boxes):
        for left, top, right, bottom in (rows[rows[:, 0] >= 0, 1:] * images.shape[2]).tolist():
            inside = image_is_grey[round(top) : round(bottom), round(left) : round(right)]
            assert inside.float().mean() < 0.5


def test_head_of_ones_own_is_refused(shapes: Path, tmp_path: Path):
    (tmp_path / "own.py").write_text(
        "from auto_train import registry\n\n\n@registry.head.register('mine')\ndef mine():\n    return None\n"
    )
    more = "\n[architecture.head]\n@head = mine\n"
    overrides = f"project.custom_functions={tmp_path / 'own.py'}"
    with pytest.raises(UsageError, match="brings its own head"):
        train_model(shapes_config(tmp_path, shapes, overrides, more=more))


def test_preprocessing_that_crops_is_refused(shapes: Path, tmp_path: Path):
    (tmp_path / "own.py").write_text(
        "from auto_train import registry\n\n\n@registry.preprocess_function.register('crop')\n"
        "def crop():\n    return lambda images: images[:, :, 8:]\n"
    )
    more = "\n[training.preprocess]\n@preprocess_function = crop\n"
    overrides = f"project.custom_functions={tmp_path / 'own.py'}"
    with pytest.raises(UsageError, match="images of another size"):
        train_model(shapes_config(tmp_path, shapes, overrides, more=more))


# Real photographs


def test_blood_cells_train(mirror: Path, tmp_path: Path):
    import tarfile

    with tarfile.open(mirror / "bccd/bccd.tgz") as archive:
        archive.extractall(tmp_path, filter="data")
    data = tmp_path / "bccd/BCCD"
    lists = {"train": 12, "val": 4, "test": 4}
    for name in ("trainval", *lists):
        path = data / f"ImageSets/Main/{name}.txt"
        stems = path.read_text().split()[: lists.get(name, 0)]
        path.write_text("\n".join(stems) + "\n")
    (data / "ImageSets/Main/trainval.txt").unlink()
    result = train_model(shapes_config(tmp_path, data, "architecture.image_size=96"))
    assert load_bundle(result.bundle).labels == ["Platelets", "RBC", "WBC"]
    assert set(result.metrics) >= {"test/map_50", "valid/map_50_95"}
