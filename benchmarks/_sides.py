"""Commands of the sides of a race, and the overrides that give two of them the same work."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from _race import Side

from auto_train.cli.huge_pages import TUNABLES, is_given_on_request

HERE = Path(__file__).resolve().parent


def overrides(folder: Path, data: Path, work: Mapping[str, Any] = {}, **values: Any) -> list[str]:
    """Return ``section.key=value`` words: the folders, the work, and what is given as section__key=value.

    Args:
        work: model, px and bs, as far as the INI's are not meant.
    """
    # One store for all sides and rounds.
    os.environ["AUTO_TRAIN_CACHE"] = str(folder / "cache")
    words = [f"project.location={folder}/project", f"training.dir={data}"]
    keys = {"model": "architecture.backbone.model", "px": "architecture.image_size", "bs": "training.scheme.batch_size"}
    words += [f"{keys[name]}={value}" for name, value in work.items()]
    return words + [f"{name.replace('__', '.')}={value}" for name, value in values.items()]


def program(config: str, words: Sequence[str]) -> list[str]:
    """Return the command of the whole program, with the memory pages that `train` gives itself."""
    return [*huge_pages(), sys.executable, str(HERE / "_program.py"), f"--config={HERE / config}", *words]


def bare(config: str, words: Sequence[str]) -> list[str]:
    """Return the command of the bare loop on preloaded tensors: the limit, so it has the program's memory pages."""
    return [*huge_pages(), sys.executable, str(HERE / "_bare.py"), f"--config={HERE / config}", *words]


def huge_pages() -> list[str]:
    return ["env", *(f"{name}={value}" for name, value in TUNABLES.items())] if is_given_on_request() else []


def side(name: str, *, python: str = sys.executable, **arguments: Any) -> list[str]:
    """Return the command of the side in ``_<name>.py``, its arguments as words."""
    return [python, str(HERE / f"_{name}.py"), *(f"{key}={value}" for key, value in arguments.items())]


def chosen_precision(config: str, words: Sequence[str]) -> dict[str, bool]:
    """Return what the program finds fastest here for this model: whether in half precision, whether channels-last.

    Found once and then stated to all sides and rounds: the same work for both, whatever a busy moment would choose.
    """
    with Side(program(config, words)) as trial:
        facts = trial.ready().facts
    return {"half": facts["half"], "channels_last": facts["channels_last"]}


def stated(precision: Mapping[str, bool]) -> list[str]:
    """Return the overrides that state a precision."""
    half, channels_last = (str(precision[key]).lower() for key in ("half", "channels_last"))
    return [f"training.scheme.amp={half}", f"training.scheme.channels_last={channels_last}"]


def described(precision: Mapping[str, bool]) -> str:
    """Return it for people."""
    return f"{'half' if precision['half'] else 'float32'}{', channels-last' if precision['channels_last'] else ''}"


def workload(px: int) -> dict[str, Any]:
    """Return model and batch of a bar at this size: the reference machine's on a CPU, a larger net on a GPU."""
    import torch

    if torch.cuda.is_available():
        return {"model": "resnet50", "px": 224, "bs": 128}
    return {"model": "resnet18", "px": px, "bs": 32 if px == 224 else 64}
