"""What a model says of an image, drawn on it."""

import numpy as np
import torch

from auto_train.data.draw import draw_mask
from auto_train.models.inference import InferenceModel


def mask_picture(inference: InferenceModel, image: np.ndarray) -> np.ndarray:
    """Return a picture of an image (H, W, 3) uint8 with the classes of its pixels in colour, as the model sees them."""
    with torch.no_grad():
        mask = inference(torch.tensor(image)[None])[0].numpy()
    return draw_mask(image, mask, inference.labels, legend=False)
