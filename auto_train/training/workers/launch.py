"""Several workers on this machine as one call: started together, stopped together, one result or one error.

Several machines are started by torchrun or srun instead: rank_info.py reads what those say.
"""

import selectors
import shlex
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from auto_train.errors import AutoTrainError, Interrupted, UsageError, WorkerLostError
from auto_train.runs.folder import RunFolder
from auto_train.training.workers.launched import WorkerProcess, restore_error
from auto_train.training.workers.rank_info import RankInfo
from auto_train.types import Listener, Progress

# Seconds that the other workers have to notice the end of one and to note it in the run; then they are killed.
GRACE_S = 5.0
# Seconds between two looks whether a worker has ended without a word.
LOOK_S = 0.1


def launch(
    target: str,
    arguments: Mapping[str, Any],
    *,
    workers: int,
    listener: Listener | None = None,
    grace_s: float = GRACE_S,
) -> dict[str, Any]:
    """Call a function in so many workers and return the first one's result, a dataclass, as a dict.

    Stdout and stderr of the first worker are ours; of the others they are shown when one of them ends without a
    message. SIGINT and SIGTERM go to all. No worker outlives this call, nor this process, however that ends.

    Args:
        target: ``module:function``; it is called with the arguments and ``progress``.
        arguments: what JSON can hold.
        workers: how many, 1 or more.
        listener: hears the first worker's progress.
        grace_s: how long the others may take to notice the end of one.

    Raises:
        UsageError: this process is a worker itself.
        TrainingError: a worker was killed or crashed; the message says how, and how to go on.
        Exception: what a worker raised, the first that did.
    """
    if workers < 1:
        raise UsageError(f"{workers} workers", allowed="1 or more")
    if place := RankInfo.from_environment():
        raise UsageError(
            f"this process is worker {place.rank + 1} of {place.world} already",
            hint="leave --workers out: torchrun or srun has started the workers",
        )
    request = {"target": target, "arguments": dict(arguments), "argv": sys.argv}
    with tempfile.TemporaryDirectory(prefix="auto-train-") as folder:
        crew = _Crew(listener, grace_s)
        try:
            with crew.forward_signals():
                crew.start(workers, Path(folder), request)
                return crew.outcome()
        finally:
            crew.end()


class _Crew:
    """The workers of one call.

    Attributes:
        failed: workers that ended with an error, in the order in which that was noticed.
        run: the run folder, as soon as the first worker has told it.
    """

    def __init__(self, listener: Listener | None, grace_s: float):
        self.listener, self.grace_s = listener, grace_s
        self.workers: list[WorkerProcess] = []
        self.failed: list[WorkerProcess] = []
        self.run: Path | None = None
        self.signals: list[int] = []
        self.deadline = float("inf")

    def start(self, count: int, folder: Path, request: Mapping[str, Any]) -> None:
        for rank in range(count):
            self.workers.append(WorkerProcess(rank, count, folder, request))
        for number in self.signals:  # one that came meanwhile has not reached all
            self._forward(number)

    @contextmanager
    def forward_signals(self) -> Iterator[None]:
        """Hand SIGINT and SIGTERM on; after the second one the workers have a few seconds left."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def take(number: int, frame: FrameType | None) -> None:
            self.signals.append(number)
            if len(self.signals) > 1:
                self._hurry()
            self._forward(number)

        previous = {number: signal.signal(number, take) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _forward(self, number: int) -> None:
        for worker in self.workers:
            worker.signal(number)

    def outcome(self) -> dict[str, Any]:
        """Wait for the workers' ends; return the result or raise the error."""
        with selectors.DefaultSelector() as selector:
            for worker in self.workers:
                selector.register(worker.messages, selectors.EVENT_READ)
            while selector.get_map() and time.monotonic() < self.deadline:
                selector.select(LOOK_S)
                for worker in self.workers:
                    if not worker.is_over:
                        self._look_at(worker)
                        if worker.is_over:
                            selector.unregister(worker.messages)
        result = self.workers[0].result
        if self.failed or result is None:
            raise self._find_reason()
        return result

    def _look_at(self, worker: WorkerProcess) -> None:
        has_ended = worker.has_ended()  # before reading: after its end nothing comes any more
        for message in worker.read_messages():
            self._take(worker, message)
        if has_ended and worker.result is None and worker.error is None:
            worker.has_died = True
            is_answer = -worker.process.returncode in self.signals
            self._fail(worker, Interrupted("interrupted") if is_answer else worker.make_death_error())
        elif has_ended and worker.rank == 0:
            self._hurry()  # The others may end long before, the first evaluates and exports alone; but not after it.

    def _take(self, worker: WorkerProcess, message: Mapping[str, Any]) -> None:
        match message:
            case {"progress": fields}:
                event = Progress(**{**fields, "run": fields["run"] and Path(fields["run"])})
                self.run = event.run or self.run
                if self.listener:
                    self.listener(event)
            case {"log": {"level": level, "message": text}}:
                from loguru import logger

                logger.log(level, text)
            case {"error": error}:
                self._fail(worker, restore_error(error, worker.name))
            case {"result": result}:
                worker.result = result

    def _fail(self, worker: WorkerProcess, error: BaseException) -> None:
        worker.error = error
        self.failed.append(worker)
        if not isinstance(error, Interrupted):  # then a checkpoint is being written, which takes what it takes
            self._hurry()

    def _hurry(self) -> None:
        self.deadline = min(self.deadline, time.monotonic() + self.grace_s)

    def _find_reason(self) -> BaseException:
        """Return the error that ended the others too: a failure before an interrupt before a lost neighbour."""

        def weight(worker: WorkerProcess) -> tuple[bool, bool, bool]:
            is_lost, is_interrupt = (isinstance(worker.error, kind) for kind in (WorkerLostError, Interrupted))
            # Of interrupts the first worker's says where the state is; of failures the one that came first counts.
            return is_lost, is_interrupt, is_interrupt and worker.rank > 0

        self.end()
        worker = min(self.failed, key=weight, default=None)
        # None: the second signal's deadline has passed.
        error = worker.error if worker else Interrupted("the workers were stopped before they had saved their state")
        assert error is not None
        if self.run:
            _correct_status(self.run, error)
            if isinstance(error, AutoTrainError) and (worker is None or worker.has_died):
                words = [
                    "python",
                    "main.py",
                    "train",
                    "--resume",
                    RunFolder(self.run).shown,
                    "--workers",
                    len(self.workers),
                ]
                resume = f"go on: {shlex.join(map(str, words))}"
                error.hint = f"{error.hint}\n  {resume}" if error.hint else resume
        return error

    def end(self) -> None:
        """Leave no process behind."""
        for worker in self.workers:
            worker.end()


def _correct_status(run: Path, error: BaseException) -> None:
    """Write how a run ended, where no worker could do it any more."""
    folder = RunFolder(run)
    with suppress(AutoTrainError, OSError):
        if folder.status == "running":
            folder.set_status("interrupted" if isinstance(error, Interrupted) else "failed")
