"""How a training ends that was not finished: what the user reads, and what to type next (docs/runs.md)."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager

from auto_train.errors import AutoTrainError, GateError, Interrupted, TrainingError
from auto_train.files import explain_full_disk
from auto_train.memory import is_out_of_memory
from auto_train.runs.folder import RunFolder


def command(folder: RunFolder, *words: str) -> str:
    """Return what to type to go on with a run.

    Args:
        words: put behind it as they are.
    """
    return " ".join([shlex.join(["python", "main.py", "train", "--resume", folder.shown]), *words])


@contextmanager
def add_next_step(folder: RunFolder) -> Iterator[None]:
    """Name the command that goes on, whatever ends the block.

    Raises:
        Interrupted: Ctrl-C or SIGTERM outside of the epochs, which save their state themselves.
        TrainingError: out of memory outside of the epochs, which go on with smaller batches.
    """
    try:
        with explain_full_disk(folder.path):
            yield
    except KeyboardInterrupt:
        saved = "what the last checkpoint holds is kept" if _has_checkpoint(folder) else "before the first checkpoint"
        raise Interrupted(f"interrupted; {saved}", where=str(folder.path), hint=_hint(folder)) from None
    except Interrupted as error:
        _add(error, _hint(folder))
        raise
    except (TrainingError, GateError) as error:
        _add(error, _hint(folder, "[section.key=value …]"))
        raise
    except (RuntimeError, MemoryError, OSError) as error:
        if not is_out_of_memory(error):
            raise
        advice = "end other programs, or take a smaller [training.scheme] batch_size"
        hint = f"{advice}\n  then {_hint(folder, '[section.key=value …]')}"
        raise TrainingError("out of memory", where=str(folder.path), hint=hint) from error


def _has_checkpoint(folder: RunFolder) -> bool:
    return (folder.checkpoints / "last.ckpt").is_file()


def _hint(folder: RunFolder, *words: str) -> str:
    return f"go on: {command(folder, *words)}"


def _add(error: AutoTrainError, hint: str) -> None:
    if hint not in error.hint:
        error.hint = f"{error.hint}\n  then {hint}" if error.hint else hint
