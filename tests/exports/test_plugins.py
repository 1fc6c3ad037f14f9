"""A converter and an engine are one file and one line each: a toy of each, added to a copy of the program."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONVERTER = """\
import json

SUFFIX, LIBRARIES = ".toy", {}


def convert(model, path, *, weights_sha256=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    described = {"task": model.task, "name": model.name, "labels": model.labels}
    path.write_text(json.dumps({"described": described, "sha256": weights_sha256}))
    return path


def open_export(path):
    import onnxruntime

    onnx = onnxruntime.InferenceSession(path.parents[1] / "onnx/model.onnx")
    return lambda images: onnx.run(None, {"images": images})[0]
"""
ENGINE = """\
import json
from auto_train.exports.toy import open_export
from auto_train.serving.engines.base import Metadata


class ToyEngine:
    rank, reads = 1, "toy"

    def __init__(self, path):
        facts = json.loads(path.read_text())
        described = facts["described"] | {"labels": tuple(facts["described"]["labels"])}
        self.metadata = Metadata(**described, engine="toy", weights_sha256=facts["sha256"])
        self.infer = open_export(path)

    @classmethod
    def can_run(cls, found):
        return "toy" in found.exports

    @classmethod
    def open(cls, found, *, trust_code=False):
        return cls(found.exports["toy"])
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Return a copy of the program with both plug-ins: two new files, two changed lines."""
    shutil.copytree(ROOT / "auto_train", tmp_path / "auto_train", ignore=shutil.ignore_patterns("__pycache__"))
    package = tmp_path / "auto_train"
    (package / "exports/toy.py").write_text(CONVERTER)
    (package / "serving/engines/toy.py").write_text(ENGINE)
    for name, line, changed in (
        ("common/config.ini", "# list of unique one of onnx ·", "# list of unique one of onnx, toy ·"),
        ("serving/engines/__init__.py", "ENGINES = {", 'ENGINES = {"toy": "auto_train.serving.engines.toy:ToyEngine",'),
    ):
        text = (package / name).read_text(encoding="utf-8")
        assert text.count(line) == 1
        (package / name).write_text(text.replace(line, changed), encoding="utf-8")
    return tmp_path


def test_a_new_format_and_its_engine_are_one_file_and_one_line_each(program: Path, digits_run) -> None:
    run = program / "run"
    shutil.copytree(digits_run.folder, run)
    code = """
import sys, json
from pathlib import Path
import auto_train
from auto_train.bundle import load_bundle, weights_sha256
from auto_train.config import load_config
from auto_train.exports import converter
assert load_config(sys.argv[2], ["export.formats=onnx,toy"]).export.formats == ["onnx", "toy"]
run = Path(sys.argv[1])
model = load_bundle(run / "bundle").model
toy = converter("toy")
toy.convert(model, run / "exports/toy" / f"model{toy.SUFFIX}", weights_sha256=weights_sha256(run / "bundle"))
predictor = auto_train.load(run)
print(json.dumps([predictor.model.engine, predictor.warnings]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(run), str(digits_run.config)],
        cwd=program,
        env={**os.environ, "PYTHONPATH": str(program)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == ["toy", []]
