"""Real worker processes for tests: a function of this machine's Python, run in several of them at once."""

import multiprocessing
import os
import traceback
from collections.abc import Callable
from contextlib import nullcontext
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from auto_train.training.workers.rank_info import RENDEZVOUS
from tests.processes import server


def in_workers(
    count: int,
    folder: Path,
    function: Callable[..., Any],
    *args: Any,
    joins: bool = True,
    is_fresh: bool = False,
    timeout_s: float = 120,
) -> list[Any]:
    """Return what ``function(*args)`` returned in each of so many workers, in their order.

    Args:
        folder: for the file through which they meet.
        function: of a module.
        joins: runs it inside ``distributed.process_group()``.
        is_fresh: imports torch anew in each, for what it reads then; else they are forked from where it is.
    """
    context = multiprocessing.get_context("spawn") if is_fresh else server()
    environment = dict(os.environ)
    pipes = [context.Pipe(duplex=False) for _ in range(count)]
    processes = [
        context.Process(
            target=_run, args=(rank, count, folder, pipe[1], joins, environment, function, args), daemon=True
        )
        for rank, pipe in enumerate(pipes)
    ]
    for process in processes:
        process.start()
    try:
        found = []
        for (receiver, sender), process in zip(pipes, processes):
            sender.close()
            assert receiver.poll(timeout_s), f"{process.name} does not answer"
            result, error = receiver.recv()
            assert not error, error
            found.append(result)
            process.join(timeout_s)
        return found
    finally:
        for process in processes:
            process.kill()
            process.join()


def _run(
    rank: int,
    count: int,
    folder: Path,
    sender: Connection,
    joins: bool,
    environment: dict[str, str],
    function: Callable[..., Any],
    args: tuple[Any, ...],
) -> None:
    os.environ.clear()
    os.environ |= environment | {"RANK": str(rank), "WORLD_SIZE": str(count), "GLOO_SOCKET_IFNAME": "lo"}
    os.environ[RENDEZVOUS] = str(folder / "meeting")
    from auto_train.training.workers.distributed import process_group

    try:
        with process_group() if joins else nullcontext():
            result = function(*args)
        sender.send((result, ""))
    except BaseException:
        sender.send((None, traceback.format_exc()))
        raise
