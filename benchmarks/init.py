"""INIs that `init` writes, trained as they are, against the hand-written ones on the same images.

Class folders with splits (flowers), a table with columns of its own and no split (digits), idx files (part of MNIST).
Both sides have the same validation and test images: splits are given, or drawn from the images' content.
"""

import csv
import gzip
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from _measure import ROOT, TRIAL, finish, mirror, verdict

# Images of MNIST's training set that both sides get; all of them would take half an hour.
MNIST_IMAGES = 2_000 if TRIAL else 6_000
# How much less than the hand-written INI's the accuracy may be.
POINTS = 0.02
WEIGHTS = "mobilenetv2_100_int8src.safetensors"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One data set.

    Attributes:
        name: for the verdict.
        place: what init is pointed at.
        config: the hand-written INI.
        overrides: that make it read this data on this machine.
        metric: compared.
    """

    name: str
    place: Path
    config: str
    overrides: tuple[str, ...]
    metric: str = "valid/accuracy"


def flowers(folder: Path) -> Case:
    """Class folders in splits, photographs."""
    with tarfile.open(mirror() / "flowers_240" / "flowers_240.tgz") as archive:
        archive.extractall(folder, filter="data")
    place = folder / "flowers_240"
    # As benchmarks/flowers.py: the weights that are there, and what they were made for.
    start = (
        f"architecture.backbone.weights={WEIGHTS}",
        "architecture.mean=[0.5,0.5,0.5]",
        "architecture.std=[0.5,0.5,0.5]",
    )
    return Case(
        name="class folders (flowers)", place=place, config="flowers.ini", overrides=(f"training.dir={place}", *start)
    )


def digits(folder: Path) -> Case:
    """A table of 1,797 image files, strokes of 8 px."""
    from PIL import Image
    from sklearn.datasets import load_digits

    data, place = load_digits(), folder / "digits"
    (place / "files").mkdir(parents=True)
    with (place / "written.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["image", "digit"])
        for i, (pixels, label) in enumerate(zip(data.images, data.target, strict=True)):
            Image.fromarray((pixels * 255 / 16).astype("uint8")).save(place / "files" / f"{i}.png")
            table.writerow([f"files/{i}.png", label])
    columns = ("project.data.path_column=image", "project.data.label_column=digit")
    return Case(name="table (digits)", place=place, config="digits.ini", overrides=(f"training.dir={place}", *columns))


def mnist(folder: Path) -> Case:
    """Files of the idx format: the first images of the training set, and the whole test set."""
    place = folder / "mnist"
    place.mkdir()
    for file in sorted((mirror() / "mnist").glob("*.gz")):
        raw = gzip.decompress(file.read_bytes())
        (place / file.stem).write_bytes(_first(raw, MNIST_IMAGES) if file.name.startswith("train") else raw)
    return Case(
        name=f"idx ({MNIST_IMAGES:,} of MNIST)",
        place=place,
        config="mnist.ini",
        overrides=(f"training.dir={place}",),
        metric="test/accuracy",
    )


def _first(raw: bytes, count: int) -> bytes:
    """Return an idx file of the first so many items."""
    axes = raw[3]
    size = 1
    for axis in range(1, axes):
        size *= int.from_bytes(raw[4 + 4 * axis : 8 + 4 * axis], "big")
    start = 4 + 4 * axes
    return raw[:4] + count.to_bytes(4, "big") + raw[8:start] + raw[start : start + count * size]


def run(folder: Path, *words: str) -> dict:
    """Return the last JSON object that a verb prints."""
    env = os.environ | {"AUTO_TRAIN_CACHE": str(folder / "cache"), "AUTO_TRAIN_MIRROR": str(mirror())}
    command = [sys.executable, str(ROOT / "main.py"), *words, "--json", "--offline"]
    done = subprocess.run(command, cwd=folder, env=env, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def compare(case: Case, folder: Path) -> bool:
    """Train both INIs and print the verdict."""
    nowhere = ("project.data_source_url=none", "project.data_sha256=none")
    overrides = [*case.overrides, *nowhere, f"project.location={folder}/by-hand"]
    by_hand = run(folder, "train", f"--config={ROOT}/configs/{case.config}", *overrides)
    made = run(folder, "init", f"--data={case.place}")
    found = run(folder, "train", f"--config={made['path']}")
    ours, theirs = (result["metrics"][case.metric] for result in (found, by_hand))
    seconds = f"{found['train_seconds']:.0f} s against {by_hand['train_seconds']:.0f} s"
    return verdict(f"init, {case.name}", ours, theirs - POINTS, detail=f"by hand {theirs:.4f}; {seconds}")


def cases(folder: Path) -> Iterator[Case]:
    wanted = sys.argv[1:]
    yield from (make(folder) for make in (flowers, digits, mnist) if not wanted or make.__name__ in wanted)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        finish(*[compare(case, Path(name)) for case in cases(Path(name))])
