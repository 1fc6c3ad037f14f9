"""One worker process as its launcher sees it: its start, its words and its end. Its own side: worker.py."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from auto_train import errors
from auto_train.errors import TrainingError
from auto_train.training.workers.rank_info import RENDEZVOUS

# Last lines of a worker's stderr that are shown when it ended without a message.
TAIL_LINES = 10


class WorkerProcess:
    """A worker that runs.

    Stdout and stderr of the first worker are ours; the others' go nowhere, and into a file.

    Args:
        rank: its number, 0 to world - 1.
        world: workers in all.
        folder: where they meet.
        request: what worker.py is to do.

    Attributes:
        name: for people, who count from 1.
        result: what its function returned.
        error: what it raised, or how it died.
        is_over: the process has ended.
        has_died: without a result or an error.
    """

    def __init__(self, rank: int, world: int, folder: Path, request: Mapping[str, Any]):
        self.rank, self.name = rank, f"worker {rank + 1} of {world}"
        self.result: dict[str, Any] | None = None
        self.error: BaseException | None = None
        self.is_over, self.has_died, self._unread = False, False, b""
        self._stderr = folder / f"stderr-{rank}"
        self.messages, writer = os.pipe()
        os.set_blocking(self.messages, False)
        with self._stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                # -P: the import path is ours, which the environment names
                [sys.executable, "-P", "-m", "auto_train.training.workers.worker", str(writer)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL if rank else None,
                stderr=stderr if rank else None,
                pass_fds=[writer],
                start_new_session=True,  # Ctrl-C reaches the workers through the launcher alone, and once
                env=_environment(rank, world, folder),
            )
        os.close(writer)
        assert self.process.stdin
        with suppress(BrokenPipeError):  # it is dead already, which is noticed later
            self.process.stdin.write(json.dumps(request, default=str).encode() + b"\n")
            self.process.stdin.flush()

    def read_messages(self) -> Iterator[dict[str, Any]]:
        """Yield the messages that have come since the last call."""
        with suppress(BlockingIOError):
            while part := os.read(self.messages, 1 << 16):
                self._unread += part
        *lines, self._unread = self._unread.split(b"\n")
        yield from map(json.loads, lines)

    def signal(self, number: int) -> None:
        """Send a signal to the worker alone: what it has started is its business."""
        if not self.is_over:
            self.process.send_signal(number)

    def has_ended(self) -> bool:
        """Tell whether the process has ended; then nothing is left of what it had started either."""
        if self.process.poll() is None:
            return False
        self._kill_group()
        self.is_over = True
        return True

    def make_death_error(self) -> TrainingError:
        """Return the error of a process that ended without a message."""
        code = self.process.returncode
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        tail = self._stderr.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
        said = "".join(f"\n    {line}" for line in tail)
        is_memory = code == -signal.SIGKILL
        hint = "if memory did not suffice: fewer workers, or a smaller batch_size" if is_memory else ""
        return TrainingError(f"{self.name} {how}" + (f"; its last words:{said}" if said else ""), hint=hint)

    def end(self) -> None:
        """Kill the process, if it still runs, and all it has started, and wait until they are gone."""
        if not self.is_over:
            self._kill_group()
            self.process.wait()
            self.is_over = True
        assert self.process.stdin
        if not self.process.stdin.closed:
            with suppress(BrokenPipeError):
                self.process.stdin.close()
            os.close(self.messages)

    def _kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):  # macOS says the latter where all have ended
            os.killpg(self.process.pid, signal.SIGKILL)


def _environment(rank: int, world: int, folder: Path) -> dict[str, str]:
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": world, "LOCAL_WORLD_SIZE": world}
    own = {name: str(value) for name, value in place.items()}
    imports = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
    own |= {RENDEZVOUS: str(folder / "meeting"), "PYTHONPATH": imports}
    if sys.platform == "linux":
        # All are on this machine: nothing has to be heard from outside, and no host name to be resolved.
        own["GLOO_SOCKET_IFNAME"] = "lo"
    return {**os.environ, **own}


def restore_error(message: Mapping[str, Any], worker: str) -> BaseException:
    """Return the error that a worker has described (worker.py, as_message).

    Args:
        worker: its name, told of errors that are no message to the user.
    """
    if not message["type"]:
        error = OSError(*message["os"]) if "os" in message else RuntimeError(f"{worker}: {message['message']}")
        error.add_note(message["traceback"])
        return error
    kind = getattr(errors, message["type"], TrainingError)
    if issubclass(kind, errors.ConfigError):
        return kind(message["problems"])
    known: BaseException = kind(message["message"], **{name: message[name] for name in ("where", "allowed", "hint")})
    return known
