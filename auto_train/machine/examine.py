"""What this installation has, lacks and reaches, and what of it is a problem."""

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from auto_train.cores import num_cores
from auto_train.errors import MissingError
from auto_train.machine.compute import Device, memory_mb, torch_devices
from auto_train.machine.licences import package_licences
from auto_train.machine.packages import CORE, OURS, extras, find_missing, packages
from auto_train.machine.places import Place, look_at_places

LIBRARIES = ("torch", "torchvision", "fastai", "timm", "onnx", "onnxruntime", "numpy", "pillow", "fastapi")
LITTLE_ROOM_MB = 1_000  # a pixel store and a few checkpoints
NEXT_STEPS = {
    "cache": "set AUTO_TRAIN_CACHE to a folder that can be written and has room",
    "mirror": "correct AUTO_TRAIN_MIRROR",
    "weights hub": "pretrained weights then come from AUTO_TRAIN_MIRROR, or from a file that the INI names",
    "temporary files": "set TMPDIR to a folder that can be written and has room",
    "working folder": "start from a folder that can be written and has room, or set [project] location",
}

Level = Literal["error", "warning"]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something that stops verbs (error) or may surprise (warning), with what to do."""

    level: Level
    message: str
    hint: str


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What was found.

    Args:
        versions: of python, this program and the libraries it stands on; none: not installed.
        platform: the system.
        cores: that this process may use.
        threads: that torch takes for one operation; none: there is no torch.
        memory_mb: of the machine, or of the control group it runs in.
        memory_free_mb: of it, free now.
        devices: that training can use, the one it takes first.
        extras: by name; none: installed, else the command that installs it.
        places: folders and addresses.
        problems: errors first.
    """

    versions: dict[str, str | None]
    platform: str
    cores: int
    threads: int | None
    memory_mb: int
    memory_free_mb: int
    devices: tuple[Device, ...]
    extras: dict[str, str | None]
    places: tuple[Place, ...]
    problems: tuple[Problem, ...]


def examine(*, offline: bool = False) -> Examination:
    """Look at this installation: imports torch, which takes seconds, and asks the hub of weights whether it is there.

    Args:
        offline: touch no network.
    """
    total, free = memory_mb()
    threads, devices = torch_devices()
    places = tuple(look_at_places(offline=offline))
    problems = [*_package_problems(), *place_problems(places), *compute_problems(num_cores(), threads, devices)]
    return Examination(
        versions={"python": platform.python_version(), **{name: _version(name) for name in (OURS, *LIBRARIES)}},
        platform=platform.platform(),
        cores=num_cores(),
        threads=threads,
        memory_mb=total,
        memory_free_mb=free,
        devices=devices,
        extras=_extras(),
        places=places,
        problems=tuple(sorted(problems, key=lambda problem: problem.level)),
    )


def _package_problems() -> Iterator[Problem]:
    """Yield what is missing or too old of the packages needed, and licences that bind what is built on them."""
    try:
        needed, licences = packages(), package_licences()
    except MissingError as error:
        yield Problem(level="error", message=error.message, hint=error.hint)
        return
    for package in (package for package in needed if package.wanted):
        have = f"{package.name} is {package.version}" if package.version else f"{package.name} is not installed"
        level: Level = "error" if CORE in package.used_by else "warning"
        message = f"{have}, but {package.wanted} is needed ({', '.join(package.used_by)})"
        yield Problem(level=level, message=message, hint=f"pip install '{package.wanted}'")
    for kind in ("copyleft", "unknown"):
        if names := [licence.name for licence in licences if licence.kind == kind]:
            message = f"licence {kind}: {', '.join(names)}"
            yield Problem(level="warning", message=message, hint="see: auto-train licenses")


def place_problems(places: tuple[Place, ...]) -> Iterator[Problem]:
    """Yield places that cannot be used or have little room."""
    for at in places:
        has_room = at.free_mb is None or at.free_mb >= LITTLE_ROOM_MB
        if at.is_usable is False or not has_room:
            level: Level = "error" if at.is_usable is False and at.what in ("cache", "temporary files") else "warning"
            note = at.note or f"only {at.free_mb} MB free"
            yield Problem(level=level, message=f"{at.what} {at.place}: {note}", hint=NEXT_STEPS[at.what])


def compute_problems(cores: int, threads: int | None, devices: tuple[Device, ...]) -> Iterator[Problem]:
    """Yield what keeps torch from the whole machine: a setting of its threads, a GPU that it does not see."""
    if threads is not None and threads < cores and "OMP_NUM_THREADS" in os.environ:
        message = f"torch takes {threads} of {cores} cores: OMP_NUM_THREADS={os.environ['OMP_NUM_THREADS']}"
        yield Problem(level="warning", message=message, hint="unset OMP_NUM_THREADS to let it take all")
    if Path("/dev/nvidia0").exists() and devices and not any(at.name.startswith("cuda") for at in devices):
        message = "there is an NVIDIA GPU that torch does not see"
        hint = "install a torch that is built for CUDA, and a driver that is new enough for it"
        yield Problem(level="warning", message=message, hint=hint)


def _extras() -> dict[str, str | None]:
    try:
        return {name: f"pip install '{OURS}[{name}]'" if find_missing(name) else None for name in extras()}
    except MissingError:
        return {}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
