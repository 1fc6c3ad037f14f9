"""The one place where an error becomes a message on stderr and an exit code."""

import errno
import tempfile
import time
import traceback
from contextlib import suppress
from pathlib import Path

import typer

from auto_train.cli.output import emit, nobody_reads, say
from auto_train.errors import AutoTrainError, Interrupted, MissingError, UsageError

# what the machine lacks (room, rights): not a bug, and not worth a traceback
MACHINE_LIMITS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT}


def report(error: BaseException, words: list[str]) -> int:
    """Tell the user what went wrong and what to do next.

    Args:
        error: what ended the verb.
        words: the command line; with ``--json`` the error is a JSON line on stdout too, with ``--debug`` a bug's
            traceback is shown.

    Returns:
        The exit code.
    """
    known = _to_known_error(error)
    text = str(known) if known else _describe_bug(error, words)
    label, colour = ("stopped: ", "yellow") if isinstance(known, Interrupted) else ("error: ", "red")
    code = known.exit_code if known else AutoTrainError.exit_code
    with suppress(BrokenPipeError):
        say(label, fg=colour, bold=True, nl=False)  # plain where stderr is no terminal
        typer.echo(text, err=True)
        if "--json" in words:
            _print_json(known or error, text, code)
    nobody_reads()
    return code


def _to_known_error(error: BaseException) -> AutoTrainError | None:
    if isinstance(error, AutoTrainError):
        return error
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return Interrupted("interrupted")
    if isinstance(error, typer.TyperException):
        context = getattr(error, "ctx", None)
        hint = f"see: {context.command_path} --help" if context else ""
        return UsageError(error.format_message(), hint=hint)
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("auto_train"):
        return MissingError(
            f"the package '{error.name}' is not installed", hint="what else is missing: auto-train doctor"
        )
    if isinstance(error, OSError) and error.errno in MACHINE_LIMITS:
        return MissingError(f"{error.strerror}", where=str(error.filename or ""))
    return None


def _describe_bug(error: BaseException, words: list[str]) -> str:
    trace = "".join(traceback.format_exception(error))
    line = f"this is a bug of ours: {type(error).__name__}: {error}"
    if "--debug" in words:
        return f"{line}\n{trace}"
    log = Path(tempfile.gettempdir()) / f"auto-train-{time.strftime('%Y%m%d-%H%M%S')}-{id(error):x}.log"
    try:
        log.write_text(f"{words}\n{trace}", encoding="utf-8")
    except OSError:  # a full disk must not hide the error
        return f"{line}\n{trace}"
    return f"{line}\n  the traceback is in {log}; --debug shows it here"


def _print_json(error: BaseException, text: str, code: int) -> None:
    problems = [str(problem) for problem in getattr(error, "problems", [])]
    hint = getattr(error, "hint", "")
    emit("error", error=type(error).__name__, exit_code=code, message=text, hint=hint, problems=problems)
