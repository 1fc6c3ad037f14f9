"""One image through everything that a request passes, without a network."""

import asyncio
import io
from functools import partial
from typing import TYPE_CHECKING, Any

from auto_train.config import Config
from auto_train.errors import AutoTrainError
from auto_train.serving.predictor import get_predictor
from auto_train.serving.service import Service

if TYPE_CHECKING:
    import numpy as np


def answer_once(config: Config, pixels: "np.ndarray") -> Any:
    """Return the answer of what an INI trained, as the service gives it: decoded from a file's bytes, in its threads.

    Args:
        pixels: (H, W, 3) uint8 RGB.

    Raises:
        BundleError: the model cannot be opened. RequestError: its answer failed.
    """
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    service = Service(config, partial(get_predictor, config))
    try:
        service.load()
        (answer,) = asyncio.run(service.answer([file.getvalue()]))
    finally:
        service.close()
    if isinstance(answer, AutoTrainError):
        raise answer
    return answer
