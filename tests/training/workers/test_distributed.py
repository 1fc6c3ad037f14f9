import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist

from auto_train.cores import num_cores
from auto_train.errors import TrainingError, UsageError, WorkerLostError
from auto_train.training.workers import distributed
from tests.training.workers.spawned import in_workers

Facts = list[dict[str, Any]]


def talk(folder: Path) -> dict[str, Any]:
    """Use everything workers can do together, and tell what each of them saw."""
    rank = distributed.rank()
    told: dict[str, Any] = {
        "rank": rank,
        "world": distributed.world_size(),
        "is_main": distributed.is_main(),
        "broadcast": distributed.broadcast_object({"from": rank, "weights": torch.full((2,), float(rank))})["weights"],
        "decided": distributed.on_main(lambda: os.getpid()),
        "pid": os.getpid(),
        "gathered": distributed.gather(rank * 10),
        "agree none": distributed.agree(False),
        "agree one": distributed.agree(rank == 1),
    }
    with distributed.main_first():
        if rank == 0:
            time.sleep(0.3)
            (folder / "prepared").write_text("by the first")
        told["prepared"] = (folder / "prepared").read_text()
    distributed.leave()
    told["broadcast"] = told["broadcast"].tolist()  # a tensor would travel as shared memory that ends with the process
    return told | {"rank after": distributed.rank(), "world after": distributed.world_size()}


@pytest.fixture(scope="module")
def talks(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    folder = tmp_path_factory.mktemp("talk")
    return in_workers(3, folder, talk, folder)


def test_workers_know_their_number_and_how_many_they_are(talks: Facts):
    assert [(t["rank"], t["world"], t["is_main"]) for t in talks] == [(0, 3, True), (1, 3, False), (2, 3, False)]


def test_workers_get_the_object_of_the_first(talks: Facts):
    assert [t["broadcast"] for t in talks] == [[0.0, 0.0]] * 3


def test_decision_is_made_by_the_first_worker_alone(talks: Facts):
    assert {t["decided"] for t in talks} == {talks[0]["pid"]} != {talks[1]["pid"]}


def test_gathered_values_are_in_the_workers_order_on_the_first(talks: Facts):
    assert [t["gathered"] for t in talks] == [[0, 10, 20], [10], [20]]


def test_agreement_is_reached_where_one_worker_wants_it(talks: Facts):
    assert [t["agree none"] for t in talks] == [False] * 3
    assert [t["agree one"] for t in talks] == [True] * 3


def test_main_first_lets_the_others_find_what_the_first_prepared(talks: Facts):
    assert [t["prepared"] for t in talks] == ["by the first"] * 3


def test_worker_that_left_knows_its_number_and_is_alone(talks: Facts):
    assert [(t["rank after"], t["world after"]) for t in talks] == [(0, 1), (1, 1), (2, 1)]


def meet_twice() -> list[Any]:
    found = []
    for _ in range(2):
        with distributed.process_group():
            found += [distributed.world_size(), distributed.broadcast_object(f"from {distributed.rank()}")]
            distributed.leave()
            found += [distributed.world_size(), os.environ["WORLD_SIZE"]]
        found += [os.environ["WORLD_SIZE"], distributed.rank()]
    return found


def test_workers_that_have_parted_meet_again(tmp_path: Path):
    first, second = in_workers(2, tmp_path, meet_twice, joins=False)
    assert first == [2, "from 0", 1, "1", "2", 0] * 2
    assert second == [2, "from 0", 1, "1", "2", 1] * 2


def test_process_alone_needs_no_others():
    with distributed.process_group():
        assert (distributed.rank(), distributed.world_size(), distributed.is_main()) == (0, 1, True)
        assert distributed.on_main(lambda: 3) == 3
        assert distributed.gather("x") == ["x"]
        assert distributed.agree(True) and not distributed.agree(False)
        with distributed.main_first():
            distributed.barrier()
    assert not dist.is_initialized()


# Threads


def threads() -> tuple[int, int]:
    distributed.barrier()  # one that leaves while the other still joins looks lost to it
    return torch.get_num_threads(), num_cores()


@pytest.mark.parametrize(("setting", "expected"), [("", None), ("2", 2)])
def test_worker_computes_on_its_share_of_the_cores_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, expected: int | None
):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if setting:
        monkeypatch.setenv("OMP_NUM_THREADS", setting)
    (found, cores), _ = in_workers(2, tmp_path, threads, is_fresh=True)
    assert found == (expected or max(1, cores // 2))


def test_threads_are_given_back_to_a_process_that_trains_on_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "1")
    before = torch.get_num_threads()
    with distributed.process_group():
        pass
    assert torch.get_num_threads() == before


# A worker that is gone


def lose(ask: Callable[[], Any]) -> str:
    """Let worker 1 vanish and tell what worker 0 is told when it asks for it."""
    if distributed.rank() == 1:
        os.kill(os.getpid(), 9)
    with pytest.raises(WorkerLostError) as caught, distributed.explain_lost_worker("the next step"):
        ask()
    return str(caught.value)


def reduce() -> None:
    for _ in range(2):  # the first message may still fit into the connection
        dist.all_reduce(torch.ones(1_000_000))


@pytest.mark.parametrize("ask", [distributed.barrier, reduce])
def test_worker_that_vanishes_is_noticed_at_once(tmp_path: Path, ask: Callable[[], Any]):
    began = time.monotonic()
    with pytest.raises(EOFError):  # of worker 1
        in_workers(2, tmp_path, told_in_file, lose, tmp_path / "told", ask)
    assert time.monotonic() - began < 60
    text = "another worker of this training has ended or does not answer\n  the next step"
    assert (tmp_path / "told").read_text() == text


def told_in_file(function: Any, file: Path, *args: Any) -> None:
    file.write_text(function(*args))


def test_error_of_another_kind_passes_unchanged():
    with pytest.raises(RuntimeError, match="shapes") as caught, distributed.explain_lost_worker():
        raise RuntimeError("shapes cannot be multiplied")
    assert not isinstance(caught.value, TrainingError)


def test_more_workers_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="2 workers on 1 GPUs"), distributed.process_group():
        pass
