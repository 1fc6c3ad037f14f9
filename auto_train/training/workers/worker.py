"""One worker of launch.py: calls a function by name, tells the launcher what it hears, and never outlives it.

``python -m auto_train.training.workers.worker N``: the request is a JSON line on stdin; its end is the launcher's end.
Messages are JSON lines to the file descriptor N: ``progress``, ``log``, and at last ``result`` or ``error``.
"""

import dataclasses
import json
import os
import signal
import sys
import threading
import traceback
from importlib import import_module
from typing import Any, NoReturn

from auto_train.errors import AutoTrainError, Interrupted
from auto_train.types import Progress


def main() -> NoReturn:
    """Run the request and exit with the code of its outcome."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    launcher = _take_stdin()
    request = json.loads(_first_line(launcher))
    threading.Thread(target=_end_with, args=(launcher,), daemon=True).start()
    channel = Channel(int(sys.argv[1]))
    sys.argv = request["argv"]
    try:
        channel.send(result=_run(request, channel))
    except BaseException as error:  # noqa: BLE001 - the outermost handler; the launcher decides what to do
        channel.send(error=as_message(error))
        sys.exit(getattr(error, "exit_code", 1))
    sys.exit(0)


class Channel:
    """Messages to the launcher, one JSON object per line; from any thread."""

    def __init__(self, descriptor: int):
        self._file, self._lock = open(descriptor, "w", encoding="utf-8"), threading.Lock()  # noqa: SIM115

    def send(self, **message: Any) -> None:
        with self._lock:
            self._file.write(json.dumps(message, default=str) + "\n")
            self._file.flush()

    def progress(self, event: Progress) -> None:
        self.send(progress=dataclasses.asdict(event))

    def log(self, message: Any) -> None:
        self.send(log={"level": message.record["level"].name, "message": message.record["message"]})


def _run(request: dict[str, Any], channel: Channel) -> Any:
    from loguru import logger

    logger.remove()
    is_main = os.environ["RANK"] == "0"
    if is_main:  # the others would say the same
        logger.add(channel.log, level="WARNING", format="{message}")
    module, name = request["target"].split(":")
    result = getattr(import_module(module), name)(
        **request["arguments"], progress=channel.progress if is_main else None
    )
    return vars(result)


def as_message(error: BaseException) -> dict[str, Any]:
    """Return what the launcher needs to raise the error again; a bug brings its traceback along."""
    if isinstance(error, KeyboardInterrupt):
        error = Interrupted("interrupted")
    if isinstance(error, AutoTrainError):
        fields = ("message", "where", "allowed", "hint", "problems")
        return {"type": type(error).__name__, **{name: getattr(error, name) for name in fields if hasattr(error, name)}}
    text = f"{type(error).__name__}: {error}"
    message: dict[str, Any] = {"type": "", "message": text, "traceback": "".join(traceback.format_exception(error))}
    if isinstance(error, OSError) and error.errno:
        message["os"] = [error.errno, error.strerror, error.filename]
    return message


def _take_stdin() -> int:
    """Return a descriptor of stdin for ourselves; whoever reads stdin finds it empty."""
    taken = os.dup(0)
    with open(os.devnull) as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 0)
    return taken


def _first_line(descriptor: int) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        line += os.read(descriptor, 1) or b"\n"
    return line


def _end_with(launcher: int) -> None:
    """Wait until the launcher is gone, however that came, and end this process and all it has started."""
    while os.read(launcher, 1):
        pass
    os.killpg(0, signal.SIGKILL)  # the launcher gave each worker a process group of its own


if __name__ == "__main__":
    main()
