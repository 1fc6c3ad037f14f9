"""Every error a user can meet, as one tree.

AutoTrainError                 exit  http
├── UsageError                    2   400   a command or request that cannot be understood
│   ├── ConfigError               2   422   all problems of a config at once
│   └── TaskContractError         2   422   a recipe or a user's function breaks its contract
├── DataError                     3   422   the dataset cannot be trained on as it is
│   ├── DataRefusedError          3   422   the data doctor found errors in it
│   └── ImageError                3   415   one file that is no image we decode
│       └── ImageTooLargeError    3   413   an image of more pixels than allowed
├── TrainingError                 4   500   out of memory after retries, a full disk
│   ├── NotFiniteError            4   500   a loss or a weight that became NaN or infinite
│   └── WorkerLostError           4   500   another worker of a data-parallel training ended; it has the reason
├── GateError                     5   500   an exported variant that differs from its model
├── MissingError                  6   404   a file, a package, a network address
│   ├── DownloadError             6   502   a source that could not be fetched whole
│   └── OfflineError              6   404   all that is missing and only a network has
├── BundleError                   6   500   a bundle that is incomplete, altered or not trusted
├── CheckpointError               6   500   a checkpoint that is damaged, foreign, too new, or of another model
├── JobsError                     6   503   the table of jobs is locked, damaged, too new, or not ours to write
├── ServingError                  7   503   the service could not start
│   └── RequestError              -   4xx   one request refused (status given per case)
└── Interrupted                 130   503   Ctrl-C or SIGTERM, after the checkpoint was saved
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any


class AutoTrainError(Exception):
    """Say where, what was found, what is allowed and what to do next.

    Args:
        message: what is wrong, one sentence, the found value in quotes.
        where: file:line, ``[section] key`` or an absolute path.
        allowed: the allowed values or range, as text.
        hint: the next step: a command, a key, an extra to install.
    """

    exit_code = 1
    http_status = 500

    def __init__(self, message: str, *, where: str = "", allowed: str = "", hint: str = ""):
        self.message, self.where, self.allowed, self.hint = message, where, allowed, hint
        super().__init__(message)

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        if self.allowed:
            text += f" (allowed: {self.allowed})"
        return f"{text}\n  {self.hint}" if self.hint else text


class UsageError(AutoTrainError, ValueError):
    exit_code, http_status = 2, 400


class ConfigError(UsageError):
    """Carry every problem of a config; ``str()`` prints one per line.

    Args:
        problems: objects whose ``str()`` is ``file:line [section] key: message``.
    """

    http_status = 422

    def __init__(self, problems: Iterable[object]):
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class TaskContractError(UsageError):
    http_status = 422


class DataError(AutoTrainError, ValueError):
    exit_code, http_status = 3, 422


class DataRefusedError(DataError):
    """Carry the examination that found the errors.

    Args:
        examination: of the data doctor; none where the error comes from another process.
    """

    def __init__(self, message: str, *, examination: Any = None, **parts: str):
        super().__init__(message, **parts)
        self.examination = examination


class ImageError(DataError):
    http_status = 415


class ImageTooLargeError(ImageError):
    http_status = 413


class TrainingError(AutoTrainError, RuntimeError):
    exit_code = 4


class NotFiniteError(TrainingError):
    pass


class WorkerLostError(TrainingError):
    pass


class GateError(AutoTrainError, RuntimeError):
    exit_code = 5


class MissingError(AutoTrainError, FileNotFoundError):
    exit_code, http_status = 6, 404


class DownloadError(MissingError):
    http_status = 502


class OfflineError(MissingError):
    """Carry everything that is missing; ``str()`` prints one after another.

    Args:
        problems: the errors that each of them would have been.
    """

    def __init__(self, problems: Iterable[AutoTrainError]):
        self.problems = list(problems)
        count = f"{len(self.problems)} things are" if len(self.problems) > 1 else "something is"
        super().__init__("\n".join([f"{count} missing, and nothing is fetched offline:", *map(str, self.problems)]))


class BundleError(AutoTrainError, RuntimeError):
    exit_code = 6


class CheckpointError(AutoTrainError, RuntimeError):
    exit_code = 6


class JobsError(AutoTrainError, RuntimeError):
    exit_code, http_status = 6, 503


class ServingError(AutoTrainError, RuntimeError):
    exit_code, http_status = 7, 503


class RequestError(ServingError):
    """Refuse one request.

    Args:
        status: HTTP status, 400 to 504.
        type: the short name clients switch on, e.g. ``too_large``.
        headers: to send along, e.g. ``Retry-After``.
    """

    def __init__(self, message: str, *, status: int, type: str, hint: str = "", headers: dict[str, str] | None = None):
        super().__init__(message, hint=hint)
        self.http_status, self.type, self.headers = status, type, headers or {}


class Interrupted(AutoTrainError):
    exit_code, http_status = 130, 503


def did_you_mean(found: str, known: Sequence[str], *, limit: int = 8) -> str:
    """Return the text for an ``allowed`` part: the nearest names first, then the rest in order.

    Args:
        found: the name that is not known.
        known: the names that are.
        limit: how many names to print at most.
    """
    near = get_close_matches(found, known, n=3, cutoff=0.6)
    names = near + [name for name in sorted(known) if name not in near]
    shown = ", ".join(names[:limit]) + (f", … {len(names) - limit} more" if len(names) > limit else "")
    return f"did you mean '{near[0]}'? known: {shown}" if near else (shown or "nothing is registered")


def format_list(title: str, items: Sequence[object], limit: int = 20) -> str:
    """Return a title and its items, one a line, the first ``limit`` of them."""
    lines = [f"\n  - {item}" for item in items[:limit]]
    more = f"\n  … {len(items) - limit} more" if len(items) > limit else ""
    return f"{title}:{''.join(lines)}{more}"
