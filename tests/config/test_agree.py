"""Values that a training refuses together are errors of lint, at the line of one of them."""

import pytest

from auto_train.config import lint_config


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("classes = a, b\nnum_classes = 3", (3, "num_classes")),
        ("classes = a, b\nn_classes = 3", (3, "n_classes")),
        ("num_classes = 3\nn_classes = 4", (3, "n_classes")),
        ("num_classes = 3\n[project.meta]\nnum_classes = 4", (4, "num_classes")),
        ("type = segmentation\nclasses = a, b\nnum_classes = 4", (4, "num_classes")),
        ("data_source_url = a.zip, b.zip\ndata_sha256 = 00", (3, "data_sha256")),
        ("[architecture]\nmean = 0.5", (3, "mean")),
        ("[architecture]\nstd = [0.2, 0.2, 0]", (3, "std")),
        ("type = object_detection\n[architecture]\nstrides = [16, 8]", (4, "strides")),
        ("type = object_detection\n[architecture]\nstrides = []", (4, "strides")),
        ("type = object_detection\n[architecture]\ndetector = faster_rcnn", (4, "detector")),
        (
            "type = object_detection\n[architecture]\ndetector = faster_rcnn\n[export]\nformats = onnx",
            (6, "formats"),
        ),
        (
            "type = object_detection\n[architecture]\ndetector = faster_rcnn\n[export]\nformats = []\n"
            "[training.scheme]\nmonitor = loss",
            (8, "monitor"),
        ),
    ],
)
def test_values_that_do_not_agree_are_an_error(write_ini, lines: str, expected: tuple[int, str]):
    problems = lint_config(write_ini(f"[project]\n{lines}\n"))
    assert [(at.level, at.line, at.key) for at in problems] == [("error", *expected)]


@pytest.mark.parametrize(
    "lines",
    [
        "classes = a, b\nnum_classes = 2\nn_classes = 2",
        "type = segmentation\nclasses = background, b, c\nnum_classes = 2",
        "type = segmentation\nclasses = b, c\nnum_classes = 3",
        "[architecture]\nmean = 0.5, 0.5, 0.5\nstd = [0.2, 0.2, 0.2]",
        "type = object_detection\n[architecture]\ndetector = faster_rcnn\n[export]\nformats = []",
        "type = object_detection\n[architecture]\ndetector = retinanet",
    ],
)
def test_values_that_agree_are_no_problem(write_ini, lines: str):
    assert lint_config(write_ini(f"[project]\n{lines}\n")) == []


def test_two_download_functions_are_an_error(write_ini, tmp_path):
    code = "from auto_train import registry\n\n@registry.download_function.register('bring')\ndef bring(): ...\n"
    (tmp_path / "own.py").write_text(code)
    text = f"[project]\ncustom_functions = {tmp_path}/own.py\n[project.download]\n@download_function = bring\n"
    assert lint_config(write_ini(text)) == []
    (problem,) = lint_config(write_ini(text), ["project.data_source_url=a.zip"])
    assert (problem.level, problem.key) == ("warning", "data_source_url")
    problems = lint_config(write_ini(f"{text}[mine]\n@download_function = bring\n"))
    assert [(at.level, at.line) for at in problems] == [("error", 6)]
