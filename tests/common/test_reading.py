import shutil
from pathlib import Path

import pytest

from auto_train.common.reading import check_known, check_trainable, fetch_data, read_data, told
from auto_train.config import Config
from auto_train.data import Samples
from auto_train.errors import DataError, MissingError
from auto_train.types import Progress
from tests.tiny import tiny_config, write_digits


def read(config: Config, **options) -> Samples:
    return read_data(config, fetch_data(config), **options)[0]


@pytest.fixture
def config(digit_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("AUTO_TRAIN_CACHE", str(tmp_path / "cache"))
    return tiny_config(tmp_path, digit_files)


def test_samples_have_a_split_and_a_sum_in_every_row(config: Config):
    table = read(config).table
    assert len(table) == 72 and set(table["split"]) == {"train", "valid"} and (table["sha256"].str.len() == 64).all()


def test_listener_hears_of_hashing_and_checking_once(config: Config):
    told: list[Progress] = []
    read(config, listener=told.append)
    assert list(dict.fromkeys(event.stage for event in told)) == ["hash", "check"]
    assert (told[-1].done, told[-1].total) == (72, 72)
    # Images that passed are known by their content: not decoded again.
    told.clear()
    read(config, listener=told.append)
    assert {event.stage for event in told} == {"hash"}


def test_images_that_changed_are_checked_again(digit_files: Path, tmp_path: Path):
    data = shutil.copytree(digit_files, tmp_path / "data")
    read(tiny_config(tmp_path, data))
    (data / "0/000.png").write_bytes((data / "0/000.png").read_bytes()[:50])
    with pytest.raises(DataError, match=r"1 images cannot be decoded"):
        read(tiny_config(tmp_path, data))


def test_splits_of_an_earlier_run_stay(config: Config):
    frozen = {path: "valid" if path.startswith("0/") else "train" for path in read(config).table["path"]}
    table = read(config, frozen=frozen).table
    assert dict(zip(table["path"], table["split"], strict=True)) == frozen


def test_folders_of_the_ini_are_the_splits(digit_files: Path, tmp_path: Path):
    for name, count in (("a", 6), ("b", 4), ("c", 3)):
        write_digits(tmp_path / "data" / name, {"0": count, "1": count})
    folders = [
        f"training.data.{key}={tmp_path}/data/{name}"
        for key, name in (("train_dir", "a"), ("validation_dir", "b"), ("test_dir", "c"))
    ]
    counts = read(tiny_config(tmp_path, tmp_path / "data", *folders)).table["split"].value_counts().to_dict()
    assert counts == {"train": 12, "valid": 8, "test": 6}


def test_data_that_is_nowhere_lists_what_was_tried(tmp_path: Path):
    with pytest.raises(MissingError, match="data_source_url"):
        fetch_data(tiny_config(tmp_path, tmp_path / "nowhere"))


def test_data_with_one_training_image_cannot_be_trained_on(config: Config):
    samples = read(config)
    valid = (samples.table["split"] == "valid").to_numpy().nonzero()[0].tolist()
    with pytest.raises(DataError, match=r"0 images in the train split \(allowed: at least 2\)"):
        check_trainable(config, samples.take(valid))
    check_trainable(config, samples)


def test_known_classes_pass_and_others_are_named(config: Config):
    samples = read(config)
    check_known(samples, ["0", "1", "2", "3"], "valid")
    with pytest.raises(DataError, match=r"split valid: the model does not know the classes 1, 2 \(allowed: 0, 7\)"):
        check_known(samples, ["0", "7"], "valid")
    with pytest.raises(DataError, match=r"split test: there are no images"):
        check_known(samples.of("test"), ["0"], "test")


def test_progress_is_told_by_stage():
    heard: list[Progress] = []
    tell = told(heard.append, "check")
    tell(3, 9)
    assert (heard[0].stage, heard[0].done, heard[0].total) == ("check", 3, 9)
    assert told(None, "check") is None
