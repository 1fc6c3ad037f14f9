"""A project that learns masks in seconds: discs and boxes drawn on noise, and a resnet18 of a tenth of its width."""

from pathlib import Path

import numpy as np
from PIL import Image

from auto_train.config import Config, load_config

NAMES = ["background", "disc", "box"]

INI = """\
[project]
name = shapes
type = segmentation
location = {location}

[architecture]
image_size = 64

[architecture.backbone]
model = resnet18
pretrained = false

[architecture.backbone.args]
channels = [8, 16, 16, 32]

[training]
dir = {data}

[training.augment]
colour = 0

[training.scheme]
epochs = 1
learning_rate = 1e-2
amp = false
channels_last = false

[export]
formats = []
"""


def draw(rng: np.random.Generator, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return an image (H, W, 3) and its mask (H, W): a light disc and a dark box on grey noise."""
    image, mask = rng.integers(100, 130, (height, width, 3)).astype(np.uint8), np.zeros((height, width), np.uint8)
    rows, columns = np.ogrid[:height, :width]
    radius = min(height, width) // 5
    top, left = rng.integers(radius, height - radius), rng.integers(radius, width - radius)
    mask[(rows - top) ** 2 + (columns - left) ** 2 < radius**2] = 1
    top, left = rng.integers(0, height - radius), rng.integers(0, width - radius)
    mask[top : top + radius, left : left + radius] = 2
    image[mask == 1] += 90
    image[mask == 2] -= 90
    return image, mask


def write_shapes(folder: Path, counts: dict[str, int], height: int = 64, width: int = 64) -> Path:
    """Write images/ and masks/ of so many images into a folder for each split, and the names of the classes.

    Some pixels of each mask are 255, which counts for nothing.
    """
    rng = np.random.default_rng(0)
    for split, count in counts.items():
        for name in ("images", "masks"):
            (folder / split / name).mkdir(parents=True)
        for i in range(count):
            image, mask = draw(rng, height, width)
            mask[:2] = 255
            Image.fromarray(image).save(folder / split / f"images/{i:03d}.png")
            Image.fromarray(mask).save(folder / split / f"masks/{i:03d}.png")
    (folder / "classes.txt").write_text("\n".join(NAMES) + "\n", encoding="utf-8")
    return folder


def write_ini(folder: Path, data: Path | str, more: str = "") -> Path:
    """Write an INI of a project in a folder.

    Args:
        more: further sections.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "shapes.ini"
    path.write_text(INI.format(location=folder / "project", data=data) + more, encoding="utf-8")
    return path


def shapes_config(folder: Path, data: Path | str, *overrides: str) -> Config:
    """Return the config of such a project, with ``section.key=value`` overrides."""
    return load_config(write_ini(folder, data), list(overrides))
