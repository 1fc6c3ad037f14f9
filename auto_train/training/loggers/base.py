"""Logger: a service that keeps the metrics of runs. What all of them have in common is in feed.py."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Protocol

Status = Literal["done", "interrupted", "failed"]


class Logger(Protocol):
    """Take one run's metrics to where people look at them.

    One object serves one run. ``start`` is called first and in the main thread, ``log`` and ``finish`` in another one,
    never two at a time. Any of them may raise whatever the service's library raises; feed.py knows what to do then.

    Attributes:
        next_step: what a user can do when ``start`` failed, one line.
    """

    next_step: str

    def start(self, run: Path, name: str, config: Mapping[str, object]) -> str:
        """Open the record of a run, or the same one again if the run is resumed.

        Args:
            run: the run folder; its name is the run's name. Local files go into a folder of the logger's own in it.
            name: the project, under which runs are compared.
            config: the resolved config: plain values by dotted key, ``training.scheme.epochs``.

        Returns:
            where a person finds the metrics: a folder or an address.
        """

    def log(self, row: Mapping[str, float], step: int) -> None:
        """Add the finite numbers of one epoch.

        Args:
            row: by the names of metrics.jsonl: ``lr``, ``train/loss``, ``valid/accuracy``.
            step: the epoch, counted from 1 over the whole training.
        """

    def finish(self, status: Status, metrics: Mapping[str, float]) -> None:
        """Close the record.

        Args:
            status: how the run ended.
            metrics: of the finished model, ``valid/accuracy``; kept apart from the epochs' as ``final/valid/accuracy``.
        """
