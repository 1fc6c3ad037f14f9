from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from auto_train.common.predictions import MAX_PICTURES, MAX_VALUES, write_predictions
from auto_train.data import Samples
from auto_train.data.images import ArrayImages, FileImages
from auto_train.errors import TaskContractError


def make_samples(images: list[np.ndarray]) -> Samples:
    table = pd.DataFrame({"path": [f"{i}.png" for i in range(len(images))], "split": "valid", "label": "a"})
    table = table.assign(group="", sha256=[f"{i:064x}" for i in range(len(images))])
    parts = [(f"part {i}", image[None]) for i, image in enumerate(images)]
    return Samples(table=table, images=ArrayImages(parts), labels=["a"])


def grey(n: int, height: int = 28, width: int = 28) -> list[np.ndarray]:
    return [np.full((height, width), i % 256, np.uint8) for i in range(n)]


def test_rows_have_place_size_brightness_and_what_the_recipe_tells(tmp_path: Path):
    samples = make_samples([*grey(2), *grey(1, 10, 30)])
    rows = {"score": np.array([1, 0, 1]), "label": np.array(["a", "b,c", 'd"'], dtype=object)}
    write_predictions(tmp_path, "valid", samples, np.array([1.04, 2.0, 3.0]), rows)
    found = pd.read_csv(tmp_path / "valid.csv", dtype=str)
    assert list(found) == ["path", "sha256", "width", "height", "brightness", "score", "label"]
    assert found.iloc[2].tolist() == ["2.png", f"{2:064x}", "30", "10", "3", "1", 'd"']
    assert not (tmp_path / "valid.npz").exists()


def test_pictures_are_of_the_wrong_answers_alone(tmp_path: Path):
    rows = {"score": np.array([1, 0, 1, 0]), "confidence": np.array([0.9, 0.3, 0.2, 0.8])}
    write_predictions(tmp_path, "test", make_samples(grey(4)), np.zeros(4), rows)
    assert sorted(path.name for path in (tmp_path / "test").iterdir()) == ["1.webp", "3.webp"]
    with Image.open(tmp_path / "test/3.webp") as picture:
        pixels = np.asarray(picture)
    assert pixels.shape == (140, 140, 3) and (pixels == 3).all()


@pytest.mark.parametrize(("lower_is_better", "kept"), [(False, range(MAX_PICTURES)), (True, range(50, 250))])
def test_pictures_are_of_the_worst_where_there_are_many(tmp_path: Path, lower_is_better: bool, kept: range):
    rows = {"score": np.arange(250) / 250}
    samples = make_samples(grey(250, 4, 4))
    write_predictions(tmp_path, "valid", samples, np.zeros(250), rows, lower_is_better=lower_is_better)
    assert {int(path.stem) for path in (tmp_path / "valid").iterdir()} == set(kept)


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (600, 3), (640, 480)])
def test_picture_of_any_shape_is_small(tmp_path: Path, size: tuple[int, int]):
    path = tmp_path / "image.png"
    Image.new("RGB", size, (200, 10, 10)).save(path)
    table = pd.DataFrame({"path": ["image.png"], "split": "valid", "label": "a", "group": "", "sha256": "0" * 64})
    samples = Samples(table=table, images=FileImages([path]), labels=["a"])
    write_predictions(tmp_path / "out", "valid", samples, np.zeros(1), {"score": np.zeros(1)})
    with Image.open(tmp_path / "out/valid/0.webp") as picture:
        assert max(picture.size) <= 160
    assert (tmp_path / "out/valid/0.webp").stat().st_size < 10_000


def test_arrays_that_are_too_large_keep_rows_at_even_distances(tmp_path: Path):
    wide = np.zeros((30, MAX_VALUES // 10), np.float16)
    wide[:, 0] = np.arange(30)
    rows = {"score": np.ones(30), "log_probabilities": wide}
    write_predictions(tmp_path, "valid", make_samples(grey(30, 2, 2)), np.zeros(30), rows)
    with np.load(tmp_path / "valid.npz") as found:
        assert found["rows"].tolist() == [0, 3, 6, 9, 12, 15, 18, 21, 24, 27]
        assert found["log_probabilities"][:, 0].tolist() == found["rows"].tolist()


def test_name_that_is_no_utf8_is_written_as_it_is(tmp_path: Path):
    samples = make_samples(grey(1))
    samples = samples.with_column("path", [b"caf\xe9.png".decode("utf-8", "surrogateescape")])
    write_predictions(tmp_path, "valid", samples, np.zeros(1), {"score": np.ones(1)})
    assert b"caf\xe9.png" in (tmp_path / "valid.csv").read_bytes()


@pytest.mark.parametrize("rows", [{"label": np.array(["a", "b"])}, {"score": np.ones(3)}])
def test_recipe_that_gives_no_score_for_each_image_is_told(tmp_path: Path, rows: dict[str, np.ndarray]):
    with pytest.raises(
        TaskContractError, match=r"report_rows gives \{.*\} for 2 images \(allowed: a score and .*\n  see"
    ):
        write_predictions(tmp_path, "valid", make_samples(grey(2)), np.zeros(2), rows)
