"""Refuse an export that answers otherwise than the model it was made from."""

import math

import numpy as np
import torch

from auto_train.errors import GateError
from auto_train.exports.base import Run
from auto_train.models.inference import InferenceModel


def check_export(model: InferenceModel, run: Run, images: list[np.ndarray], *, limit: float, where: str) -> float:
    """Compare an export with the model it was made from.

    Args:
        run: the export as a function.
        images: (H, W, 3) uint8 each, real ones.
        limit: largest difference allowed between two answers, as the task measures it.
        where: the file, for the message.

    Returns:
        The largest difference found.

    Raises:
        GateError: above the limit.
    """
    worst = 0.0
    for image in images:
        with torch.no_grad():
            expected = model(torch.from_numpy(image)[None]).numpy()
        answer = run(image[None])
        difference = model.difference(expected, answer) if expected.shape == answer.shape else math.inf
        worst = float(np.maximum(worst, difference))  # unlike max(), NaN stays NaN
    # Written so that NaN fails too.
    if not worst <= limit:
        raise GateError(
            f"the export differs from the trained model by {worst:.2g} on {len(images)} images",
            where=where,
            allowed=f"[export] max_difference = {limit:g}",
            hint="the trained bundle is whole; set [export] formats = [] to train without an export",
        )
    return worst
