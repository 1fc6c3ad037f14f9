import shutil
from collections import Counter
from pathlib import Path

import pytest

from auto_train.common.earlier_splits import find_earlier_splits
from auto_train.common.read_data import fetch_data, read_data
from auto_train.config import Config
from auto_train.data import Samples, write_manifest
from auto_train.data.samples import Samples as Table
from tests.tiny import tiny_config, write_digits


def read(config: Config) -> Samples:
    return read_data(config, fetch_data(config)).samples


def split_of(samples: Table) -> dict[str, str]:
    return dict(zip(samples.table["sha256"], samples.table["split"], strict=True))


def leave_run(config: Config, samples: Samples, name: str = "20260101-000000-aaaaaa") -> None:
    """Leave what a training leaves of its data."""
    run = Path(config.project.location) / "runs" / name
    run.mkdir(parents=True)
    (run / "config.ini").write_text(config.to_ini())
    write_manifest(samples, run / "manifest.csv")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AUTO_TRAIN_CACHE", str(tmp_path / "cache"))
    return write_digits(tmp_path / "data", {"0": 12, "1": 12})


def test_added_images_move_none_of_the_run_before(data: Path, tmp_path: Path) -> None:
    config = tiny_config(tmp_path, data)
    before = read(config)
    leave_run(config, before)
    write_digits(tmp_path / "more", {"0": 40, "1": 30})
    shutil.rmtree(data)
    shutil.move(tmp_path / "more", data)

    after = read(config)

    assert len(before.of("valid")) == 5 and len(after.of("valid")) == 14
    assert {sha256: split_of(after)[sha256] for sha256 in split_of(before)} == split_of(before)
    assert any("24 images" in note and "20260101-000000-aaaaaa" in note for note in after.notes)
    assert not any("20260101" in note for note in before.notes)


def test_another_share_draws_anew(data: Path, tmp_path: Path) -> None:
    config = tiny_config(tmp_path, data)
    samples = read(config)
    leave_run(config, samples.with_column("split", ["valid"] * 20 + ["train"] * 4))
    runs, sums = Path(config.project.location) / "runs", samples.table["sha256"]

    assert len(find_earlier_splits(runs, 0.2, sums)[0]) == len(find_earlier_splits(runs, 1 - 0.8, sums)[0]) == 24
    assert find_earlier_splits(runs, 0.25, sums) == find_earlier_splits(tmp_path / "none", 0.2, sums) == ({}, [])
    assert Counter(split_of(read(tiny_config(tmp_path, data, "training.train_ratio=0.75"))).values())["valid"] == 6


def test_run_of_a_few_batches_does_not_count(data: Path, tmp_path: Path) -> None:
    config = tiny_config(tmp_path, data, "training.limit_batches=1")
    samples = read(config)
    leave_run(config, samples)
    assert find_earlier_splits(Path(config.project.location) / "runs", 0.2, samples.table["sha256"]) == ({}, [])


def test_newest_run_counts_and_damaged_ones_do_not(data: Path, tmp_path: Path) -> None:
    config = tiny_config(tmp_path, data)
    samples = read(config)
    leave_run(config, samples.with_column("split", ["valid"] * 24), "20260101-000000-aaaaaa")
    leave_run(config, samples.with_column("split", ["train"] * 24), "20260102-000000-aaaaaa")
    leave_run(config, samples, "20260103-000000-aaaaaa")
    (Path(config.project.location) / "runs/20260103-000000-aaaaaa/manifest.csv").write_text("nothing")

    known, names = find_earlier_splits(Path(config.project.location) / "runs", 0.2, samples.table["sha256"])

    assert set(known.values()) == {"train"} and names == ["20260102-000000-aaaaaa"]
