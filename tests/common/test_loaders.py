from pathlib import Path

import numpy as np
import pytest
import torch

from auto_train.classification.model import ClassificationModel
from auto_train.common.loaders import (
    CACHE_BYTES,
    CROP_MARGIN,
    EvalTransform,
    TrainTransform,
    augment_settings,
    compute_stored_side,
    eval_loader,
    open_split,
    train_loader,
)
from auto_train.config import Config, load_config
from auto_train.data.augment.augmentation import Augmentation
from auto_train.data.augment.randaugment import RandAugment
from auto_train.data.pixels.store import PixelStore
from auto_train.data.pixels.stream import PixelStream
from auto_train.errors import TaskContractError
from tests.tiny import tiny_config

OFF = [f"training.augment.{key}=0" for key in ("rotate", "zoom", "shift")]


def make_task(folder: Path, data: Path, *overrides: str, more: str = "") -> ClassificationModel:
    return ClassificationModel(tiny_config(folder, data, *overrides, more=more))


def test_eval_batches_are_what_inference_sees(digit_files: Path, tmp_path: Path):
    task = make_task(tmp_path, digit_files)
    valid = task.samples.of("valid")
    batches = torch.cat([images for images, _ in eval_loader(task, valid)])
    live = torch.cat(
        [task.inference.prepare(torch.from_numpy(valid.images[i].copy())[None]) for i in range(len(valid))]
    )
    assert torch.equal(batches, live)


MEAN, STD = (torch.tensor(values).view(1, 3, 1, 1) for values in ([123.7, 116.3, 103.5], [58.4, 57.1, 57.4]))


def colour_photos(n: int, side: int) -> torch.Tensor:
    """Return n cuts of a photograph as a store gives them: (n, 3, side, side) uint8, channels last in memory."""
    from sklearn.datasets import load_sample_image

    photo = load_sample_image("china.jpg")
    cuts = [photo[7 * i : 7 * i + side, 11 * i : 11 * i + side] for i in range(n)]
    return torch.from_numpy(np.stack(cuts)).permute(0, 3, 1, 2)


@pytest.mark.parametrize("channels", [1, 3])
def test_eval_transform_is_inference_models_normalisation_to_the_last_bit(channels: int):
    images = colour_photos(5, 32)[:, :channels]
    found, _ = EvalTransform(mean=MEAN, std=STD)(images, torch.zeros(5), torch.Generator())
    assert found.shape == (5, 3, 32, 32) and torch.equal(found, (images.float() - MEAN) / STD)


AUGMENTATIONS = """
from auto_train import registry


@registry.augmentations.register("for_tests")
def for_tests(strength: float, key: str = "colour"):
    return {"flip": False, key: strength} if strength < 1 else strength
"""


def named(tmp_path: Path, digit_files: Path, *overrides: str, more: str = "") -> Config:
    file = tmp_path / "mine.py"
    file.write_text(AUGMENTATIONS)
    section = f"[training.preprocess]\n@augmentations = for_tests\nstrength = 0.5\n{more}"
    return tiny_config(tmp_path, digit_files, f"project.custom_functions={file}", *overrides, more=section)


def test_function_gives_the_augmentation_in_a_run_that_goes_on_too(digit_files: Path, tmp_path: Path):
    config = named(tmp_path, digit_files, "training.augment.flip=true", more="key = crop")
    expected = config.training.augment.to_dict() | {"flip": False, "crop": 0.5}
    kept = tmp_path / "kept.ini"
    kept.write_text(config.to_ini())
    for one in (config, load_config(kept)):
        assert augment_settings(one) == expected
        assert compute_stored_side(one) == round(config.architecture.image_size * CROP_MARGIN)
    loader = train_loader(task := ClassificationModel(config), task.samples.of("train"))
    assert loader.transform.augmentation == Augmentation(**expected)
    assert task.inference.preprocess is None  # nothing of it is in the model


@pytest.mark.parametrize(
    ("more", "strength", "message"),
    [
        ("key = color", "0.5", "'color': 0.5}: there is no key 'training.augment.color'.*did you mean .*colour"),
        ("key = erase", "-1", "'erase': -1.0}: training.augment.erase: .*0..1"),
        ("", "2", "returns 2.0 .allowed: a dict of values for .training.augment.: flip, quarter_turns"),
    ],
)
def test_function_that_gives_no_augmentation_is_refused(
    digit_files: Path, tmp_path: Path, more: str, strength: str, message: str
):
    config = named(tmp_path, digit_files, f"training.preprocess.strength={strength}", more=more)
    with pytest.raises(TaskContractError, match=rf"(?s)\] @augmentations: the function.*{message}"):
        augment_settings(config)


@pytest.mark.parametrize("options", [{"flip": True}, {"rotate": 10.0, "colour": 0.2}])
def test_train_transform_in_parts_is_that_of_the_whole_batch(options: dict[str, float]):
    images = colour_photos(11, 224)
    parts_of = CACHE_BYTES * torch.get_num_threads() // (4 * 3 * 224**2)
    assert parts_of < 11  # else this tests nothing
    augmentation, randaugment = Augmentation(**options), RandAugment.parse("rand-m9-mstd0.5")
    transform = TrainTransform(mean=MEAN, std=STD, side=224, augmentation=augmentation, randaugment=randaugment)
    found, _ = transform(images, torch.zeros(11), torch.Generator().manual_seed(3))
    generator = torch.Generator().manual_seed(3)
    draws = augmentation.draw(11, 224, 224, generator), randaugment.draw(11, generator)
    expected = (draws[1](draws[0](images)) * 255 - MEAN) / STD
    assert torch.allclose(found, expected, atol=1e-3) and found.std() > 0.5


def test_train_batches_without_augmentation_are_the_images_themselves(digit_files: Path, tmp_path: Path):
    task = make_task(tmp_path, digit_files, *OFF)
    loader, train = task.dls.train, task.samples.of("train")
    images, targets = loader.one_batch()
    positions = loader.order(0)[:16]
    expected = torch.cat([task.inference.prepare(torch.from_numpy(train.images[i].copy())[None]) for i in positions])
    assert torch.allclose(images, expected, atol=1e-4)
    assert [task.labels[t] for t in targets] == train.table["label"].iloc[positions].tolist()


def test_train_batches_are_augmented(digit_files: Path, tmp_path: Path):
    plain, varied = make_task(tmp_path / "1", digit_files, *OFF), make_task(tmp_path / "2", digit_files)
    one, two = plain.dls.train.one_batch(), varied.dls.train.one_batch()
    assert torch.equal(one[1], two[1]) and not torch.allclose(one[0], two[0], atol=0.1)


@pytest.mark.parametrize("key", ["mixup=0.5", "cutmix=1.0", "aa=rand-m9-mstd0.5"])
def test_scheme_keys_change_the_batches(digit_files: Path, tmp_path: Path, key: str):
    usual = make_task(tmp_path / "1", digit_files, *OFF).dls.train.one_batch()
    changed = make_task(tmp_path / "2", digit_files, *OFF, f"training.scheme.{key}").dls.train.one_batch()
    assert not torch.allclose(usual[0], changed[0], atol=0.1)
    if key.startswith("aa"):
        assert torch.equal(usual[1], changed[1])
    else:
        assert changed[1].shape == (16, 3) and torch.allclose(changed[1].sum(dim=1), torch.ones(16))


def test_seed_decides_order_and_augmentation(digit_files: Path, tmp_path: Path):
    one, two, other = (
        make_task(tmp_path / name, digit_files, f"training.seed={seed}").dls.train.one_batch()
        for name, seed in (("1", 1), ("2", 1), ("3", 2))
    )
    assert torch.equal(one[0], two[0]) and not torch.equal(one[0], other[0])


def test_random_crop_is_cut_from_larger_stored_images(digit_files: Path, tmp_path: Path):
    task = make_task(tmp_path, digit_files, "training.augment.crop=0.5")
    assert task.dls.train.pixels.side == round(28 * CROP_MARGIN) == 35
    assert task.dls.train.one_batch()[0].shape == (16, 3, 28, 28) and task.dls.valid.pixels.side == 28


def test_store_over_the_limit_is_streamed(digit_files: Path, tmp_path: Path):
    task = make_task(tmp_path / "1", digit_files, "architecture.image_size=30", "training.data.cache_mb=0")
    stored = make_task(tmp_path / "2", digit_files, "architecture.image_size=30")
    assert isinstance(task.dls.train.pixels, PixelStream) and isinstance(stored.dls.train.pixels, PixelStore)
    assert torch.equal(task.dls.train.one_batch()[0], stored.dls.train.one_batch()[0])


def test_store_is_in_the_cache_of_the_environment(digit_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUTO_TRAIN_CACHE", str(tmp_path / "cache"))
    make_task(tmp_path, digit_files)
    assert len(list((tmp_path / "cache/stores").glob("*.npy"))) == 2


CODE = """
from auto_train import registry

@registry.preprocess_function.register("darken")
def darken(by: int):
    return lambda images: images {operator} by
"""


def with_preprocess(folder: Path, data: Path, operator: str) -> ClassificationModel:
    folder.mkdir(exist_ok=True)
    (folder / "code.py").write_text(CODE.format(operator=operator))
    more = "\n[training.preprocess]\n@preprocess_function = darken\nby = 2\n"
    return make_task(folder, data, f"project.custom_functions={folder}/code.py", more=more)


def test_preprocess_function_makes_the_stored_pixels(digit_files: Path, tmp_path: Path):
    task = with_preprocess(tmp_path, digit_files, "//")
    valid = task.samples.of("valid")
    stored = open_split(task, valid, 28).batch(range(len(valid)))
    assert np.array_equal(stored[0], valid.images[0][..., :1] // 2)
    live = task.inference.prepare(torch.from_numpy(valid.images[0].copy())[None])
    assert torch.equal(next(iter(eval_loader(task, valid)))[0][:1], live)


def test_preprocess_function_that_was_edited_makes_new_pixels(digit_files: Path, tmp_path: Path):
    with_preprocess(tmp_path, digit_files, "//")
    task = with_preprocess(tmp_path, digit_files, "//2*0+")
    valid = task.samples.of("valid")
    assert (open_split(task, valid, 28).batch([0]) == 2).all()


def test_weights_draw_rare_classes_more_often(digit_files: Path, tmp_path: Path):
    task = make_task(tmp_path, digit_files)
    train = task.samples.of("train")
    is_zero = torch.tensor((train.table["label"] == "0").to_numpy())
    loader = train_loader(task, train, weights=torch.where(is_zero, 1.0, 0.0))
    assert all((targets == 0).all() for _, targets in loader)
