"""The checkpoint files of a folder, as a training that goes on from one of them must find them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auto_train.training.runs.files import linked


def settle_checkpoints(folder: Path, checkpoint: Path, state: Mapping[str, Any]) -> None:
    """Let best.ckpt be the best so far, and last.ckpt a checkpoint of this folder that is to be gone on from.

    Args:
        folder: of the two.
        checkpoint: the file; that of another folder brings the best.ckpt beside it along.
        state: its content.
    """
    last, best, runner = folder / "last.ckpt", folder / "best.ckpt", state["runner"]
    is_here, beside = checkpoint.parent.resolve() == folder.resolve(), checkpoint.with_name("best.ckpt")
    if is_here and checkpoint.name != last.name:
        linked(checkpoint, last)  # what came after is given up, also if this process is killed now
    if runner["best_epoch"] == runner["epoch"] > 0 and not runner["iter"]:
        linked(checkpoint, best)  # the one beside it is older, if it was killed between the writing of the two
    elif not is_here and beside.is_file():
        linked(beside, best)
