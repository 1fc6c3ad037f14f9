"""A project that trains in seconds: real handwritten digits as PNG files, and a resnet18 of a tenth of its width."""

from collections.abc import Callable
from pathlib import Path

from auto_train.config import Config, load_config

INI = """\
[project]
name = tiny
location = {location}

[architecture]
image_size = 28

[architecture.backbone]
model = resnet18
pretrained = false

[architecture.backbone.args]
channels = [8, 16, 32, 64]

[training]
dir = {data}

[training.augment]
flip = false
colour = 0

[training.scheme]
epochs = 1
batch_size = 16
learning_rate = 3e-3
amp = false
channels_last = false

[export]
formats = []
"""


def write_digits(folder: Path, counts: dict[str, int]) -> Path:
    """Write scikit-learn's real digits as 28 px PNG files, one folder per class.

    Args:
        counts: number of images by class name, "0" to "9".
    """
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for i, pixels in enumerate(digits.images[digits.target == int(name)][:count]):
            image = Image.fromarray((pixels * 255 / 16).astype("uint8"))
            image.resize((28, 28), Image.Resampling.BICUBIC).save(folder / name / f"{i:03d}.png")
    return folder


def write_ini(folder: Path, data: Path | str = "builtin:digits", more: str = "") -> Path:
    """Write an INI of a project in a folder.

    Args:
        data: folder of the images, or ``builtin:digits`` for all 1,797.
        more: further sections.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = INI.format(location=folder / "project", data=folder / "data" if data == "builtin:digits" else data)
    if data == "builtin:digits":
        text = text.replace("[project]\n", "[project]\ndata_source_url = builtin:digits\n", 1)
    (folder / "tiny.ini").write_text(text + more, encoding="utf-8")
    return folder / "tiny.ini"


def tiny_config(folder: Path, data: Path | str, *overrides: str, more: str = "") -> Config:
    """Return the config of such a project, with ``section.key=value`` overrides."""
    return load_config(write_ini(folder, data, more), list(overrides))


def write_digit_table(folder: Path, columns: Callable[[int, int], dict[str, object]], *, each: int = 12) -> Path:
    """Write digits of all ten kinds and ``labels.csv``: path, split (test: every fourth one, valid: the next) and more.

    Args:
        columns: the further columns of a digit, from its value and its number among its kind.
        each: images of every kind.
    """
    import csv

    write_digits(folder / "images", {str(digit): each for digit in range(10)})
    rows = [
        {
            "path": f"images/{digit}/{i:03d}.png",
            "split": ("test", "valid", "train", "train")[i % 4],
            **columns(digit, i),
        }
        for digit in range(10)
        for i in range(each)
    ]
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder
