import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import auto_train
from auto_train.answers.segmentation import mask_of, to_coco_rle
from auto_train.config import load_config
from auto_train.errors import AutoTrainError, DataError
from auto_train.exports.check import check_export
from auto_train.exports.onnx import open_export
from auto_train.runs.folder import TrainResult
from auto_train.segmentation.model import SegmentationModel
from auto_train.segmentation.train import train_model
from auto_train.segmentation.validate import evaluate, infer
from tests.shapes import NAMES, draw, shapes_config, write_shapes


@pytest.fixture(scope="module")
def trained(shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainResult]:
    """Train long enough to know discs from boxes; export; return the INI and what came of it."""
    folder = tmp_path_factory.mktemp("trained")
    config = shapes_config(folder, shapes, "training.scheme.epochs=12", "export.formats=onnx")
    return config.path, train_model(config)


def test_discs_and_boxes_are_learnt(trained: tuple[Path, TrainResult]):
    metrics = trained[1].metrics
    # Guessing background everywhere has an IoU of 0.28.
    assert metrics["valid/miou"] > 0.7 and metrics["valid/dice"] > 0.7 and metrics["valid/pixel_accuracy"] > 0.9


def test_bundle_export_and_service_answer_alike(trained: tuple[Path, TrainResult]):
    from auto_train.bundle import load_bundle
    from auto_train.serving.predictor import open_named

    ini, result = trained
    model = load_bundle(result.bundle).model
    rng = np.random.default_rng(5)
    images = [draw(rng, *size) for size in ((64, 64), (90, 50), (128, 200))]
    worst = check_export(
        model,
        open_export(result.run / "exports/onnx/model.onnx"),
        [image for image, _ in images],
        limit=1e-3,
        where="",
    )
    assert worst <= 1e-3
    served, torch_only = auto_train.load(ini), open_named(result.bundle, load_config(ini), trust_code=True)
    for image, mask in images:
        said = served(image)
        found = mask_of(said, NAMES)
        assert found.shape == mask.shape and (found == mask).mean() > 0.85
        assert (mask_of(torch_only(image), NAMES) != found).mean() <= 1e-3
        assert list(said) == ["areas", "mask", "model"] and said["model"] == "shapes"


def test_infer_and_evaluate_agree_with_the_training(trained: tuple[Path, TrainResult], shapes: Path):
    ini, result = trained
    found, of_another_size = evaluate(ini), evaluate(load_config(ini, ["architecture.image_size=96"]))
    assert of_another_size == found and "is for the next training" in of_another_size.warnings[-1]
    assert dict(found) == pytest.approx({k: v for k, v in result.metrics.items() if k.startswith("valid/")})
    said = infer(shapes / "valid/images/000.png", ini)
    assert mask_of(said, NAMES).shape == (64, 64)


def test_run_leaves_a_report_with_classes(trained: tuple[Path, TrainResult]):
    report = json.loads((trained[1].run / "report.json").read_text())
    assert report["task"] == "segmentation"
    titles = [part["title"] for part in report["splits"]["valid"]["parts"]]
    assert titles == ["Classes", "Confusions"]
    for name in ("miou", "dice", "pixel_accuracy"):
        ends = report["intervals"][f"valid/{name}"]
        assert ends["low"] < report["metrics"][f"valid/{name}"] < ends["high"]
    assert report["score"] == {"name": "image_iou", "better": "max"}
    picture = trained[1].run / report["splits"]["valid"]["mistakes"][0]["picture"]
    # The grey noise is coloured where the model sees something.
    assert np.ptp(np.asarray(Image.open(picture).convert("RGB")).astype(int), axis=2).max() > 60
    evaluation = json.loads((trained[1].run / "evaluation.json").read_text())
    assert evaluation["splits"]["valid"]["has_rows"]


def test_tiles_train_and_export(shapes: Path, tmp_path: Path):
    result = train_model(shapes_config(tmp_path, shapes, "testing.tile=true", "export.formats=onnx"))
    assert (result.run / "exports/onnx/model.onnx").is_file()
    assert not any("tiles" in text for text in result.warnings)


def test_light_decoder_of_a_transformer_trains(shapes: Path, tmp_path: Path):
    keys = ["architecture.backbone.model=vit_tiny_patch16_224", "architecture.decoder=fpn"]
    ini = shapes_config(tmp_path, shapes).path
    text = ini.read_text().replace("[architecture.backbone.args]\nchannels = [8, 16, 16, 32]\n", "")
    ini.write_text(text)
    assert 0 <= train_model(load_config(ini, keys)).metrics["valid/miou"] <= 1


def test_polygons_and_run_lengths_give_the_masks_that_files_do(tmp_path: Path):
    files, coco = write_shapes(tmp_path / "files", {"train": 4, "valid": 2}), tmp_path / "coco"
    for split, count in (("train", 4), ("valid", 2)):
        shutil.copytree(files / split / "images", coco / split / "images")
        annotations = []
        for i in range(count):
            mask = np.array(Image.open(files / split / f"masks/{i:03d}.png"))
            mask[mask == 255] = 0
            Image.fromarray(mask).save(files / split / f"masks/{i:03d}.png")
            rows, columns = np.nonzero(mask == 2)
            box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            left, top, right, bottom = map(int, box)
            corners = [left, top, right, top, right, bottom, left, bottom]
            common = {"image_id": i, "bbox": [left, top, right - left, bottom - top], "iscrowd": 0, "area": 1}
            annotations.append({**common, "id": 2 * i, "category_id": 7, "segmentation": to_coco_rle(mask == 1)})
            annotations.append({**common, "id": 2 * i + 1, "category_id": 9, "segmentation": [corners]})
        images = [{"id": i, "file_name": f"{i:03d}.png", "width": 64, "height": 64} for i in range(count)]
        categories = [{"id": 7, "name": "disc"}, {"id": 9, "name": "box"}]
        text = json.dumps({"images": images, "annotations": annotations, "categories": categories})
        (coco / split / "instances.json").write_text(text)
    tasks = [SegmentationModel(shapes_config(tmp_path / data.name, data)) for data in (files, coco)]
    assert [task.labels for task in tasks] == [NAMES, NAMES]
    ours, theirs = (task.targets(task.samples.of("valid"))[range(2)] for task in tasks)
    # Of the box what the disc covers is the disc's in one and the box's in the other.
    assert (ours != theirs).float().mean() < 0.01


# Bad input


@pytest.fixture
def copy(shapes: Path, tmp_path: Path) -> Path:
    return shutil.copytree(shapes, tmp_path / "data")


def refused(folder: Path, data: Path) -> str:
    with pytest.raises(AutoTrainError) as caught:
        train_model(shapes_config(folder, data))
    assert isinstance(caught.value, DataError) and caught.value.exit_code == 3
    return str(caught.value)


def test_mask_of_another_size_than_its_image_is_refused(copy: Path, tmp_path: Path):
    Image.new("L", (32, 64)).save(copy / "train/masks/003.png")
    assert "003.png" in refused(tmp_path, copy)


def test_mask_values_beyond_the_classes_are_refused(copy: Path, tmp_path: Path):
    Image.fromarray(np.full((64, 64), 7, np.uint8)).save(copy / "train/masks/003.png")
    assert "003.png" in refused(tmp_path, copy)


def test_masks_in_colour_and_broken_masks_are_refused(copy: Path, tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(copy / "train/masks/003.png")
    (copy / "train/masks/004.png").write_bytes(b"this is no picture")
    text = refused(tmp_path, copy)
    assert "003.png" in text and "004.png" in text


def test_data_without_masks_is_refused(copy: Path, tmp_path: Path):
    for split in ("train", "valid"):
        shutil.rmtree(copy / split / "masks")
    assert "mask" in refused(tmp_path, copy)


# Real data


def test_real_nuclei_train(mirror: Path, tmp_path: Path):
    import tarfile

    with tarfile.open(mirror / "nuclei_256/nuclei_256.tgz") as archive:
        names = [name for name in archive.getnames() if "/instances" not in name]
        kept = [n for s in ("train", "valid") for k in ("images", "masks") for n in _some(names, f"/{s}/{k}/", 12)]
        archive.extractall(tmp_path, [archive.getmember(n) for n in [*kept, "nuclei_256/classes.txt"]], filter="data")
    result = train_model(shapes_config(tmp_path, tmp_path / "nuclei_256", "training.scheme.epochs=2"))
    assert 0 < result.metrics["valid/pixel_accuracy"] <= 1


def _some(names: list[str], part: str, count: int) -> list[str]:
    return sorted(name for name in names if part in name and name.endswith(".png"))[:count]


def test_images_larger_than_tiles_are_measured_reduced_with_a_warning(tmp_path: Path):
    data = write_shapes(tmp_path / "data", {"train": 8, "valid": 4}, 100, 150)
    result = train_model(shapes_config(tmp_path, data, "testing.tile=true"))
    assert any("4 images to measure with are larger than 64 px" in text for text in result.warnings)
