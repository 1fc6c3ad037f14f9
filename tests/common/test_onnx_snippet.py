"""The lines that ask the ONNX file without AutoTrain: the same in README, docs and card, and the same answers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from auto_train import actions
from auto_train.common.onnx_snippet import onnx_snippet
from auto_train.data import decode_image
from tests.conftest import TrainedRun
from tests.data.bounded.made import png16
from tests.pages import ROOT

MODEL = "projects/digits/runs/latest/exports/onnx/model.onnx"
IMAGE = "test_images/classification/digit_3.png"


def photo() -> Image.Image:
    """Return a picture whose left upper corner is bright, so that turning it is another one."""
    values = np.random.default_rng(0).integers(0, 60, (60, 80, 3)).astype(np.uint8)
    values[:25, :30] = 230
    return Image.fromarray(values)


def turned(path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo().save(path, exif=exif)


def clear(path: Path, mode: str) -> None:
    image = photo()
    image.putalpha(Image.fromarray(np.tile(np.arange(0, 240, 3, dtype=np.uint8), (60, 1))))
    (image if mode == "RGBA" else image.convert(mode)).save(path)


FILES: dict[str, Callable[[Path], Any]] = {
    "phone.jpg": lambda path: turned(path, 6),
    "mirrored.jpg": lambda path: turned(path, 7),
    "turned.png": lambda path: turned(path, 8),
    "grey.jpg": lambda path: photo().convert("L").save(path),
    "cmyk.jpg": lambda path: photo().convert("CMYK").save(path),
    "sixteen.png": lambda path: path.write_bytes(png16(np.asarray(photo().convert("L")).astype(np.uint16) * 250)),
    "sixteen.tif": lambda path: Image.fromarray(np.asarray(photo().convert("L")).astype(np.uint16) * 250).save(path),
    "rgb16.png": lambda path: path.write_bytes(png16(np.asarray(photo()).astype(np.uint16) * 250)),
    "clear.png": lambda path: clear(path, "RGBA"),
    "clear grey.png": lambda path: clear(path, "LA"),
    "palette.png": lambda path: photo().convert("P").save(path, transparency=3),
    "colour.png": lambda path: photo().save(path, transparency=(230, 230, 230)),
    "clear.webp": lambda path: clear(path, "RGBA"),
    "picture.gif": lambda path: photo().convert("P").save(path, transparency=0),
}


@pytest.fixture(scope="module")
def lines(digits_run: TrainedRun, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the names that the lines define when they are run."""
    path = tmp_path_factory.mktemp("snippet") / "photo.png"
    photo().save(path)
    names: dict[str, Any] = {}
    exec(onnx_snippet(str(digits_run.onnx), image=str(path), answers="probabilities", is_one_class=True), names)  # noqa: S102
    return names


@pytest.mark.parametrize("name", FILES)
def test_lines_answer_as_predict_does(lines: dict[str, Any], digits_run: TrainedRun, tmp_path: Path, name: str):
    FILES[name](tmp_path / name)

    (found,) = lines["session"].run(["probabilities"], {"images": lines["read"](tmp_path / name)[None]})

    assert (lines["read"](tmp_path / name) == decode_image(tmp_path / name)).all()
    expected = actions.load(digits_run.config)(tmp_path / name)["probabilities"]
    assert dict(zip(lines["labels"], found[0].tolist(), strict=True)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("page", ["README.md", "docs/predict.md"])
def test_pages_show_the_lines(page: str):
    lines = onnx_snippet(MODEL, image=IMAGE, answers="probabilities", is_one_class=True)
    assert f"```python\n{lines}```" in (ROOT / page).read_text(encoding="utf-8")


def test_card_names_the_file_and_shows_the_lines(digits_run: TrainedRun):
    card = (digits_run.onnx.parents[2] / "bundle/README.md").read_text(encoding="utf-8")
    path = "exports/onnx/model.onnx"
    assert digits_run.onnx.parents[2] / path == digits_run.onnx
    assert onnx_snippet(path, image="photo.jpg", answers="probabilities", is_one_class=True) in card


def test_lines_of_another_task_print_its_answer():
    lines = onnx_snippet("a.onnx", image="b.jpg", answers="boxes", is_one_class=False)
    assert 'run(["boxes"]' in lines and lines.endswith("print(boxes[0])\n")
    compile(lines, "snippet", "exec")
