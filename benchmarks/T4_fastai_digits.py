"""T4: the whole program against stock fastai on MNIST as 28 px PNG files, batches of 128: images/s of training.

The model is a small CNN of the user's own (_small_cnn.py), augmentation that of configs/mnist.ini here and
aug_transforms(do_flip=False) there. With a net this small the price is what surrounds it: reading files for fastai,
callbacks for both. Sides and clock as in T2.
"""

import tempfile
from pathlib import Path

from _data import write_digits
from _measure import finish, verdict
from _race import race, speed_ratio
from _sides import chosen_precision, described, overrides, program, side, stated

CONFIG = "_digits.ini"


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = write_digits(folder)
        words = overrides(folder, data)
        precision = chosen_precision(CONFIG, words)
        times = race(
            {
                "program": program(CONFIG, words + stated(precision)),
                "fastai": side("fastai", data=data, model="small_cnn", px=0, bs=128),
            },
            rounds=2,
            turns=10,
            steps=60,
            settle=10,
        )
    low, middle, high = speed_ratio(times, "program", "fastai")
    detail = f"quartiles {low:.2f} to {high:.2f}, ours in {described(precision)}"
    finish(verdict("T4 program / stock fastai, small CNN 28 px", middle, 4, detail=detail))


if __name__ == "__main__":
    main()
