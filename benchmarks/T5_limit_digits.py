"""T5: the whole program against a bare PyTorch loop on preloaded tensors: MNIST, small CNN, batches of 128.

What T1 measures, where it hurts: of a step of few milliseconds all that a hook, a callback or the augmentation takes is
a large part. Model and data as in T4; augmentation for the program as in configs/mnist.ini, none for the loop.
"""

import tempfile
from pathlib import Path

from _data import write_digits
from _measure import finish, verdict
from _race import race, speed_ratio
from _sides import bare, chosen_precision, described, overrides, program, stated

CONFIG = "_digits.ini"


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = overrides(folder, write_digits(folder))
        precision = chosen_precision(CONFIG, words)
        words += stated(precision)
        times = race(
            {"program": program(CONFIG, words), "bare": bare(CONFIG, words)}, rounds=4, turns=10, steps=60, settle=5
        )
    low, middle, high = speed_ratio(times, "program", "bare")
    speeds = [128 / sorted(times[name])[len(times[name]) // 2] for name in ("program", "bare")]
    detail = f"quartiles {low:.3f} to {high:.3f}, {speeds[0]:,.0f} and {speeds[1]:,.0f} images/s"
    finish(verdict("T5 program / bare loop, small CNN 28 px", middle, 0.65, detail=f"{detail}, {described(precision)}"))


if __name__ == "__main__":
    main()
