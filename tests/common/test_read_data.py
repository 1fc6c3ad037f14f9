import shutil
from pathlib import Path

import pytest

from auto_train.common.read_data import (
    check_known,
    fetch_data,
    make_progress_callback,
    read_data,
    save_failed_examination,
)
from auto_train.config import Config
from auto_train.data import Samples
from auto_train.data.doctor import read_exclude
from auto_train.errors import DataError, DataRefusedError, MissingError
from auto_train.types import Progress
from tests.tiny import tiny_config, write_digits


def read(config: Config, **options) -> Samples:
    return read_data(config, fetch_data(config), **options).samples


@pytest.fixture
def config(digit_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setenv("AUTO_TRAIN_CACHE", str(tmp_path / "cache"))
    return tiny_config(tmp_path, digit_files)


def test_samples_have_a_split_and_a_sum_in_every_row(config: Config):
    table = read(config).table
    assert len(table) == 72 and set(table["split"]) == {"train", "valid"} and (table["sha256"].str.len() == 64).all()


def test_listener_hears_of_checking(config: Config):
    told: list[Progress] = []
    read(config, listener=told.append)
    assert list(dict.fromkeys(event.stage for event in told)) == ["check"]
    assert (told[-1].done, told[-1].total) == (72, 72)


def test_images_that_changed_are_checked_again(digit_files: Path, tmp_path: Path):
    data = shutil.copytree(digit_files, tmp_path / "data")
    read(tiny_config(tmp_path, data))
    (data / "0/000.png").write_bytes((data / "0/000.png").read_bytes()[:50])
    with pytest.raises(DataError, match=r"images that end too early \(1\):\n  - 0/000.png: is damaged"):
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


def test_data_without_a_valid_image_cannot_be_trained_on(digit_files: Path, tmp_path: Path):
    config = tiny_config(tmp_path, digit_files, "project.data.valid_fraction=0")
    assert len(read(config)) == 72  # but a trained model can be measured on its test split
    with pytest.raises(
        DataRefusedError, match=r"0 images in the valid split \(allowed: at least 1\)\n.*valid_fraction"
    ):
        read(config, for_training=True)


@pytest.mark.parametrize("key", ["num_classes", "n_classes"])
def test_other_number_of_classes_than_stated_is_told_first(digit_files: Path, tmp_path: Path, key: str):
    config = tiny_config(tmp_path, digit_files, f"project.{key}=4")
    with pytest.raises(DataError, match=rf"\[project\] {key}: the INI states 4 classes, the data has 3: 0, 1, 2"):
        read(config, for_training=True)


def test_n_classes_of_older_inis_is_checked_too(digit_files: Path, tmp_path: Path):
    assert len(
        read(tiny_config(tmp_path / "1", digit_files, more="[project.meta]\nn_classes = 3\n"), for_training=True)
    )
    with pytest.raises(DataError, match=r"\[project.meta\] n_classes: .* 4 .* 3"):
        read(tiny_config(tmp_path / "2", digit_files, more="[project.meta]\nn_classes = 4\n"), for_training=True)


def test_all_errors_are_told_at_once_with_the_list_that_leaves_them_out(digit_files: Path, tmp_path: Path):
    data = shutil.copytree(digit_files, tmp_path / "data")
    (data / "0/text.png").write_text("no image")
    shutil.copy(data / "0/001.png", data / "1/wrong.png")
    (tmp_path / "old.txt").write_text("2/000.png\n")
    config = tiny_config(tmp_path, data, f"project.data.exclude={tmp_path}/old.txt")
    with pytest.raises(
        DataRefusedError,
        match=r"no images \(1\):\n.*\nimages whose content .* \(2\)",
    ) as caught:
        read(config, for_training=True)
    exclude = tmp_path / "project/exclude.txt"
    assert f"project.data.exclude={exclude}" in caught.value.hint
    assert read_exclude(exclude) == ["2/000.png", "0/text.png", "0/001.png", "1/wrong.png"]
    assert len(read(tiny_config(tmp_path, data, f"project.data.exclude={exclude}"), for_training=True)) == 70


def test_conflicting_labels_do_not_stop_an_evaluation(digit_files: Path, tmp_path: Path):
    data = shutil.copytree(digit_files, tmp_path / "data")
    shutil.copy(data / "0/001.png", data / "1/wrong.png")
    assert len(read(tiny_config(tmp_path, data))) == 73


def test_refused_training_leaves_its_report_in_the_run_folder(digit_files: Path, tmp_path: Path):
    data = shutil.copytree(digit_files, tmp_path / "data")
    (data / "0/text.png").write_text("no image")
    config = tiny_config(tmp_path, data)
    with pytest.raises(DataRefusedError, match="with pictures: ") as caught, save_failed_examination(tmp_path / "run"):
        read(config)
    assert str(tmp_path / "run/data_report.html") in caught.value.hint
    assert (tmp_path / "run/data_report.json").is_file()


def test_known_classes_pass_and_others_are_named(config: Config):
    samples = read(config)
    check_known(samples, ["0", "1", "2", "3"], "valid")
    with pytest.raises(DataError, match=r"split valid: the model does not know the classes 1, 2 \(allowed: 0, 7\)"):
        check_known(samples, ["0", "7"], "valid")
    with pytest.raises(DataError, match=r"split test: there are no images"):
        check_known(samples.of("test"), ["0"], "test")


def test_progress_is_told_by_stage():
    heard: list[Progress] = []
    tell = make_progress_callback(heard.append, "check")
    tell(3, 9)
    assert (heard[0].stage, heard[0].done, heard[0].total) == ("check", 3, 9)
    assert make_progress_callback(None, "check") is None
