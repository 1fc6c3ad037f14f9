"""Where metrics go besides metrics.jsonl: base.py is the contract, and there is one file per service."""

from collections.abc import Iterable
from importlib import import_module

from auto_train.errors import MissingError, UsageError, did_you_mean
from auto_train.training.loggers.base import Logger
from auto_train.training.loggers.feed import Feed

# Each is a file of this folder with a function ``make(*, offline)`` and an extra of the package.
LOGGERS = ("mlflow", "tensorboard", "wandb")


def open_loggers(names: Iterable[str], *, offline: bool = False) -> Feed:
    """Return what hands metrics to the named services; their libraries are imported now, nothing is written yet.

    Args:
        names: of LOGGERS.
        offline: touch no network: what would go to a server stays in the run folder.

    Raises:
        MissingError: a library is not installed.
        UsageError: there is no such logger.
    """
    return Feed({name: _make(name, offline=offline) for name in dict.fromkeys(names)})


def _make(name: str, *, offline: bool) -> Logger:
    where = "[training] loggers"
    if name not in LOGGERS:
        raise UsageError(f"there is no logger '{name}'", where=where, allowed=did_you_mean(name, LOGGERS))
    try:
        module = import_module(f"auto_train.training.loggers.{name}")
    except ImportError as error:
        raise MissingError(
            f"the logger '{name}' cannot be used: {error}", where=where, hint=f"pip install 'auto-train[{name}]'"
        ) from error
    logger: Logger = module.make(offline=offline)
    return logger
