"""T2 and T3: the whole program against stock fastai from the same 640 x 480 JPEG files."""

import tempfile
from pathlib import Path

from _data import write_photos
from _measure import finish, verdict
from _race import race, speed_ratio
from _sides import chosen_precision, described, overrides, program, side, stated, workload

CONFIG = "_photos.ini"


def measure(bar_name: str, bar: float, *, px: int, turns: int, steps: int, settle: int) -> None:
    """Race the two and end the script.

    Args:
        settle: steps at a turn's beginning that do not count: fastai's workers have some batches ready by then, and
            more than they make in the time of a step. That what is left of this helps fastai is accepted.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data, work = write_photos(folder), workload(px)
        words = overrides(folder, data, work)
        precision = chosen_precision(CONFIG, words)
        times = race(
            {"program": program(CONFIG, words + stated(precision)), "fastai": side("fastai", data=data, **work)},
            rounds=2,
            turns=turns,
            steps=steps,
            settle=settle,
        )
    low, middle, high = speed_ratio(times, "program", "fastai")
    detail = f"quartiles {low:.2f} to {high:.2f}, ours in {described(precision)}"
    title = f"{bar_name} program / stock fastai, {work['model']} {work['px']} px"
    finish(verdict(title, middle, bar, detail=detail))
