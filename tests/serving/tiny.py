"""A run folder with a small real network: a picture that is mostly red is "red", and so on."""

import json
from pathlib import Path

LABELS = ["red", "green", "blue"]


def write_run(run: Path, *, weights_sha256: str | None = None) -> Path:
    """Write ``bundle/`` and ``exports/onnx/model.onnx`` as training lays them out; return the run folder.

    Args:
        weights_sha256: recorded in the export; None: that of the bundle's weights.
    """
    from auto_train.bundle import make_filelist
    from auto_train.bundle import weights_sha256 as hash_of

    model = run / "bundle" / "model"
    model.mkdir(parents=True)
    (model / "config.json").write_text(json.dumps({"labels": LABELS}))
    (model / "weights.safetensors").write_bytes(b"the export below is what runs")
    make_filelist(model)
    export(run / "exports" / "onnx" / "model.onnx", weights_sha256 or hash_of(run / "bundle"))
    return run


def export(path: Path, weights_sha256: str = "", **changes: str) -> Path:
    """Export the network with free batch size, height and width, and metadata as training writes it."""
    import onnx
    import torch
    from torch import nn

    class Colours(nn.Module):
        """uint8 (N, H, W, 3) → probabilities (N, 3) float32."""

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            pixels = images.permute(0, 3, 1, 2).float() / 255
            return (10 * pixels.mean((2, 3))).softmax(1)

    path.parent.mkdir(parents=True, exist_ok=True)
    free = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC, 2: torch.export.Dim.DYNAMIC}
    program = torch.onnx.export(
        Colours().eval(),
        (torch.zeros(2, 8, 9, 3, dtype=torch.uint8),),
        dynamo=True,
        opset_version=18,
        input_names=["images"],
        output_names=["probabilities"],
        dynamic_shapes={"images": free},
        verbose=False,
    )
    facts = {
        "task": "classification",
        "model": "colours",
        "labels": json.dumps(LABELS),
        "weights_sha256": weights_sha256,
    }
    proto = program.model_proto  # made anew at every access
    onnx.helper.set_model_props(proto, facts | changes)
    onnx.save(proto, path)
    return path


POSTPROCESS = """
import time

from auto_train import registry


@registry.postprocess_function.register("shout")
def shout(mark: str = "!"):
    return lambda answer: {"colour": answer["prediction"].upper() + mark}


@registry.postprocess_function.register("fails")
def fails():
    return lambda answer: answer["nothing"]


@registry.postprocess_function.register("sleeps")
def sleeps():
    return lambda answer: time.sleep(60)
"""


def write_project(folder: Path, run: Path, more: str = "") -> Path:
    """Write an INI, and beside it weights and their record as a training would that ended with this run.

    Args:
        more: further lines of the INI; postprocess functions ``shout``, ``fails`` and ``sleeps`` are there to be named.
    """
    from auto_train.bundle.filelist import sha256_of

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "functions.py").write_text(POSTPROCESS)
    weights = folder / "models" / "model.pth"
    weights.parent.mkdir()
    weights.write_bytes(b"weights")
    record = {"sha256": sha256_of(weights), "run": str(run), "bundle": str(run / "bundle")}
    Path(f"{weights}.json").write_text(json.dumps(record))
    ini = folder / "colours.ini"
    ini.write_text(f"[project]\nname = colours\nlocation = {folder}\ncustom_functions = {folder}/functions.py\n{more}")
    return ini
