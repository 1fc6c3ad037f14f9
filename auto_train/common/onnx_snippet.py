"""The lines that ask an ONNX file without AutoTrain; README.md, docs/predict.md and each bundle's card show them."""

SNIPPET = '''\
import json

import numpy as np
import onnxruntime
from PIL import Image, ImageOps


def read(path):
    """Return the pixels the model was trained on: upright, 16 bits scaled to 8, on white; (H, W, 3) uint8 RGB."""
    with Image.open(path) as file:
        image = ImageOps.exif_transpose(file)
    if image.mode.startswith("I;16"):
        image = Image.fromarray(((np.asarray(image).astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB"))


session = onnxruntime.InferenceSession("{model}")
labels = json.loads(session.get_modelmeta().custom_metadata_map["labels"])
({answers},) = session.run(["{answers}"], {"images": read("{image}")[None]})
'''
_LIKELIEST = "print(labels[probabilities[0].argmax()])\n"


def onnx_snippet(model: str, *, image: str, answers: str, is_one_class: bool) -> str:
    """Return the lines for a model.

    Args:
        model: path of the ONNX file, as it is to be written.
        image: path of a picture.
        answers: name of the model's output.
        is_one_class: an image is of one class, and the last line prints it; else the answer as it is.
    """
    lines = SNIPPET + (_LIKELIEST if is_one_class else f"print({answers}[0])\n")
    return lines.replace("{model}", model).replace("{answers}", answers).replace("{image}", image)
