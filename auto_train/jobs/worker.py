"""The process that runs jobs, one after another, until none is due: ``python -m auto_train.jobs.worker jobs.sqlite``.

It starts each training as ``python -m auto_train train …`` in a session of its own, hands stop requests on as SIGTERM,
and records how it ended. It leaves the training alone with signals: who ends a whole process group, or the machine, has
told the training too, and a second SIGTERM would keep it from saving its state.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auto_train.errors import Interrupted, JobsError
from auto_train.jobs import files
from auto_train.jobs.job import ClaimedJob
from auto_train.jobs.jobs import Jobs
from auto_train.jobs.log import Log, Output

PROGRAM = (sys.executable, "-P", "-m", "auto_train", "train")
# Seconds between two looks whether the training has ended or is to be stopped.
LOOK_S = 0.5
# Seconds that a training which was asked to stop may take to save its state.
GRACE_S = 300.0
# Seconds between two attempts to record an end, and how many: a full disk is emptied, a lock is given back.
RETRY_S, RETRIES = 2.0, 1800


@dataclass(frozen=True, kw_only=True)
class End:
    """How a training ended, as the columns of the table say it."""

    state: str
    exit_code: int | None
    error: str = ""


class Worker:
    """Runs jobs.

    Args:
        jobs: whose queue it serves.
        program: what the words of an order are put behind.
        grace_s: time to save the state in, after which a training is killed.
    """

    def __init__(self, jobs: Jobs, *, program: Sequence[str] = PROGRAM, grace_s: float = GRACE_S):
        self.jobs, self.program, self.grace_s = jobs, program, grace_s
        self.is_told_to_end = False
        self.stopped_at: float | None = None

    def work(self) -> None:
        """Run jobs until none is due, or this process was told to end."""
        while not self.is_told_to_end and (claimed := self.jobs.claim()):
            with claimed.lock:
                end = self._run(claimed)
                self._record(claimed.number, end)

    def end_after_this(self, *signal_: Any) -> None:
        """Start no further job; handles signals."""
        self.is_told_to_end = True

    def _run(self, claimed: ClaimedJob) -> End:
        order, folder = claimed.order, self.jobs.folder(claimed.number)
        log = Log(folder / files.LOG)
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", **order.environment}
        try:
            process = subprocess.Popen(
                [*self.program, *order.words, "--json", f"--job={folder}"],
                cwd=order.cwd,
                env={name: value for name, value in environment.items() if value is not None},
                stdin=subprocess.PIPE,  # its end is our end, see training.py
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            return End(state="failed", exit_code=None, error=f"cannot be started: {error.strerror}: {error.filename}")
        assert process.stdin and process.stdout and process.stderr
        output = Output(log, process.stdout, process.stderr)
        self._watch(process, claimed.number)
        process.stdin.close()
        with suppress(ProcessLookupError, PermissionError):  # what it has started and left behind
            os.killpg(process.pid, signal.SIGKILL)
        output.wait(LOOK_S)
        end = self._end(process.returncode, output.said.get("error", {}).get("message", ""), folder)
        log.write(_read_last_words(end, output.said.get("run", {})).encode())
        return end

    def _watch(self, process: "subprocess.Popen[bytes]", number: int) -> None:
        """Wait for the end of a training, and ask it to stop where somebody wants that."""
        self.stopped_at = None
        with suppress(JobsError):
            self.jobs.has_started(number, process.pid)
        while True:
            with suppress(subprocess.TimeoutExpired):
                process.wait(LOOK_S)
                return
            if self.stopped_at is None and self._is_to_stop(number):
                self.stopped_at = time.monotonic()
                process.terminate()
            if self.stopped_at is not None and time.monotonic() - self.stopped_at > self.grace_s:
                process.kill()

    def _is_to_stop(self, number: int) -> bool:
        with suppress(JobsError):  # locked or on a full disk: asked again soon
            return self.jobs.is_to_stop(number)
        return False

    def _end(self, code: int, error: str, folder: Path) -> End:
        if code == 0:
            return End(state="done", exit_code=0)
        if code == Interrupted.exit_code or (self.stopped_at is not None and code == -signal.SIGTERM):
            return End(state="stopped", exit_code=code, error=error)
        step = files.describe_next_step(files.run_of(files.read_progress(folder)))
        if code < 0:
            state = "failed"
            text = f"its process was killed by {signal.Signals(-code).name}"
            if self.stopped_at is not None:
                state, text = "stopped", f"{text}: it had not saved its state after {self.grace_s:.0f} s"
            elif code == -signal.SIGKILL:
                text += "; if memory did not suffice: a smaller batch_size"
            return End(state=state, exit_code=code, error=f"{text}\n  {step}".strip())
        return End(state="failed", exit_code=code, error=error or f"it ended with exit code {code}; its log says more")

    def _record(self, number: int, end: End) -> None:
        """Write the end down, when the table can be written again at the latest."""
        for _ in range(RETRIES):
            with suppress(JobsError):
                self.jobs.has_ended(number, state=end.state, exit_code=end.exit_code, error=end.error)
                return
            if not self.jobs.path.exists():
                return
            time.sleep(RETRY_S)


def _read_last_words(end: End, run: dict[str, Any]) -> str:
    """Return what the log of a job ends with: the metrics, as the verb prints them, and the outcome."""
    metrics = {name: value for name, value in (run.get("metrics") or {}).items() if isinstance(value, int | float)}
    width = max(map(len, metrics), default=0)
    lines = [f"{name:{width}}  {value:.4f}" for name, value in metrics.items()]
    return "\n".join([*lines, f"{end.state}, exit code {end.exit_code}", ""])


def main() -> None:
    """Serve the queue of the table that is named, detached from whoever has started this."""
    if os.fork():
        os._exit(0)  # the one who waits for this process may go on
    worker = Worker(Jobs(sys.argv[1]))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, worker.end_after_this)  # a function: trainings too would ignore what is ignored
    try:
        worker.work()
    except JobsError as error:  # the outermost handler: into worker.log
        sys.exit(str(error))


if __name__ == "__main__":
    main()
