"""T10: two data-parallel workers against one process on the same two cores: resnet18 at 64 px, the same INI.

Each worker has a core and half of each batch of 128; the process alone has both cores and the whole batch. So both
sides share memory bandwidth, cache and clock among two cores, and the ratio tells the price of two processes: the sum
of gradients and waiting for each other, against how well one process uses two cores.

Printed beside it, and not judged: the images/s of the two workers over twice those of a process that has one core and
batches of 64, while the other core is idle. What two processes lose there although they do not even know of each other
(0.92 to 0.99, by machine and minute) is in that figure too.
"""

import tempfile
from pathlib import Path
from sys import executable

from _data import write_photos
from _measure import finish, verdict
from _race import race, speed_ratio
from _sides import HERE, chosen_precision, described, huge_pages, overrides, program, stated

CONFIG = "_photos.ini"


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = overrides(folder, write_photos(folder), {"px": 64})
        precision = chosen_precision(CONFIG, [*words, *batch(128)])
        words += stated(precision)
        workers = [*huge_pages(), executable, str(HERE / "_workers.py"), "2", f"--config={HERE / CONFIG}"]
        sides = {
            "two": [*threads(1), *workers, *words, *batch(128)],
            "one": [*threads(2), *program(CONFIG, [*words, *batch(128)])],
            "core": [*threads(1), *program(CONFIG, [*words, *batch(64)])],
        }
        times = race(sides, rounds=3, turns=14, steps=6)
    low, middle, high = speed_ratio(times, "two", "one")
    # A step of the two workers has twice the images, on twice the cores.
    _, of_core, _ = speed_ratio(times, "two", "core")
    detail = f"quartiles {low:.3f} to {high:.3f}, {described(precision)}; per core of one on a core alone {of_core:.3f}"
    finish(verdict("T10 two workers / one process, per core", middle, 0.9, detail=detail))


def batch(images: int) -> list[str]:
    return [f"training.scheme.batch_size={images}"]


def threads(count: int) -> list[str]:
    return ["env", f"OMP_NUM_THREADS={count}"]


if __name__ == "__main__":
    main()
