"""Batches of a kind of its own, and several workers, through QPipeline (F3.11, F3.17, F3.18)."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, DistributedSampler

from auto_train.training import QPipeline, qTaskBase
from auto_train.training.workers.shard import ShardSampler
from tests.training.line import Line, arguments, checkpoint, data, last, line_model, pipeline, weights
from tests.training.workers.spawned import in_workers


class Graphs:
    """Several small graphs in one batch.

    Args:
        nodes: (N, 1) features.
        graph: (N,) the graph of each node.
        energy: (G,) targets.
    """

    def __init__(self, nodes: torch.Tensor, graph: torch.Tensor, energy: torch.Tensor):
        self.nodes, self.graph, self.energy = nodes, graph, energy

    def to(self, device: torch.device) -> "Graphs":
        return Graphs(self.nodes.to(device), self.graph.to(device), self.energy.to(device))

    def to_dtype(self, dtype: torch.dtype) -> "Graphs":
        return Graphs(self.nodes.to(dtype), self.graph, self.energy.to(dtype))


class Energies(qTaskBase):
    """Learn a graph's energy, the sum of 2x + 1 over its nodes, and its slope at each node, which is 2."""

    eval_needs_grad = True

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.train_loader = [self.batch(generator) for _ in range(20)]
        self.val_loader = [self.batch(generator) for _ in range(4)]

    @staticmethod
    def batch(generator: torch.Generator) -> Graphs:
        nodes, graph = torch.rand(10, 1, generator=generator), torch.tensor([0, 0, 0, 1, 1, 1, 1, 1, 2, 2])
        energy = torch.zeros(3).index_add(0, graph, (2 * nodes + 1).flatten())
        return Graphs(nodes, graph, energy)

    def batch_forward(self, model: nn.Module, batch: Graphs) -> dict[str, Any]:
        nodes = batch.nodes.requires_grad_()
        energy = nodes.new_zeros(3).index_add(0, batch.graph, model(nodes).flatten())
        (slope,) = torch.autograd.grad(energy.sum(), nodes, create_graph=True)
        return {"energy": energy, "slope": slope}

    def batch_metric(self, out: dict[str, Any], batch: Graphs) -> dict[str, Any]:
        error = (out["energy"] - batch.energy).abs()
        return {"energy": (error.mean(), 3), "slope": ((out["slope"] - 2).abs().mean(), 10)}

    def batch_loss(self, out: dict[str, Any], batch: Graphs, loss_fn: Any) -> dict[str, Any]:
        target = {"energy": batch.energy, "slope": torch.full_like(out["slope"], 2.0)}
        return {"loss": (loss_fn(out, target), 3)}

    def post_metric_to_err(self, result: dict[str, float]) -> float:
        return result["energy"] + result["slope"]


def test_graphs_with_forces_train_in_double_precision(tmp_path: Path):
    values = {
        "model__dtype": "float64",
        "optim__loss": "comboloss",
        "optim__loss_params": {"energy": ["mse", 1.0], "slope": ["l2mae", 0.1]},
        "optim__optimizer_params": {"lr": 0.02},
    }
    pipe = pipeline(tmp_path, Energies(), runner__max_epochs=30, **values)
    result = pipe.fit()
    assert weights(pipe.model) == pytest.approx([2.0, 1.0], abs=0.05) and result["best_monitored_metric"] < 0.1
    assert pipe.model.weight.dtype == torch.float64


def worker_training(folder: str, *, workers: int) -> tuple[dict[str, Any], list[float], dict[str, Any]]:
    """Train in this process, one of so many, on batches of 8 points of all of them together."""

    class Divided(Line):
        def __init__(self) -> None:
            super().__init__()
            sampler = DistributedSampler(data(), shuffle=True, seed=5) if workers > 1 else Whole(data())
            self.train_loader = DataLoader(data(), batch_size=8 // workers, sampler=sampler)
            self.val_loader = DataLoader(data(), batch_size=8, sampler=ShardSampler(data()))

    args = arguments(Path(folder), ddp_detect=workers > 1, optim__ema_params={"ema": True})
    pipe = QPipeline(args, task=Divided(), model=line_model())
    result = pipe.fit()
    place = {key: args[key] for key in ("rank", "world_size", "distributed")} | {
        "infer": pipe.infer(pipe.task.val_loader)
    }
    return result, weights(pipe.model), place


class Whole(DistributedSampler[Any]):
    """The order that several workers have together: sample by sample of each in turn."""

    def __init__(self, dataset: Any):
        super().__init__(dataset, num_replicas=1, rank=0, shuffle=True, seed=5)


def test_workers_train_as_one_process_would(tmp_path: Path):
    results = in_workers(2, tmp_path, partial(worker_training, workers=2), str(tmp_path / "two"))
    result, expected, alone = worker_training(str(tmp_path / "one"), workers=1)
    best = result.pop("best_monitored_metric")
    assert [found.pop("best_monitored_metric") for found, _, _ in results] == [pytest.approx(best)] * 2
    assert [found for found, _, _ in results] == [result, result]
    for _, found, _ in results:
        assert found == pytest.approx(expected, abs=1e-6)
    places = [place for _, _, place in results]
    assert [place["rank"] for place in places] == [0, 1]
    assert all(place["world_size"] == 2 and place["distributed"] for place in places)
    assert all(place["infer"] == pytest.approx(alone["infer"]) for place in places)
    one, two = (checkpoint(tmp_path / name) for name in ("one", "two"))
    assert one.keys() == two.keys() and one["model"].keys() == two["model"].keys()
    resumed = pipeline(tmp_path / "two", runner__max_epochs=4, ckp_file=last(tmp_path / "two"))
    assert resumed.fit()["final_epoch"] == 4
