"""The checkpoint files of a folder, as a training that goes on from one of them must find them."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from auto_train.files import link_file

# Those that RegularCheckpoints keeps.
KEPT = re.compile(r"(epoch|step)_(\d+)\.ckpt")


def settle_checkpoints(folder: Path, checkpoint: Path, state: Mapping[str, Any]) -> None:
    """Let best.ckpt be the best so far, and last.ckpt a checkpoint of this folder that is to be gone on from.

    Args:
        folder: of the two.
        checkpoint: the file; that of another folder brings the best.ckpt beside it along.
        state: its content. Where the file of its best epoch is gone, it forgets that there was one.
    """
    last, best, runner = folder / "last.ckpt", folder / "best.ckpt", state["runner"]
    is_here, beside = checkpoint.parent.resolve() == folder.resolve(), checkpoint.with_name("best.ckpt")
    if is_here and checkpoint.name != last.name:
        link_file(checkpoint, last)  # what came after is given up, also if this process is killed now
    if state["best"]["value"] is None:
        _forget_best(best, state)  # an earlier version let an epoch of NaN be the best
    elif runner["best_epoch"] == runner["epoch"] > 0 and not runner["iter"]:
        link_file(checkpoint, best)  # the one beside it is older, if it was killed between the writing of the two
    elif KEPT.fullmatch(checkpoint.name):
        _find_best(best, beside, state)
    elif not is_here and beside.is_file():
        link_file(beside, best)


def _find_best(best: Path, beside: Path, state: Mapping[str, Any]) -> None:
    """Bring back the best epoch of a checkpoint that was kept: what is the best beside it may have come later."""
    epoch = state["runner"]["best_epoch"]
    places = (beside, beside.with_name(f"epoch_{epoch}.ckpt"))
    if found := next((place for place in places if epoch and _epoch_of(place) == epoch), None):
        if found != best:
            link_file(found, best)
    else:
        _forget_best(best, state)


def _forget_best(best: Path, state: Mapping[str, Any]) -> None:
    best.unlink(missing_ok=True)
    state["best"].update({"value": None, "epoch": 0, "pass": 0, "metrics": {}})
    state["runner"].update(best_epoch=0, best_metric=None)


def _epoch_of(checkpoint: Path) -> int | None:
    if not checkpoint.is_file():
        return None
    number: int = torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)["runner"]["epoch"]
    return number


def drop_kept(folder: Path, runner: Mapping[str, Any] | None) -> None:
    """Remove the kept checkpoints of a folder that came after the place a training goes on from.

    Args:
        runner: what the checkpoint says of the place; None: a training from the beginning.
    """
    for path in folder.glob("*_*.ckpt"):
        if (match := KEPT.fullmatch(path.name)) and int(match[2]) > (runner[match[1]] if runner else 0):
            path.unlink()
