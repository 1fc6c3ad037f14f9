"""Turn: the clock of a training that is measured in turns (see _race.py). Needs the standard library only."""

import os
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

LINK = "AUTO_TRAIN_BENCH_LINK"


class Turn:
    """Count and time the steps of one side; the call after the last step of a turn returns when the next turn begins.

    Args:
        synchronize: waits until the device has done what it was told; nothing to wait for on a CPU.
        **facts: what the script should know of this side, as plain values.
    """

    def __init__(self, synchronize: Callable[[], object] = lambda: None, **facts: Any):
        self.synchronize, self.link = synchronize, Connection(int(os.environ[LINK]))
        self.link.send(facts)
        self._wait()

    def step(self) -> None:
        """Note that a training step has ended."""
        if self.start is not None:
            self.left -= 1
            if not self.left:
                self.pause()
                self.link.send(self.seconds)
                self._wait()
            return
        # The end of a step that does not count is where counting begins.
        self.settle -= 1
        if self.settle <= 0:
            self.synchronize()
            self.start = time.perf_counter()

    def pause(self) -> None:
        """Note that a pass over the data has ended: nothing counts until the next one has made its first step."""
        if self.start is not None:
            self.synchronize()
            self.seconds += time.perf_counter() - self.start
            self.start = None

    def _wait(self) -> None:
        try:
            self.settle, self.left = self.link.recv()
        except EOFError:  # the script has ended
            os._exit(0)
        self.seconds, self.start = 0.0, None


def arguments() -> dict[str, str]:
    """Return the ``key=value`` words this program was started with."""
    return dict(word.split("=", 1) for word in sys.argv[1:])


def cuda_synchronize() -> None:
    """Wait for the GPU, if there is one."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()
