"""Each recipe as T1 has it for classification: the whole program against a bare PyTorch loop on preloaded tensors.

    throughput.py [multilabel | regression | object_detection | segmentation …]

The same INI, model, precision, optimizer and loss on both sides; the backbone trains from the first step, its batch
norm as the program has it, and no moving average of the weights is kept. The bare loop does nothing but forward, loss,
backward and optimizer step, on augmented batches that lie in memory.
"""

import os
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from _measure import ROOT, finish, mirror, verdict
from _race import race, speed_ratio
from _sides import bare, chosen_precision, described, overrides, program, stated

BAR = 0.95


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a recipe is measured with.

    Attributes:
        config: an INI.
        archive: of the data, below the folder of the real data sets.
        dir: training.dir, below where the archive is unpacked.
        words: further overrides.
        rounds, turns, steps: of the race.
    """

    config: str
    archive: str
    dir: str
    words: tuple[str, ...] = ()
    rounds: int = 2
    turns: int = 20
    steps: int = 2


WORKS = {
    "multilabel": Work(config="configs/blood-multilabel.ini", archive="bccd/bccd.tgz", dir="bccd"),
    "regression": Work(config="configs/blood-counts.ini", archive="bccd/bccd.tgz", dir="bccd"),
    "object_detection": Work(config="configs/blood-cells.ini", archive="bccd/bccd.tgz", dir="bccd/BCCD"),
    "segmentation": Work(config="configs/nuclei.ini", archive="nuclei_256/nuclei_256.tgz", dir="nuclei_256"),
}


def main() -> None:
    os.environ["AUTO_TRAIN_MIRROR"] = str(mirror())  # where the weights are
    names = sys.argv[1:] or list(WORKS)
    with tempfile.TemporaryDirectory() as folder:
        finish(*[measure(name, WORKS[name], Path(folder) / name) for name in names])


def measure(name: str, work: Work, folder: Path) -> bool:
    with tarfile.open(mirror() / work.archive) as archive:
        archive.extractall(folder / "data", filter="data")
    config = str(ROOT / work.config)
    scheme = {"freeze_epochs": 0, "epochs": 1000, "learning_rate": 1e-4, "ema_decay": "none"}
    words = overrides(folder, folder / "data" / work.dir)
    words += [f"training.scheme.{key}={value}" for key, value in scheme.items()]
    words += ["project.data_source_url=none", "project.data_sha256=none", "export.formats=[]", *work.words]
    precision = chosen_precision(config, words)
    words += stated(precision)
    times = race(
        {"program": program(config, words), "bare": bare(config, words)},
        rounds=work.rounds,
        turns=work.turns,
        steps=work.steps,
    )
    low, middle, high = speed_ratio(times, "program", "bare")
    step_ms = 1000 * sorted(times["program"])[len(times["program"]) // 2]
    detail = f"quartiles {low:.3f} to {high:.3f}, a step of {step_ms:.0f} ms in {described(precision)}"
    return verdict(f"{name} program / bare loop, {work.config}", middle, BAR, detail=detail)


if __name__ == "__main__":
    main()
