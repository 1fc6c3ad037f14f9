"""T9: most memory the program ever has (resident set), against a bare loop's plus the size of the pixel store.

Both are processes of their own, started by this one, which asks the kernel for their peaks. The bare loop imports
torch and timm and trains on one batch (_peak_bare.py): model, gradients, optimizer, activations. The program is `train`
from start to end with two epochs, evaluation, bundle and report; its store is mapped, so that pages of it that were
read count as resident, as long as the kernel has no better use for them. The export to ONNX is left out of the bar and
printed beside it: it is done after training, and what it takes is torch's exporter.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from _data import write_photos
from _measure import ROOT, finish, verdict
from _sides import HERE, chosen_precision, overrides, side, stated

CONFIG, BAR = "_photos.ini", 1.15


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = write_photos(folder, positions=1)
        finish(measure(folder, data, px=64, bs=64), measure(folder, data, px=224, bs=32))


def measure(folder: Path, data: Path, px: int, bs: int) -> bool:
    folder /= f"{px}px"
    words = overrides(folder, data, {"px": px, "bs": bs}, training__scheme__epochs=2)
    # Searching for it is part of the program; stated, both have the same.
    precision = chosen_precision(CONFIG, words)
    words += stated(precision)
    train = [sys.executable, "main.py", "train", f"--config={HERE / CONFIG}", *words]
    bare = [side("peak_bare", model="resnet18", px=px, bs=bs, fastai=fastai, **precision) for fastai in (False, True)]
    ours, base, with_fastai = map(peak_mb, (train, *bare))
    stores_mb = sum(path.stat().st_size for path in (folder / "cache").rglob("*.npy")) / 1e6
    exported = peak_mb([*train, "export.formats=[onnx]"])
    detail = f"{ours:.0f} MB against {base:.0f} + {stores_mb:.0f} MB; with export {exported:.0f} MB; "
    share = ours / (with_fastai + stores_mb)
    detail += f"{share:.3f} against a loop that imports fastai.learner too, {with_fastai:.0f} MB"
    return verdict(f"T9 peak memory, resnet18 {px} px", ours / (base + stores_mb), BAR, at_most=True, detail=detail)


def peak_mb(command: Sequence[str]) -> float:
    """Return the largest resident set a process has had, in MB."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return usage.ru_maxrss * 1024 / 1e6


if __name__ == "__main__":
    main()
