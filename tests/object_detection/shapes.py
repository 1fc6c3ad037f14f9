"""A detection project that trains in seconds: coloured rectangles on grey noise as Pascal VOC, and a tiny resnet18."""

from pathlib import Path

import numpy as np
from PIL import Image

from auto_train.config import Config, load_config

COLOURS = {"red": (220, 30, 30), "blue": (30, 30, 220)}
WIDTH, HEIGHT = 96, 72

INI = """\
[project]
name = shapes
type = object_detection
location = {location}

[architecture]
image_size = 64
fpn_channels = 32

[architecture.backbone]
model = resnet18
pretrained = false

[architecture.backbone.args]
channels = [8, 16, 32, 64]

[training]
dir = {data}

[training.augment]
colour = 0

[training.scheme]
epochs = 1
batch_size = 4
learning_rate = 3e-3
amp = false
channels_last = false
"""


def write_shapes(folder: Path, counts: dict[str, int] | None = None) -> Path:
    """Write images with one to three rectangles each; some lie on others, one image has none.

    Args:
        counts: number of images by the name of a list in ImageSets/Main.
    """
    random = np.random.default_rng(0)
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / name).mkdir(parents=True)
    for split, count in (counts or {"train": 12, "val": 5, "test": 4}).items():
        stems = [f"{split}{i:02d}" for i in range(count)]
        (folder / f"ImageSets/Main/{split}.txt").write_text("\n".join(stems) + "\n")
        for i, stem in enumerate(stems):
            _write_image(folder, stem, random, things=i % 4)
    return folder


def _write_image(folder: Path, stem: str, random: np.random.Generator, *, things: int) -> None:
    pixels = random.integers(90, 160, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    objects = []
    for _ in range(things):
        name = list(COLOURS)[random.integers(2)]
        width, height = random.integers(16, 40, 2)
        left, top = random.integers(0, WIDTH - width), random.integers(0, HEIGHT - height)
        pixels[top : top + height, left : left + width] = COLOURS[name]
        corners = zip(("xmin", "ymin", "xmax", "ymax"), (left, top, left + width, top + height), strict=True)
        box = "".join(f"<{corner}>{value}</{corner}>" for corner, value in corners)
        objects.append(f"<object><name>{name}</name><difficult>0</difficult><bndbox>{box}</bndbox></object>")
    Image.fromarray(pixels).save(folder / f"JPEGImages/{stem}.png")
    text = f"<annotation><filename>{stem}.png</filename>{''.join(objects)}</annotation>\n"
    (folder / f"Annotations/{stem}.xml").write_text(text)


def shapes_config(folder: Path, data: Path, *overrides: str, more: str = "") -> Config:
    """Return the config of a project in a folder, with ``section.key=value`` overrides."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "shapes.ini").write_text(INI.format(location=folder / "project", data=data) + more, encoding="utf-8")
    return load_config(folder / "shapes.ini", list(overrides))
