import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from auto_train.bundle.find import find_at
from auto_train.errors import BundleError, DataError, ImageError, ImageTooLargeError, MissingError, TaskContractError
from auto_train.serving.predictor import Predictor, open_predictor
from tests.serving.tiny import LABELS, export

RED = np.full((12, 10, 3), (250, 10, 10), np.uint8)


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def predictor(colours: Path) -> Predictor:
    return open_predictor(find_at(colours), max_pixels=10_000)


def test_answer_has_prediction_confidence_probabilities_and_model(predictor: Predictor) -> None:
    answer = predictor(RED)
    values = answer["probabilities"]
    assert list(answer) == ["prediction", "confidence", "probabilities", "model"]
    assert answer["prediction"] == "red"
    assert answer["confidence"] == f"{100 * values['red']:.2f}%"
    assert list(values) == LABELS
    assert sum(values.values()) == pytest.approx(1)
    assert answer["model"] == "colours"


def test_array_bytes_path_and_pillow_image_give_the_same_answer(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "red.png").write_bytes(png(RED))
    forms: list[Any] = [png(RED), tmp_path / "red.png", str(tmp_path / "red.png"), Image.fromarray(RED)]
    assert all(predictor(form) == predictor(RED) for form in forms)


def test_one_pixel_image_is_answered(predictor: Predictor) -> None:
    assert predictor(RED[:1, :1])["prediction"] == "red"


@pytest.mark.parametrize("array", [RED.astype(np.float32), RED[..., 0], RED[None], RED.repeat(2, axis=2)])
def test_array_of_other_shape_or_type_is_refused(predictor: Predictor, array: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"got an array .* \(allowed: uint8 \(height, width, 3\), RGB\)"):
        predictor(array)


def test_file_that_is_no_image_is_refused(predictor: Predictor) -> None:
    with pytest.raises(ImageError, match="is no image"):
        predictor(b"hello")


def test_image_of_too_many_pixels_is_refused(predictor: Predictor) -> None:
    with pytest.raises(ImageTooLargeError, match="200 x 100 pixels"):
        predictor(png(np.zeros((100, 200, 3), np.uint8)))


def test_postprocess_gets_the_answer_and_its_return_is_the_answer(colours: Path) -> None:
    predictor = open_predictor(find_at(colours), postprocess=lambda answer: {"colour": answer["prediction"].upper()})
    assert predictor(RED) == {"colour": "RED"}


def test_postprocess_that_fails_names_the_section_and_the_error(colours: Path) -> None:
    predictor = open_predictor(find_at(colours), postprocess=lambda answer: answer["nothing"])
    with pytest.raises(TaskContractError, match=r"\[testing.postprocess\]: the function raised KeyError: 'nothing'"):
        predictor(RED)


def test_onnx_file_alone_is_enough(colours: Path, tmp_path: Path) -> None:
    shutil.copy(colours / "exports/onnx/model.onnx", tmp_path / "model.onnx")
    assert open_predictor(find_at(tmp_path / "model.onnx"))(RED)["prediction"] == "red"


def test_damaged_onnx_file_is_a_bundle_error(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"not onnx")
    with pytest.raises(BundleError, match=r"model\.onnx: onnxruntime cannot open the export"):
        open_predictor(find_at(tmp_path / "model.onnx"))


def test_onnx_file_without_labels_says_what_is_missing(tmp_path: Path) -> None:
    path = export(tmp_path / "model.onnx")
    import onnx

    proto = onnx.load(path)
    del proto.metadata_props[:]
    onnx.save(proto, path)
    with pytest.raises(BundleError, match="the ONNX file says nothing of: labels, model, task"):
        open_predictor(find_at(path))


def test_task_that_cannot_be_served_lists_those_that_can(tmp_path: Path) -> None:
    path = export(tmp_path / "model.onnx", task="poetry")
    with pytest.raises(BundleError, match=r"'poetry' cannot be served \(allowed: classification"):
        open_predictor(find_at(path))


def test_predicting_with_an_export_loads_no_torch(colours: Path) -> None:
    code = (
        "import sys; import auto_train, numpy; "
        f"print(auto_train.load({str(colours)!r})(numpy.full((9, 9, 3), (0, 0, 255), 'uint8'))['prediction']); "
        "print([name for name in ('torch', 'confection', 'fastapi', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["blue", "[]"]


def test_transparent_pillow_image_is_laid_on_white_as_its_file_is(predictor: Predictor) -> None:
    image = Image.new("RGBA", (4, 4), (0, 0, 255, 0))  # blue where nobody sees it
    white = predictor(np.full((4, 4, 3), 255, np.uint8))
    assert predictor(image) == predictor(png(np.asarray(image))) == white


def test_something_else_than_an_image_is_refused(predictor: Predictor) -> None:
    with pytest.raises(DataError, match=r"got a list for an image \(allowed: a path, the bytes of an image file"):
        predictor([1, 2])  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["x" * 300, "none.png", "~nobody-of-that-name/x.png", "a\0b"])
def test_name_of_no_file_is_a_missing_error(predictor: Predictor, name: str) -> None:
    with pytest.raises(MissingError, match="there is no such image"):
        predictor(name)


@pytest.fixture
def run(colours: Path, tmp_path: Path) -> Path:
    """Return a copy of the run with one golden answer, the right one."""
    shutil.copytree(colours, tmp_path / "run")
    golden = tmp_path / "run/bundle/golden"
    golden.mkdir()
    Image.fromarray(RED).save(golden / "0.png")
    answer = list(open_predictor(find_at(colours))(RED)["probabilities"].values())
    (golden / "answers.json").write_text(json.dumps({"0.png": answer}))
    return tmp_path / "run"


def test_export_that_gives_the_golden_answers_is_used(run: Path) -> None:
    assert open_predictor(find_at(run)).model.engine == "onnxruntime"


def test_export_that_answers_otherwise_than_recorded_is_refused(run: Path) -> None:
    (run / "bundle/golden/answers.json").write_text('{"0.png": [0, 1, 0]}')
    with pytest.raises(BundleError, match=r"the model's answer to .*golden/0.png differs by"):
        open_predictor(find_at(run))


def test_bundle_that_was_altered_is_refused_before_its_export_answers(run: Path) -> None:
    (run / "bundle/model/config.json").write_text('{"labels": ["blue", "green", "red"]}')
    with pytest.raises(BundleError, match=r"INTEGRITY ERROR: config.json was altered"):
        open_predictor(find_at(run))
