"""Trainings that take turns: each is a process of its own, one moves at a time, a turn is a number of steps.

In one process two trainings would share an allocator and caches that a user's has for itself; one after the other they
would meet a machine that has changed. So all are started first, then make some steps each, in turn: A B A B. Before the
next side moves, the last one's loader processes have filled their queues and its threads have gone to sleep; the first
steps of a turn, which find those queues full, are not counted.
"""

import os
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from multiprocessing import Pipe
from typing import Any, Self

import psutil
from _measure import ROOT, TRIAL
from _turn import LINK

ANSWER_S = 900  # at most: a side may build a pixel store before it is ready, or compile a model
QUIET_SHARE, QUIET_EVERY_S, QUIET_MOST_S = 0.1, 0.1, 10.0

Times = dict[str, list[float]]


class Side:
    """A process with a training that waits for its turn.

    Args:
        command: starts a program that makes a Turn.
        **env: added to its environment.

    Attributes:
        facts: what its Turn was made with, once it is ready.
    """

    def __init__(self, command: Sequence[str], **env: str):
        self.link, other = Pipe()
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | env | {LINK: str(other.fileno())},
            pass_fds=[other.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )
        other.close()
        self.facts: dict[str, Any] = {}

    def ready(self) -> Self:
        """Wait until its training is about to begin."""
        self.facts = self._answer()
        return self

    def run(self, steps: int, settle: int = 1) -> float:
        """Return the mean seconds of ``steps`` steps, after ``settle`` that do not count."""
        self.link.send((settle, steps))
        seconds = self._answer()
        self._wait_until_quiet()
        return float(seconds) / steps

    def _answer(self) -> Any:
        try:
            if self.link.poll(ANSWER_S):
                return self.link.recv()
        except EOFError:
            pass
        raise self._lost()

    def _lost(self) -> RuntimeError:
        self.log.seek(0)
        lines = self.log.read().decode(errors="replace").splitlines()[-25:]
        return RuntimeError("\n".join([f"{self.process.args} ended, or gives no sign of life:", *lines]))

    def _wait_until_quiet(self) -> None:
        end, before = time.monotonic() + QUIET_MOST_S, self._cpu_s()
        while time.monotonic() < end:
            time.sleep(QUIET_EVERY_S)
            now = self._cpu_s()
            if now - before < QUIET_SHARE * QUIET_EVERY_S:
                return
            before = now

    def _cpu_s(self) -> float:
        total = 0.0
        process = psutil.Process(self.process.pid)
        for one in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                times = one.cpu_times()
                total += times.user + times.system
        return total

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):  # the whole session: loaders have processes of their own
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.link.close()
        self.log.close()


def race(
    commands: Mapping[str, Sequence[str]], *, rounds: int, turns: int, steps: int, settle: int = 1, warmup: int = 5
) -> Times:
    """Let the sides take turns and return each one's seconds per step, turn by turn.

    Args:
        rounds: times that all processes are started anew: where memory happens to lie is one process's luck.
        turns: of each side in each round.
        steps: counted steps of a turn.
        settle: steps at the beginning of a turn that are not counted.
        warmup: steps of each side before its first turn.
    """
    if TRIAL:
        rounds, turns, steps, settle, warmup = 1, 2, min(steps, 3), 1, 1
    times: Times = {name: [] for name in commands}
    for _ in range(rounds):
        with ExitStack() as stack:
            sides = {name: stack.enter_context(Side(command)) for name, command in commands.items()}
            for side in sides.values():
                side.ready()
            for side in sides.values():
                side.run(1, warmup)
            for _ in range(turns):
                for name, side in sides.items():
                    times[name].append(side.run(steps, settle))
    return times


def speed_ratio(times: Times, ours: str, base: str) -> tuple[float, float, float]:
    """Return the quartiles of base's seconds over ours, turn by turn: how many times faster ours is."""
    low, middle, high = statistics.quantiles(
        [theirs / mine for mine, theirs in zip(times[ours], times[base], strict=True)], n=4
    )
    return low, middle, high
