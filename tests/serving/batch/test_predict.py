import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from auto_train.errors import AutoTrainError, DataError, UsageError
from auto_train.serving.batch import Input, find_inputs, predict_all
from auto_train.serving.batch.rows import flat
from auto_train.serving.engines.base import Metadata
from auto_train.serving.predictor import Predictor

COLOURS = {"red": (250, 5, 5), "green": (5, 250, 5), "blue": (5, 5, 250)}


class Colours:
    """An engine that names the strongest colour, and counts its work."""

    def __init__(self, weights: str = "one") -> None:
        labels = tuple(COLOURS)
        self.metadata = Metadata(
            task="classification", name="colours", labels=labels, engine="test", weights_sha256=weights
        )
        self.calls = 0

    def infer(self, images: np.ndarray) -> np.ndarray:
        self.calls += 1
        strengths = images.mean((1, 2)).astype(np.float32)
        return strengths / strengths.sum(axis=1, keepdims=True)


@pytest.fixture
def images(tmp_path: Path) -> list[Input]:
    """Return three coloured images, one that is broken in between."""
    folder = tmp_path / "in"
    folder.mkdir()
    for at, (name, colour) in enumerate(COLOURS.items()):
        Image.new("RGB", (40, 30), colour).save(folder / f"{at}-{name}.png")
    (folder / "1-broken.png").write_bytes(b"no image")
    return find_inputs([folder], tmp_path)


def predict(images: list[Input], output: Path | None = None, **options: Any) -> Any:
    return predict_all(Predictor(options.pop("engine", Colours())), images, output=output, **options)


def test_rows_are_in_order_and_a_broken_image_is_one_of_them(images: list[Input], tmp_path: Path) -> None:
    found = predict(images, tmp_path / "out/answers.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out/answers.jsonl").read_text().splitlines()]
    assert [row["path"] for row in rows] == [image.name for image in images]
    assert [row.get("prediction") for row in rows] == ["red", None, "green", "blue"]
    assert rows[1]["error"].startswith("is no image") and "error" not in rows[0]
    assert (found.images, found.failed, found.before) == (4, 1, 0)
    assert found.first_error.startswith(f"{images[1].name}: is no image")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["answers.jsonl"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_table_has_a_column_for_each_probability_and_the_error(
    images: list[Input], tmp_path: Path, suffix: str
) -> None:
    output = tmp_path / f"answers{suffix}"
    predict(images, output)
    table = pd.read_csv(output) if suffix == ".csv" else pd.read_parquet(output)
    assert list(table) == [
        "path", "prediction", "confidence", "probabilities.red", "probabilities.green", "probabilities.blue", "model",
        "error",
    ]  # fmt: skip
    assert table["prediction"].tolist()[2:] == ["green", "blue"] and table["probabilities.red"][0] > 0.9
    assert table["error"].notna().tolist() == [False, True, False, False]


def test_lists_are_json_in_a_table_and_objects_are_columns() -> None:
    row = {"path": "a", "boxes": [[1, 2]], "values": {"n": {"value": 1.5, "unit": ""}}, "mask": {"x": {"counts": [1]}}}
    assert flat(row) == {
        "path": "a",
        "boxes": "[[1, 2]]",
        "values.n.value": 1.5,
        "values.n.unit": "",
        "mask": '{"x": {"counts": [1]}}',
    }


def test_answer_of_any_form_has_a_row(images: list[Input], tmp_path: Path) -> None:
    predictor = Predictor(Colours(), postprocess=lambda answer: answer["prediction"].upper())
    predict_all(predictor, images, output=tmp_path / "a.csv")
    with (tmp_path / "a.csv").open() as file:
        assert [row["answer"] for row in csv.DictReader(file)] == ["RED", "", "GREEN", "BLUE"]


class Stopped(Exception):
    """The user has pressed Ctrl-C."""


def stop_after(count: int) -> Any:
    """Return a function that stops the work after so many answers."""
    told: list[Any] = []

    def tell(image: Input, answer: Any) -> None:
        told.append(answer)
        if len(told) == count:
            raise Stopped

    return tell


def test_interrupted_prediction_goes_on_where_it_was(images: list[Input], tmp_path: Path) -> None:
    output = tmp_path / "answers.jsonl"
    with pytest.raises(Stopped):
        predict(images, output, on_answer=stop_after(3))
    assert not output.exists()
    engine = Colours()
    found = predict(images, output, engine=engine)
    assert (engine.calls, found.before, found.failed) == (1, 2, 1)  # the broken one is tried again, and fails again
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert [row.get("prediction") for row in rows] == ["red", None, "green", "blue"]


def test_row_that_was_cut_off_is_predicted_again(images: list[Input], tmp_path: Path) -> None:
    output = tmp_path / "answers.jsonl"
    with pytest.raises(Stopped):
        predict(images, output, on_answer=stop_after(4))
    part = tmp_path / ".answers.jsonl.part"
    part.write_bytes(part.read_bytes()[:-10])
    engine = Colours()
    assert predict(images, output, engine=engine).before == 2 and engine.calls == 1
    assert len(output.read_text().splitlines()) == 4


def test_another_model_begins_anew(images: list[Input], tmp_path: Path) -> None:
    output = tmp_path / "answers.jsonl"
    with pytest.raises(Stopped):
        predict(images, output, on_answer=stop_after(3))
    engine = Colours("two")
    assert predict(images, output, engine=engine).before == 0 and engine.calls == 3


def test_answers_are_told_in_order_with_errors_in_place(images: list[Input]) -> None:
    told: list[Any] = []
    predict(images, on_answer=lambda image, answer: told.append(answer))
    assert [isinstance(one, AutoTrainError) for one in told] == [False, True, False, False]


def test_pictures_lie_as_the_images_do_and_show_the_answer(images: list[Input], tmp_path: Path) -> None:
    found = predict(images, pictures=tmp_path / "drawn")
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == ["0-red.jpg", "1-green.jpg", "2-blue.jpg"]
    with Image.open(tmp_path / "drawn/0-red.jpg") as picture:
        assert picture.width == 480 and picture.height > 360
    assert found.pictures == tmp_path / "drawn"


def test_images_of_one_name_have_pictures_of_their_own(tmp_path: Path) -> None:
    for name in ("a/x.png", "b/x.png", "b/x.bmp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (9, 9), "red").save(tmp_path / name)
    predict(find_inputs([tmp_path / "a", tmp_path / "b"], tmp_path), pictures=tmp_path / "drawn")
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == ["x-2.jpg", "x-3.jpg", "x.jpg"]


def test_files_of_the_user_are_not_replaced(images: list[Input], tmp_path: Path) -> None:
    output, photo = tmp_path / "a.csv", tmp_path / "photo.jpg"
    output.write_text("mine")
    Image.new("RGB", (9, 9), "red").save(photo)
    with pytest.raises(UsageError, match=r"is there already\n.*--force"):
        predict(images, output)
    with pytest.raises(UsageError, match="the picture would replace an image"):
        predict(find_inputs([photo], tmp_path), pictures=tmp_path, force=True)
    predict(find_inputs([photo], tmp_path), pictures=tmp_path / "drawn")
    with pytest.raises(UsageError, match=r"the picture is there already\n.*--force"):
        predict(find_inputs([photo], tmp_path), pictures=tmp_path / "drawn")
    assert output.read_text() == "mine"
    assert predict(images, output, force=True).output == output and output.read_text() != "mine"


@pytest.mark.parametrize("name", ["a.txt", "a", "a.xlsx"])
def test_output_of_another_kind_is_refused(images: list[Input], tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"is no table \(allowed: .csv, .jsonl, .parquet\)"):
        predict(images, tmp_path / name)


def test_not_one_answer_is_an_error_whose_table_is_there(images: list[Input], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"not one of 1 images could be answered; the first: .*is no image"):
        predict(images[1:2], tmp_path / "a.csv")
    assert "is no image" in (tmp_path / "a.csv").read_text()
