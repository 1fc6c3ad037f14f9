"""P3: the data doctor on 10,000 photographs, against decoding the same files by Pillow on all cores; its memory.

Both start from 640 x 480 JPEG files in the file cache and take turns in one process. The doctor knows nothing of the
files: it sums them up, looks at every one, compares all with all, and writes its two reports. The memory is that of
`data check` as a process of its own, from start to end.
"""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from _data import write_photos
from _measure import ROOT, TRIAL, finish, verdict
from PIL import Image

from auto_train.cores import num_cores
from auto_train.data import assign_splits, read_samples
from auto_train.data.doctor import examine, look_at_all, write_data_report

IMAGES, PAIRS = (400, 2) if TRIAL else (10_000, 5)
INI = "[project]\nlocation = {folder}/project\n[training]\ndir = {data}\n"


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = write_many(folder)
        memory = peak_mb(folder, data)
        os.environ["AUTO_TRAIN_CACHE"] = f"{name}/cache"
        files = sorted(data.rglob("*.jpg"))
        plain(files), doctor(folder, data)
        pairs = [(timed(lambda: doctor(folder, data)), timed(lambda: plain(files))) for _ in range(PAIRS)]
    low, middle, high = statistics.quantiles([base / ours for ours, base in pairs], n=4)
    speed = len(files) / statistics.median(ours for ours, _ in pairs)
    detail = f"quartiles {low:.2f} to {high:.2f}, {speed:,.0f} images/s"
    finish(
        verdict("P3 data doctor / plain decode", middle, 0.8, detail=detail),
        verdict("P3 memory of data check, MB", memory, 300, at_most=True, detail=f"{len(files):,} images"),
    )


def write_many(folder: Path) -> Path:
    """Write the photographs as often as it takes, each time with another comment: the same pixels, another content."""
    data = write_photos(folder)
    photos = sorted(data.rglob("*.jpg"))
    for n in range(len(photos), IMAGES):
        photo = photos[n % len(photos)]
        content = photo.read_bytes()
        # A comment segment behind the start of the image: marker, length, text
        comment = b"\xff\xfe" + (10).to_bytes(2, "big") + f"{n:08d}".encode()
        photo.with_name(f"{photo.stem}_{n}.jpg").write_bytes(content[:2] + comment + content[2:])
    return data


def peak_mb(folder: Path, data: Path) -> float:
    """Return the most memory that `data check` takes, MB."""
    (folder / "photos.ini").write_text(INI.format(folder=folder, data=data), encoding="utf-8")
    env = os.environ | {"AUTO_TRAIN_CACHE": str(folder / "own_cache")}
    command = [sys.executable, "main.py", "data", "check", f"--config={folder / 'photos.ini'}"]
    subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000


def doctor(folder: Path, data: Path) -> None:
    shutil.rmtree(os.environ["AUTO_TRAIN_CACHE"], ignore_errors=True)
    samples = read_samples(data)
    looks = look_at_all(samples)
    samples = assign_splits(samples.with_column("sha256", looks.sums))
    write_data_report(examine(samples, looks), folder / "report")


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def plain(files: list[Path]) -> None:
    def decode(file: Path) -> None:
        with Image.open(file) as image:
            image.convert("RGB")

    with ThreadPoolExecutor(num_cores()) as pool:
        list(pool.map(decode, files))


if __name__ == "__main__":
    main()
