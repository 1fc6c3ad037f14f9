from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from auto_train.actions.data_preview import describe_target, draw_contact_sheet, draw_sample, preview
from auto_train.classification.model import ClassificationModel
from auto_train.data import Samples
from auto_train.data.draw import colour_of
from auto_train.data.images import FileImages
from auto_train.data.targets import LabelSets, Targets, Values
from auto_train.errors import MissingError, UsageError
from tests.common.test_read_data_targets import config_of, write_boxes, write_masks
from tests.data.doctor.annotated import boxes_of, masks_of
from tests.data.test_draw import has
from tests.tiny import tiny_config

VIEW = np.full((480, 480, 3), 100, np.uint8)


def samples(targets: Targets | None, *labels: str) -> Samples:
    return Samples(table=pd.DataFrame(), images=FileImages([]), labels=list(labels), targets=targets)


@pytest.mark.parametrize(("count", "shown"), [(4, 4), (100, 57)])
def test_sheet_of_digits_shows_as_many_as_there_are(digit_files: Path, tmp_path: Path, count: int, shown: int) -> None:
    config = tiny_config(tmp_path, digit_files, "training.scheme.mixup=0.2")
    made = preview(config, ClassificationModel, tmp_path / "out/sheet.png", count=count)
    assert made.side == 28 and min(count, shown) - 5 <= made.images <= min(count, shown) + 5
    with Image.open(made.path) as sheet:
        assert min(sheet.size) > 400 and sheet.mode == "RGB"
    assert not (tmp_path / "project").exists()  # no run, no report


@pytest.mark.parametrize(("name", "count", "message"), [("a.txt", 4, "is no picture"), ("a.png", 0, "1 to 100")])
def test_sheet_that_cannot_be_is_refused(
    digit_files: Path, tmp_path: Path, name: str, count: int, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        preview(tiny_config(tmp_path, digit_files), ClassificationModel, tmp_path / name, count=count)


def test_sheet_of_no_data_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingError):
        preview(tiny_config(tmp_path, tmp_path / "none"), ClassificationModel, tmp_path / "a.png")


def test_boxes_are_drawn_where_the_batch_says_and_unused_rows_are_not() -> None:
    target = torch.tensor([[1, 0.25, 0.25, 0.5, 0.5], [-1, 0, 0, 1, 1], [-1, 0, 0, 0, 0]])
    picture = draw_sample(VIEW, target, samples(boxes_of([[[0, 0, 9, 9]]]), "cell", "nucleus"), 0)
    assert has(picture, colour_of(1))[200, 120] and not has(picture, colour_of(0)).any()
    assert picture.shape == VIEW.shape


def test_mask_is_laid_on_the_view() -> None:
    target = torch.zeros(480, 480, dtype=torch.uint8)
    target[:, 240:] = 1
    picture = draw_sample(VIEW, target, samples(masks_of([None]), "background", "nucleus"), None)
    assert (picture[100, 100] == 100).all() and (picture[100, 400] != 100).any()


@pytest.mark.parametrize(
    ("targets", "target", "said"),
    [
        (None, 1, [("b", 1)]),
        (None, [0.34, 0.66, 0.0], [("b 66%", 1), ("a 34%", 0)]),
        (LabelSets(sets=[()]), [1.0, 0.0, 1.0], [("a", 0), ("c", 2)]),
        (LabelSets(sets=[()]), [0.0, 0.0, 0.0], [("no label", None)]),
    ],
)
def test_labels_are_written_with_their_shares(targets: Targets | None, target: object, said: list[object]) -> None:
    assert describe_target(np.array(target), samples(targets, "a", "b", "c"), 0) == said


def test_numbers_are_written_as_the_data_has_them() -> None:
    values = Values(names=("width", "count"), units=("", ""), array=np.array([[1.5, 7.0]]))
    assert describe_target(np.array([-0.3, 1.2]), samples(values, "width", "count"), 0) == [
        ("width 1.5", None),
        ("count 7", None),
    ]


@pytest.mark.parametrize("number", [1, 2, 5, 16])
def test_contact_sheet_has_room_for_all(number: int) -> None:
    sheet = draw_contact_sheet([np.full((300 + at, 480, 3), 255, np.uint8) for at in range(number)])
    assert (sheet == 255).all(axis=2).sum() == sum((300 + at) * 480 for at in range(number))


@pytest.mark.parametrize("task", ["object_detection", "segmentation"])
def test_sheet_of_places_has_them_drawn(tmp_path: Path, task: str) -> None:
    if task == "segmentation":
        mask = np.zeros((40, 60), np.uint8)
        mask[10:30, 10:50] = 1
        write_masks(tmp_path, mask)
    else:
        write_boxes(tmp_path)
    quick = ["architecture.backbone.model=test_resnet", "architecture.image_size=64", "training.augment.rotate=0"]
    config = config_of(tmp_path, task, *quick)
    recipe = getattr(import_module(f"{config.recipe.package}.model"), config.recipe.model_name)
    made = preview(config, recipe, tmp_path / "sheet.png", count=4)
    assert (made.images, made.side, made.warnings) == (4, 64, ())
    with Image.open(made.path) as sheet:
        pixels = np.asarray(sheet)
    assert has(pixels, colour_of(1 if task == "segmentation" else 0)).sum() > 200
