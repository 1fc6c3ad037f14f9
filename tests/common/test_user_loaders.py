"""Data sets built by hand with fastai's data blocks, as the original AutoTrain's load functions return them."""

import csv
from pathlib import Path
from typing import Any

import pytest

from auto_train.classification.train import train_model
from auto_train.common.user_loaders import get_normalisation, get_samples, is_dataloaders
from auto_train.errors import TaskContractError
from tests.tiny import tiny_config

LOADER = """
from auto_train import registry

@registry.load_function.register("with_fastai")
def with_fastai():
    def load(config):
        from tests.common.test_user_loaders import build
        return build(config.training.dir, config.architecture.image_size)
    return load
"""


def build(folder: Path | str, side: int, *, normalised: bool = True) -> Any:
    from fastai.data.block import CategoryBlock, DataBlock
    from fastai.data.transforms import Normalize, RandomSplitter, get_image_files, parent_label
    from fastai.vision.augment import Resize
    from fastai.vision.data import ImageBlock

    block = DataBlock(
        blocks=(ImageBlock, CategoryBlock),
        get_items=get_image_files,
        get_y=parent_label,
        splitter=RandomSplitter(0.25, seed=1),
        item_tfms=Resize(side),
        batch_tfms=[Normalize.from_stats([0.5] * 3, [0.25] * 3)] if normalised else [],
    )
    return block.dataloaders(Path(folder), bs=16, num_workers=0)


@pytest.fixture(scope="module")
def dls(digit_files: Path) -> Any:
    return build(digit_files, 28)


def test_samples_are_the_items_with_their_splits_and_labels(dls: Any, digit_files: Path):
    assert is_dataloaders(dls) and not is_dataloaders([dls])
    samples = get_samples(dls, 28)
    assert samples.labels == ["0", "1", "2"] and len(samples) == 72
    assert samples.table["split"].value_counts().to_dict() == {"train": 54, "valid": 18}
    assert all(Path(path).parent.name == label for path, label in zip(samples.table["path"], samples.table["label"]))
    assert samples.images[0].shape == (28, 28, 3)
    assert any("feed the training" in text for text in samples.warnings)


def test_images_of_another_size_than_the_inis_are_refused(dls: Any):
    match = r"@load_function: the load_function gives images of 28 px \(allowed: \[architecture\] image_size = 32\)"
    with pytest.raises(TaskContractError, match=match):
        get_samples(dls, 32)


def test_normalisation_is_that_of_the_data_block(dls: Any, digit_files: Path):
    mean, std = get_normalisation(dls)
    assert list(mean) == pytest.approx([0.5] * 3) and list(std) == pytest.approx([0.25] * 3)
    mean, std = get_normalisation(build(digit_files, 28, normalised=False))
    assert (list(mean), list(std)) == ([0.0] * 3, [1.0] * 3)


def test_training_runs_on_them(digit_files: Path, tmp_path: Path):
    (tmp_path / "code.py").write_text(LOADER)
    more = "\n[training.data.load_datablocks]\n@load_function = with_fastai\n"
    config = tiny_config(tmp_path, digit_files, f"project.custom_functions={tmp_path}/code.py", more=more)
    result = train_model(config)
    assert any("feed the training" in text for text in result.warnings)
    rows = list(csv.DictReader((result.run / "manifest.csv").read_text().splitlines()))
    assert len(rows) == 72 and sum(row["split"] == "valid" for row in rows) == 18
    assert 0 <= result.metrics["valid/accuracy"] <= 1


def test_items_that_are_no_files_are_refused():
    from fastai.data.block import CategoryBlock, DataBlock, TransformBlock
    from fastai.data.transforms import RandomSplitter

    block = DataBlock((TransformBlock, CategoryBlock), get_y=lambda item: item % 2, splitter=RandomSplitter(0.5))
    dls = block.dataloaders(list(range(8)), bs=2, num_workers=0)
    match = r"the items of these DataLoaders are no files \(allowed: image paths\)"
    with pytest.raises(TaskContractError, match=match):
        get_samples(dls, 28)
