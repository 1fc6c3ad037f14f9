from typing import Any

import numpy as np
import pytest
import torch

from auto_train.errors import TaskContractError
from auto_train.training.average import Averages
from auto_train.training.workers import distributed
from auto_train.training.workers.collect import collect_averages, find_device, join_values
from tests.training.workers.spawned import in_workers

Cache = dict[str, Any]


def averages(*batches: dict[str, tuple[Any, int]]) -> Averages:
    found = Averages()
    for batch in batches:
        found.add(batch)
    return found


def passes() -> tuple[dict[str, float], dict[str, int], Cache]:
    """Pass over a block of seven samples each, the last worker over two, the tail."""
    rank, cache = distributed.rank(), {}
    samples = [list(range(7)), list(range(7, 9))][rank]
    cache = {"seen": samples, "scores": torch.tensor(samples, dtype=torch.float32), "number": len(samples)}
    if rank:
        cache["only here"] = ["x"]
    means = averages(*({"value": (torch.tensor(float(s)), 1)} for s in samples), {"rare": (2.0, rank)})
    whole, together = collect_averages(means, cache)
    return whole.means(), whole.counts, {**together, "scores": together["scores"].tolist()}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    return in_workers(2, tmp_path_factory.mktemp("passes"), passes)


def test_averages_of_workers_with_unequal_parts_are_those_of_all_samples(results: list[Any]):
    means, counts, _ = results[0]
    assert means == {"value": sum(range(9)) / 9, "rare": 2.0}
    assert counts == {"value": 9, "rare": 1}


def test_caches_of_workers_are_joined_in_the_order_of_the_samples(results: list[Any]):
    assert results[0][2] == {"seen": list(range(9)), "scores": list(range(9)), "number": 9, "only here": ["x"]}


def test_other_workers_keep_their_own_caches(results: list[Any]):
    assert results[1][2]["seen"] == [7, 8]


def test_process_alone_keeps_the_very_objects():
    means, cache = averages({"value": (1.0, 1)}), {"any": object()}
    assert collect_averages(means, cache) == (means, cache)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([[1], [2, 3]], [1, 2, 3]),
        ([(1,), (2,)], [1, 2]),
        ([{1, 2}, {2, 3}], {1, 2, 3}),
        ([2, 0.5], 2.5),
        ([np.float64(1), np.float64(2)], 3.0),
        ([torch.tensor(1), torch.tensor(2)], 3),
        ([{"a": [1]}, {"b": [2]}], {"a": [1], "b": [2]}),
    ],
)
def test_values_of_workers_are_joined_by_their_kind(values: list[Any], expected: Any):
    assert join_values(values, "epoch_cache") == expected


def test_arrays_of_workers_are_joined_along_their_first_axis():
    assert join_values([np.zeros((2, 3)), np.ones((1, 3))], "epoch_cache").shape == (3, 3)
    assert join_values([torch.zeros(2, 3), torch.ones(1, 3)], "epoch_cache").shape == (3, 3)


def test_device_of_a_value_is_that_of_its_first_tensor():
    there = torch.zeros(2, device="meta")
    assert find_device({"a": [1, {"b": (there,)}]}).type == "meta"
    assert find_device([1, "x"]).type == find_device(None).type == "cpu"


def test_value_that_cannot_be_joined_is_named():
    with pytest.raises(TaskContractError, match=r"epoch_cache\['curve'\] holds str, which workers cannot join"):
        join_values([{"curve": "a"}, {"curve": "b"}], "epoch_cache")
