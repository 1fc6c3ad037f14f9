"""T6: the whole program against timm's loader in a bare loop and against AutoTimm, from the same 640 x 480 JPEG files.

The bare loop around timm's loader (_timm.py) has our precision and layout: what differs is where the pixels come from.
AutoTimm (_autotimm.py, on Lightning) runs twice, in its own float32 and in bfloat16, and the faster one counts. It is
no dependency of ours: AUTO_TRAIN_BENCH_AUTOTIMM names the interpreter of an environment it is installed in,

    python -m venv ENV && ENV/bin/pip install autotimm
    AUTO_TRAIN_BENCH_AUTOTIMM=ENV/bin/python make bench BAR=T6

and without one this half is not measured. Clock and turns as in T2.
"""

import os
import tempfile
from pathlib import Path

from _data import write_photos
from _measure import finish, verdict
from _race import Times, race, speed_ratio
from _sides import chosen_precision, described, overrides, program, side, stated, workload

CONFIG, BAR = "_photos.ini", 1.3


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data, work = write_photos(folder), workload(64)
        words = overrides(folder, data, work)
        precision = chosen_precision(CONFIG, words)
        sides = {
            "program": program(CONFIG, words + stated(precision)),
            "timm": side("timm", data=data, **work, **precision),
        }
        if python := os.environ.get("AUTO_TRAIN_BENCH_AUTOTIMM"):
            sides["AutoTimm float32"] = side("autotimm", python=python, data=data, **work, half=False)
            sides["AutoTimm bfloat16"] = side("autotimm", python=python, data=data, **work, half=True)
        times = race(sides, rounds=1, turns=8, steps=12, settle=8)
    is_met = judge(times, "timm", f"timm's loader in a bare loop, {described(precision)}")
    rivals = [name for name in sides if name.startswith("AutoTimm")]
    if not rivals:
        print("T6 program / AutoTimm: not measured, AUTO_TRAIN_BENCH_AUTOTIMM names no interpreter that has it")
        finish(is_met)
    fastest = max(rivals, key=lambda name: speed_ratio(times, name, "program")[1])
    finish(is_met, judge(times, fastest, f"{fastest}, the faster of two"))


def judge(times: Times, base: str, title: str) -> bool:
    low, middle, high = speed_ratio(times, "program", base)
    return verdict(f"T6 program / {title}", middle, BAR, detail=f"quartiles {low:.2f} to {high:.2f}")


if __name__ == "__main__":
    main()
