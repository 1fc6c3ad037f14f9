import os
from pathlib import Path
from typing import Any

import pytest
import torch

from auto_train.training.workers import distributed
from auto_train.training.workers.shared_memory import SharedSum
from tests.training.workers.spawned import in_workers

pytestmark = pytest.mark.skipif(os.uname().sysname != "Linux", reason="memory is shared on Linux only")


def add_up() -> dict[str, Any]:
    shared = SharedSum.of(7, torch.float64)
    assert shared is not None
    found = []
    for step in range(3):
        shared.mine[:] = torch.arange(7) + 100 * distributed.rank() + step
        shared.sum()
        found.append(shared.mine.tolist())
    with pytest.MonkeyPatch.context() as patch:
        if distributed.rank() == 1:
            patch.setattr(torch, "from_file", refuse)
        without = SharedSum.of(7, torch.float64)
    return {"sums": found, "without": without, "other": other_file()}


def other_file() -> Any:
    """Let something else lie at the place where one worker looks for the memory."""
    with pytest.MonkeyPatch.context() as patch:
        if distributed.rank() == 2:
            patch.setattr(os, "readlink", lambda path: "/some/file")
        return SharedSum.of(7, torch.float64)


def refuse(*args: Any, **options: Any) -> Any:
    raise RuntimeError("unable to open file")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return in_workers(3, tmp_path_factory.mktemp("shared"), add_up)


def test_vectors_of_three_workers_become_their_sum_step_by_step(results: list[dict[str, Any]]):
    expected = [[3.0 * (i + step) + 300 for i in range(7)] for step in range(3)]
    assert [worker["sums"] for worker in results] == [expected] * 3


def test_memory_that_one_worker_cannot_open_is_given_up_by_all(results: list[dict[str, Any]]):
    assert [worker["without"] for worker in results] == [None] * 3


def test_file_of_another_process_is_not_taken_for_the_memory(results: list[dict[str, Any]]):
    assert [worker["other"] for worker in results] == [None] * 3


def test_process_alone_shares_nothing(tmp_path: Path):
    assert SharedSum.of(7, torch.float32) is None
