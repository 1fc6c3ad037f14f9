from pathlib import Path

import numpy as np
import pytest
import torch

from auto_train.common.evaluation import evaluate_split
from auto_train.data.targets import IGNORE
from auto_train.errors import ConfigError, UsageError
from auto_train.segmentation.model import SegmentationModel, Segmenter
from tests.shapes import NAMES, shapes_config


def make_task(folder: Path, data: Path, *overrides: str) -> SegmentationModel:
    return SegmentationModel(shapes_config(folder, data, *overrides))


def segmenter(**options) -> Segmenter:
    torch.manual_seed(0)
    backbone = {"arch": "resnet18", "channels": [8, 16, 16, 32]}
    common = {
        "task": "segmentation",
        "name": "t",
        "labels": NAMES,
        "image_size": 64,
        "mean": [0.5] * 3,
        "std": [0.5] * 3,
    }
    return Segmenter(backbone=backbone, **{**common, **options})


def photo(height: int, width: int) -> torch.Tensor:
    from sklearn.datasets import load_sample_image

    return torch.from_numpy(load_sample_image("china.jpg")[:height, :width].copy())[None]


def test_targets_are_the_masks_at_the_side_that_is_seen(shapes: Path, tmp_path: Path):
    task = make_task(tmp_path, shapes)
    assert task.labels == NAMES
    images, masks = task.dls.train.one_batch()
    assert images.shape == (8, 3, 64, 64) and masks.shape == (8, 64, 64) and masks.dtype == torch.uint8
    assert set(masks.unique().tolist()) == {0, 1, 2, IGNORE}
    _, masks = next(iter(task.dls.valid))
    assert (masks[:, :2] == IGNORE).all() and (masks[:, 2:] != IGNORE).all()


def test_crops_are_cut_from_larger_masks_as_from_larger_images(shapes: Path, tmp_path: Path):
    task = make_task(tmp_path, shapes, "training.augment.crop=0.5")
    assert task.dls.train.targets.side == task.dls.train.pixels.side == 80
    assert task.dls.valid.targets.side == task.dls.valid.pixels.side == 64
    assert task.dls.train.one_batch()[1].shape == (8, 64, 64)


@pytest.mark.parametrize("key", ["mixup=0.2", "cutmix=1", "aa=rand-m9"])
def test_what_cannot_move_masks_is_refused(shapes: Path, tmp_path: Path, key: str):
    with pytest.raises(ConfigError, match=rf"training\.scheme\.{key.partition('=')[0]}: .* cannot be used here"):
        make_task(tmp_path, shapes, f"training.scheme.{key}")


def test_loss_of_another_name_is_refused_with_those_there_are(shapes: Path, tmp_path: Path):
    with pytest.raises(ConfigError, match=r"ce, dice, focal, ce\+dice"):
        make_task(tmp_path, shapes, "training.scheme.loss=jaccard")


def test_backbone_without_feature_maps_or_with_a_head_is_refused(shapes: Path, tmp_path: Path):
    with pytest.raises(UsageError, match=r"timm has no model 'resnet1'"):
        make_task(tmp_path, shapes, "architecture.backbone.model=resnet1")
    with pytest.raises(UsageError, match="says nothing of pixels"):
        segmenter(head={"@head": "custom_head"})


def test_class_weights_are_larger_for_rare_classes(shapes: Path, tmp_path: Path):
    task = make_task(tmp_path, shapes, "training.scheme.balance=weights", "training.scheme.loss=ce")
    weights = task.class_weights()
    counts = torch.bincount(task.targets(task.samples.of("train"))[range(24)].flatten(), minlength=256)[:3].float()
    # Inverse to the root of their share, and 1 for the mean pixel.
    assert torch.allclose(weights[1] / weights[0], (counts[0] / counts[1]) ** 0.5)
    assert float((weights * counts).sum() / counts.sum()) == pytest.approx(1)
    assert torch.equal(task.learn.loss_func.weight, weights)


def test_decoder_is_the_one_that_is_named(shapes: Path, tmp_path: Path):
    names = [
        type(make_task(tmp_path, shapes, f"architecture.decoder={name}").model[1]).__name__ for name in ("unet", "fpn")
    ]
    assert names == ["UNet", "FPN"]


def test_metrics_of_a_split_are_those_of_its_answers(shapes: Path, tmp_path: Path):
    from sklearn import metrics as sk

    task = make_task(tmp_path, shapes)
    inference = task.inference.finish()
    found = evaluate_split(task, inference, "valid")
    valid = task.samples.of("valid")
    masks = [source.read() for source in valid.targets.sources]
    said = [
        inference(torch.from_numpy(image.copy())[None])[0].numpy() for image in map(valid.images.__getitem__, range(8))
    ]
    known = np.stack(masks) != IGNORE
    y, p = np.stack(masks)[known], np.stack(said)[known]
    assert found["valid/pixel_accuracy"] == pytest.approx(sk.accuracy_score(y, p))
    assert found["valid/miou"] == pytest.approx(sk.jaccard_score(y, p, average="macro"))
    assert found["valid/dice"] == pytest.approx(sk.f1_score(y, p, average=None, labels=[1, 2]).mean())


def test_epoch_metrics_are_those_of_the_split(shapes: Path, tmp_path: Path):
    task = make_task(tmp_path, shapes)
    task.model.eval()
    cache: dict = {}
    for batch in task.dls.valid:
        with torch.no_grad():
            out = task.batch_forward(task.model, batch)
        assert task.extra_batch_metrics(out, batch, {}, task.model, cache) == {}
    found = evaluate_split(task, task.inference.finish(), "valid")
    assert task.epoch_metric(cache) == pytest.approx({name: found[f"valid/{name}"] for name in ("miou", "dice")})
    assert task.epoch_metric({}) == {}


@pytest.mark.parametrize(
    ("monitor", "expected"), [("miou", 0.3), ("dice", 0.4), ("pixel_accuracy", 0.1), ("loss", 1.5)]
)
def test_error_is_that_of_the_monitored_metric(shapes: Path, tmp_path: Path, monitor: str, expected: float):
    task = make_task(tmp_path, shapes, f"training.scheme.monitor={monitor}")
    result = {"miou": 0.7, "dice": 0.6, "pixel_accuracy": 0.9, "loss": 1.5}
    assert task.post_metric_to_err(result) == pytest.approx(expected)


def test_report_has_a_row_for_each_image(shapes: Path, tmp_path: Path):
    task = make_task(tmp_path, shapes)
    masks = task.targets(task.samples.of("valid"))[range(8)]
    scores = 9.0 * torch.nn.functional.one_hot(masks.where(masks < 3, 0).long(), 3).permute(0, 3, 1, 2).float()
    scores[0] = scores[0].flip(1)
    kept = task.keep_outputs(scores, masks)
    rows = task.report_rows(kept, task.final(task.inference, kept), task.keep_targets(masks))
    assert rows["score"][1:] == pytest.approx(np.ones(7)) and rows["score"][0] < 0.5
    assert {part["title"] for part in task.report_parts(kept, kept, masks)} == {"Classes", "Confusions"}


def test_decoded_answer_tells_shares_mask_and_probabilities(shapes: Path, tmp_path: Path):
    task = make_task(tmp_path, shapes)
    scores = torch.zeros(1, 3, 64, 64)
    scores[:, 1, :16] = 5
    text, mask, probabilities = task.decode(scores)
    assert text == "background 75.0%, disc 25.0%"
    assert mask.shape == (64, 64) and probabilities.shape == (3, 64, 64)
    assert task.predict(photo(40, 50)[0].numpy())[1].shape == (64, 64)


# Answers


@pytest.mark.parametrize("size", [(64, 64), (30, 90), (200, 150)])
@pytest.mark.parametrize("tile", [False, True])
def test_answers_are_as_large_as_the_image(size: tuple[int, int], tile: bool):
    with torch.no_grad():
        found = segmenter(tile=tile)(photo(*size))
    assert found.shape == (1, *size) and found.dtype == torch.uint8 and int(found.max()) <= 2


def test_tiles_of_a_small_image_are_the_image():
    model, tiled = segmenter(), segmenter(tile=True)
    with torch.no_grad():
        assert torch.equal(model(photo(64, 64)), tiled(photo(64, 64)))


def test_tiles_and_a_preprocess_function_are_refused():
    with pytest.raises(UsageError, match=r"\[testing\] tile: tiles and a preprocess function"):
        segmenter(tile=True, preprocess={"@preprocess_function": "x"})


def test_model_is_brought_back_with_its_decoder_and_tiles(tmp_path: Path):
    model = segmenter(decoder="fpn", tile=True)
    model.save_pretrained(tmp_path)
    back = Segmenter.from_pretrained(tmp_path)
    assert (back.decoder, back.tile, back.labels) == ("fpn", True, NAMES)
    with torch.no_grad():
        assert torch.equal(back(photo(80, 70)), model(photo(80, 70)))
