"""Write a trained model as ONNX and refuse an export that answers differently."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch

from auto_train.errors import GateError
from auto_train.models.inference import InferenceModel

OPSET = 18


def export_onnx(model: InferenceModel, path: Path, *, weights_sha256: str = "") -> Path:
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


def check_export(model: InferenceModel, path: Path, images: list[np.ndarray], *, limit: float) -> float:
    """Compare an ONNX file with the model it was made from.

    Args:
        images: (H, W, 3) uint8 each, real ones.
        limit: largest difference allowed between two answers, as the task measures it.

    Returns:
        The largest difference found.

    Raises:
        GateError: above the limit.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    worst = 0.0
    for image in images:
        with torch.no_grad():
            expected = model(torch.from_numpy(image)[None]).numpy()
        found = session.run(None, {"images": image[None]})[0]
        apart = model.difference(expected, found) if expected.shape == found.shape else math.inf
        worst = float(np.maximum(worst, apart))  # unlike max(), NaN stays NaN
    # Written so that NaN fails too.
    if not worst <= limit:
        raise GateError(
            f"the ONNX export differs from the trained model by {worst:.2g} on {len(images)} images",
            where=str(path),
            allowed=f"[export] max_difference = {limit:g}",
            hint="the trained bundle is whole; set [export] formats = [] to train without an export",
        )
    return worst
