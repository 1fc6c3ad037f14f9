"""T1: the whole program against a bare PyTorch loop on preloaded tensors; same model, precision and optimizer.

The program is `train` as the command line starts it: pixel store, augmentation, hooks, metrics, schedule, progress,
log. The bare loop does none of that: forward, loss, backward, optimizer step, on batches that lie in memory. Both are
timed inside, step by step, in the passes over the training split; what happens between two passes (validation,
checkpoint) has bars of its own. Each is a process of its own and they take turns of some steps (_race.py).

The bar counts with the augmentation that the program has by default: this is what a user gets who says nothing. It is
work that the bare loop does not do at all, so the ratio with mirroring alone is printed too: it is the nearer to what
the program's own machinery costs.
"""

import tempfile
from pathlib import Path
from typing import Any

from _data import write_photos
from _measure import finish, verdict
from _race import race, speed_ratio
from _sides import bare, chosen_precision, described, overrides, program, stated, workload

CONFIG = "_photos.ini"
FLIP_ONLY = ["rotate=0", "zoom=0", "shift=0", "colour=0"]
# px: rounds, turns, steps
TURNS = {64: (2, 20, 6), 224: (2, 20, 2)}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = write_photos(folder)
        works = {work["px"]: work for work in map(workload, TURNS)}  # a GPU has one
        finish(*[measure(folder, data, work) for work in works.values()])


def measure(folder: Path, data: Path, work: dict[str, Any]) -> bool:
    model, px, bs = work["model"], work["px"], work["bs"]
    words = overrides(folder, data, work)
    precision = chosen_precision(CONFIG, words)
    words += stated(precision)
    rounds, turns, steps = TURNS[px]
    times = race(
        {
            "program": program(CONFIG, words),
            "bare": bare(CONFIG, words),
            "flip only": program(CONFIG, [*words, *(f"training.augment.{item}" for item in FLIP_ONLY)]),
        },
        rounds=rounds,
        turns=turns,
        steps=steps,
    )
    low, middle, high = speed_ratio(times, "program", "bare")
    flip_low, flip, flip_high = speed_ratio(times, "flip only", "bare")
    speed = bs / sorted(times["program"])[len(times["program"]) // 2]
    detail = f"quartiles {low:.3f} to {high:.3f}, {speed:.0f} images/s in {described(precision)}; "
    detail += f"with mirroring alone {flip:.3f}, quartiles {flip_low:.3f} to {flip_high:.3f}"
    return verdict(f"T1 program / bare loop, {model} {px} px", middle, 0.95, detail=detail)


if __name__ == "__main__":
    main()
