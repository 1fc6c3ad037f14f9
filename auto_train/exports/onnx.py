"""A trained model as ONNX: onnxruntime and Pillow are enough to use it."""

import json
from pathlib import Path
from typing import Any

import torch

from auto_train.cores import num_cores
from auto_train.exports.base import Run
from auto_train.models.inference import InferenceModel

SUFFIX, OPSET = ".onnx", 18
LIBRARIES: dict[str, str] = {}


def convert(model: InferenceModel, path: Path, *, weights_sha256: str = "") -> Path:
    """Export with free batch size, height and width.

    The graph maps ``images`` (N, H, W, 3) uint8 to the model's answers (N, …), which are called ``probabilities`` for
    classes. Labels and what else they are read with travel in the metadata, so onnxruntime and Pillow are enough.

    Args:
        weights_sha256: of the weights file this export was made from; lets a server see a stale export.
    """
    import onnx

    path.parent.mkdir(parents=True, exist_ok=True)
    dims = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC, 2: torch.export.Dim.DYNAMIC}
    example = torch.zeros(2, model.image_size + 3, model.image_size + 5, 3, dtype=torch.uint8)
    with torch.no_grad():  # what learns cannot be exported in a loop
        program = torch.onnx.export(
            model.eval(),
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=["images"],
            output_names=[model.output_name],
            dynamic_shapes={"images": dims},
            verbose=False,
        )
    assert program is not None
    proto = program.model_proto
    metadata: dict[str, Any] = {
        "task": model.task,
        "model": model.name,
        "labels": model.labels,
        "weights_sha256": weights_sha256,
    }
    metadata |= {"image_size": model.image_size, "temperature": float(model.temperature), "facts": model.facts}
    onnx.helper.set_model_props(
        proto, {key: value if isinstance(value, str) else json.dumps(value) for key, value in metadata.items()}
    )
    onnx.save(proto, path)
    return path


def open_export(path: Path) -> Run:
    """Return the file as a function of (N, H, W, 3) uint8 images, run by onnxruntime on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_cores()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda images: session.run(None, {"images": images})[0]
