"""How long the stages of ``optim.stages`` take (F3.22)."""

from collections.abc import Mapping, Sequence
from typing import Any

from auto_train.errors import UsageError


def stage_epochs(stages: Sequence[Mapping[str, Any]], max_epochs: int | None) -> list[int]:
    """Return the epochs of each stage.

    Args:
        stages: each with ``epochs``, or with ``until_epoch``, the last one it has, counted from 1; the last stage may
            have neither.
        max_epochs: of the whole training: what comes later is cut off, and the last stage goes on until then.

    Raises:
        UsageError: a length that is missing, given twice, or not after the stage before.
    """
    lengths, done = [], 0
    for number, stage in enumerate(stages):
        length = _length(stage, done, where=f"optim.stages[{number}]")
        if length is None and (max_epochs is None or number + 1 < len(stages)):
            raise UsageError(
                "it is not said how long this stage takes",
                where=f"optim.stages[{number}]",
                hint="give epochs or until_epoch; the last stage may do without if there is runner.max_epochs",
            )
        lengths.append(length or 0)
        done += lengths[-1]
    if max_epochs is None:
        return lengths
    lengths[-1] = max(max_epochs - sum(lengths[:-1]), 0)
    left = max_epochs
    for number, length in enumerate(lengths):
        lengths[number] = min(length, left)
        left -= lengths[number]
    return lengths


def _length(stage: Mapping[str, Any], done: int, *, where: str) -> int | None:
    epochs, until = stage.get("epochs"), stage.get("until_epoch")
    if epochs is not None and until is not None:
        raise UsageError("both epochs and until_epoch are given", where=where, hint="remove one of them")
    if until is None:
        return None if epochs is None else int(epochs)
    if until <= done:
        before = f"the stages before end with epoch {done}"
        raise UsageError(f"'{until}': {before}", where=f"{where}.until_epoch", allowed=f"> {done}")
    return int(until) - done
