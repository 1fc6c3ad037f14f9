"""T10: two data-parallel workers against one process, per core: resnet18 at 64 px, one thread for each.

Each worker has a core and a batch of 64, so the pair's batch is 128: the ratio is the images/s of two workers with one
thread each, over twice the images/s of one process with one thread. What is lost is the sum of gradients, waiting for
each other, and what the cores take from each other (memory bandwidth, cache, clock).
"""

import os
import tempfile
from pathlib import Path
from sys import executable

from _data import write_photos
from _measure import finish, verdict
from _race import race, speed_ratio
from _sides import HERE, chosen_precision, described, huge_pages, overrides, program, stated

CONFIG, BATCH = "_photos.ini", 64


def main() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = overrides(folder, write_photos(folder), {"px": 64})
        one = [*words, f"training.scheme.batch_size={BATCH}"]
        precision = chosen_precision(CONFIG, one)
        one += stated(precision)
        two = [*words, *stated(precision), f"training.scheme.batch_size={2 * BATCH}"]
        two = [*huge_pages(), executable, str(HERE / "_workers.py"), "2", f"--config={HERE / CONFIG}", *two]
        times = race({"two": two, "one": program(CONFIG, one)}, rounds=3, turns=8, steps=6)
    # A step of the two is as many images on each core as one of the one.
    low, middle, high = speed_ratio(times, "two", "one")
    detail = f"quartiles {low:.3f} to {high:.3f}, {described(precision)}"
    finish(verdict("T10 two workers / one process, per core", middle, 0.9, detail=detail))


if __name__ == "__main__":
    main()
