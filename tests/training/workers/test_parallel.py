"""A Learner in two real workers, compared with the same training in one process."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from loguru import logger
from torch import nn
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

from auto_train.errors import TaskContractError, TrainingError
from auto_train.training.checkpoints.checkpoint import Checkpointer, load_checkpoint
from auto_train.training.learner import Learner
from auto_train.training.loaders import Loaders
from auto_train.training.lr_finder import find_learning_rate
from auto_train.training.optim.schedule import OneCycle
from auto_train.training.optim.stages import Stage
from auto_train.training.stopping import StopOnRequest
from auto_train.training.workers import distributed
from auto_train.training.workers.shard import ShardSampler, is_divided, shard_evaluation
from tests.training.conftest import Batch, Points, points
from tests.training.workers.spawned import in_workers

Weights = dict[str, list[float]]


class Parts:
    """Batches of eight points in an order of each epoch; a worker gets its part of each, unequal where eight is odd."""

    def __init__(self, batch: Batch, *, shuffle: bool):
        self.points, self.targets = batch
        self.shuffle, self.epoch, self.start = shuffle, 0, 0
        self.rank, self.world, self.share = 0, 1, 1.0

    def shard(self, rank: int, world: int) -> None:
        self.rank, self.world = rank, world

    def __len__(self) -> int:
        return -(-len(self.points) // 8)

    def __iter__(self) -> Iterator[Batch]:
        generator = torch.Generator().manual_seed(self.epoch)
        count = len(self.points)
        order = torch.randperm(count, generator=generator) if self.shuffle else torch.arange(count)
        first, self.start = self.start, 0
        for whole in order.split(8)[first:]:
            cut = 5 * len(whole) // 8
            mine = whole if self.world == 1 else (whole[:cut], whole[cut:])[self.rank]
            self.share = len(mine) * self.world / len(whole)
            if len(mine):
                yield self.points[mine], self.targets[mine]


class Names(Points):
    """Keep in the epoch's cache which points were seen."""

    def extra_batch_metrics(self, out: Any, batch: Any, losses: Any, model: Any, epoch_cache: Any) -> Any:
        epoch_cache.setdefault("seen", []).extend(round(float(x), 4) for x in batch[0][:, 0])
        return {}

    def epoch_metric(self, epoch_cache: dict[str, Any]) -> dict[str, float]:
        return {"seen": float(len(set(epoch_cache["seen"]))), "twice": float(len(epoch_cache["seen"]))}


def model(dropout: float = 0.0) -> nn.Sequential:
    torch.manual_seed(0)
    body = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8).eval(), nn.Dropout(dropout), nn.ReLU())
    return nn.Sequential(body, nn.Sequential(nn.Linear(8, 2)))


def learner(**options: Any) -> Learner:
    """Return a Learner of 36 points, in batches of 8 and one of 4, evaluated on 13."""
    dls = Loaders(Parts(points(36), shuffle=True), Parts(points(13, 1), shuffle=False))
    net = model(options.pop("dropout", 0.0))
    options = {"accumulate": 2, "clip_grad": 1.0, "ema_decay": 0.9, "freeze_bn": True} | options
    splitter = lambda net: [list(net[0].parameters()), list(net[1].parameters())]  # noqa: E731
    return Learner(dls, net, task=Names(), loss_func=nn.CrossEntropyLoss(), splitter=splitter, **options)


def stages(epochs: int = 3) -> list[Stage]:
    frozen = Stage(name="frozen", epochs=1, frozen=True, schedule=OneCycle([0.01, 0.05]))
    return [frozen, Stage(name="all", epochs=epochs - 1, schedule=OneCycle([0.01, 0.05]))]


def weights(learn: Learner) -> Weights:
    ema = {f"ema.{name}": value for name, value in learn.ema.module.state_dict().items()} if learn.ema else {}
    return {name: value.flatten().tolist() for name, value in (learn.model.state_dict() | ema).items()}


def assert_close(found: Weights, expected: Weights) -> None:
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert found[name] == pytest.approx(values, abs=1e-5), name


class Stopper(StopOnRequest):
    """A signal for one worker, which comes at its tenth batch."""

    def __init__(self, rank: int):
        super().__init__()
        self.rank, self.batches = rank, 0

    def after_batch(self) -> None:
        self.batches += 1
        if self.batches == 10 and distributed.rank() == self.rank:
            self.requested.set()
        super().after_batch()


def checkpoints(folder: Path) -> list[Any]:
    return [Checkpointer(folder)] if distributed.is_main() else []


def trained(folder: Path | None = None, *callbacks: Any, start: Any = None, **options: Any) -> dict[str, Any]:
    learn = learner(**options)
    learn.fit_stages(stages(), [*(checkpoints(folder) if folder else []), *callbacks], start=start)
    return {
        "weights": weights(learn),
        "means": learn.means,
        "place": (learn.epochs_done, learn.steps_done, learn.position.iter),
        "end": learn.end_reason,
    }


# In the workers


def whole(folder: Path) -> dict[str, Any]:
    return trained(folder)


def stopped(folder: Path) -> dict[str, Any]:
    """End because the second worker was asked to."""
    return trained(folder, Stopper(1))


def resumed(folder: Path, **options: Any) -> dict[str, Any]:
    return trained(start=load_checkpoint(folder / "last.ckpt"), **options)


def stopped_and_resumed(folder: Path) -> list[Weights]:
    """Train with random masks, once as a whole and once with a stop."""
    expected = trained(dropout=0.5)
    trained(folder, Stopper(0), dropout=0.5)
    distributed.barrier()  # until the checkpoint is written
    return [expected["weights"], resumed(folder, dropout=0.5)["weights"]]


def alone_first(folder: Path) -> dict[str, Any]:
    """Let the first worker look for a learning rate, and train all on after it."""
    learn = learner(accumulate=1, ema_decay=None)
    before = weights(learn)
    rate = distributed.on_main(lambda: find_learning_rate(learn))
    is_unchanged = weights(learn) == before
    learn.fit_stages(stages(1))
    return {"rate": rate, "is_unchanged": is_unchanged, "weights": weights(learn)}


class Masks:
    """Keep the masks that dropout draws in training."""

    def __init__(self, layer: nn.Module):
        self.found: list[tuple[bool, ...]] = []
        layer.register_forward_hook(self.keep)

    def keep(self, layer: nn.Module, inputs: Any, out: torch.Tensor) -> None:
        if layer.training:
            self.found.append(tuple((out[0] == 0).tolist()))


def masked() -> list[Any]:
    learn = learner(dropout=0.5, ema_decay=None)
    masks = Masks(learn.model[0][2])
    learn.fit_stages(stages(2))
    return masks.found


def with_torch_loaders() -> dict[str, Any]:
    """Train with torch's loaders, evaluate 13 points with each kind of sampler."""
    warned: list[str] = []
    sink = logger.add(lambda message: warned.append(message.record["message"]))
    data, held = TensorDataset(*points(36)), TensorDataset(*points(13, 1))
    train = DataLoader(data, batch_size=4, sampler=DistributedSampler(data, seed=3))
    learn = learner(ema_decay=None, accumulate=1)
    samplers = {"whole": None, "block": ShardSampler(held), "padded": DistributedSampler(held, shuffle=False)}
    means, orders = {}, []
    for name, sampler in samplers.items():
        learn.dls = Loaders(train, DataLoader(held, batch_size=4, sampler=sampler))
        learn.fit_stages(stages(1)[:1])
        means[name] = learn.means["valid"]
        orders.append(list(train.sampler))
    logger.remove(sink)
    return {"means": means, "warned": warned, "orders": orders, "weights": weights(learn)}


def inferred() -> dict[str, float]:
    """Evaluate outside a training, as a pipeline's infer does."""
    learn = learner()
    with shard_evaluation(learn.dls.valid):
        return learn.evaluate(learn.dls.valid, "test")


def refused() -> list[str]:
    """Try loaders that would give both workers the same samples, and a step that does not fit into memory."""
    data, found = TensorDataset(*points(36)), []
    for loader in (
        DataLoader(data, batch_size=4),
        DataLoader(data, batch_size=4, sampler=DistributedSampler(data, num_replicas=3, rank=0)),
    ):
        learn = learner()
        learn.dls = Loaders(loader, learn.dls.valid)
        with pytest.raises(TaskContractError) as caught:
            learn.fit_stages(stages(1))
        found.append(str(caught.value))
    learn = learner()
    learn.dls.train.halve = lambda: True

    def no_room(*args: Any) -> Any:
        raise MemoryError

    learn.task.batch_forward = no_room
    with pytest.raises(TrainingError) as no_memory:
        learn.fit_stages(stages(1))
    return [*found, str(no_memory.value)]


def everything(folder: Path) -> dict[str, Any]:
    return {
        "whole": whole(folder / "whole"),
        "stopped": stopped(folder / "stopped"),
        "of one": resumed(folder / "of one"),
        "masked and stopped": stopped_and_resumed(folder / "masked"),
        "alone first": alone_first(folder),
        "masks": masked(),
        "torch": with_torch_loaders(),
        "inferred": inferred(),
        "refused": refused(),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parallel")
    for name in ("whole", "stopped", "masked", "of one", "one"):
        (folder / name).mkdir()
    stopped_alone = trained(folder / "of one", Stopper(0))
    assert stopped_alone["end"] == "interrupt"
    return folder


@pytest.fixture(scope="module")
def read_results(folder: Path) -> list[dict[str, Any]]:
    return in_workers(2, folder, everything, folder)


@pytest.fixture(scope="module")
def read_only_result(folder: Path) -> dict[str, Any]:
    return whole(folder / "one")


def test_two_workers_end_with_the_weights_of_one_process(read_results: list[Any], read_only_result: dict[str, Any]):
    assert_close(read_results[0]["whole"]["weights"], read_only_result["weights"])
    assert read_results[0]["whole"]["place"] == read_only_result["place"] == (3, 9, 0)


def test_workers_have_the_same_weights_bit_for_bit(read_results: list[Any]):
    assert read_results[0]["whole"]["weights"] == read_results[1]["whole"]["weights"]


def test_metrics_of_two_workers_are_exactly_those_of_all_samples(
    read_results: list[Any], read_only_result: dict[str, Any]
):
    for split, means in read_only_result["means"].items():
        assert read_results[0]["whole"]["means"][split] == pytest.approx(means, abs=1e-5), split
    valid = read_results[0]["whole"]["means"]["valid"]
    assert (valid["seen"], valid["twice"]) == (13, 13)
    assert round(valid["accuracy"] * 13, 4) == round(read_only_result["means"]["valid"]["accuracy"] * 13, 4)


def test_metrics_are_the_same_on_all_workers(read_results: list[Any]):
    assert read_results[0]["whole"]["means"] == read_results[1]["whole"]["means"]


def test_workers_stop_at_the_same_step_when_one_is_asked_to(read_results: list[Any], folder: Path):
    ends = [worker["stopped"]["end"] for worker in read_results]
    places = [worker["stopped"]["place"] for worker in read_results]
    assert ends == ["interrupt"] * 2
    assert places[0] == places[1]
    assert load_checkpoint(folder / "stopped" / "last.ckpt")["runner"]["step"] == places[0][1] < 9


def test_checkpoint_of_two_workers_is_gone_on_with_by_one_process(
    read_results: list[Any], folder: Path, read_only_result: dict[str, Any]
):
    assert read_results[0]["stopped"]["end"] == "interrupt"
    assert_close(resumed(folder / "stopped")["weights"], read_only_result["weights"])


def test_checkpoint_of_one_process_is_gone_on_with_by_two_workers(
    read_results: list[Any], read_only_result: dict[str, Any]
):
    assert_close(read_results[0]["of one"]["weights"], read_only_result["weights"])
    assert read_results[0]["of one"]["means"]["valid"] == pytest.approx(read_only_result["means"]["valid"], abs=1e-5)


def test_two_workers_go_on_bit_for_bit_where_they_were_stopped(read_results: list[Any]):
    for worker in read_results:
        whole, with_a_stop = worker["masked and stopped"]
        assert whole == with_a_stop


def test_checkpoint_of_two_workers_has_plain_names(read_results: list[Any], folder: Path):
    assert load_checkpoint(folder / "whole" / "last.ckpt")["model"].keys() == model().state_dict().keys()


def test_rate_is_found_by_the_first_worker_while_the_others_wait(read_results: list[Any]):
    first, second = (worker["alone first"] for worker in read_results)
    assert first["rate"] == second["rate"] > 0
    assert first["is_unchanged"] and second["is_unchanged"]
    assert first["weights"] == second["weights"]


def test_workers_draw_different_masks_and_other_ones_in_every_batch(read_results: list[Any]):
    first, second = (worker["masks"] for worker in read_results)
    assert len(first) == len(second) == 10
    # of eight bits each: one or two may be equal by chance
    assert sum(a != b for a, b in zip(first, second)) >= 8
    assert len(set(first)) >= 8 and len(set(second)) >= 8


def test_loader_of_torch_is_shuffled_anew_for_every_epoch(read_results: list[Any]):
    first, second = read_results[0]["torch"]["orders"][0], read_results[1]["torch"]["orders"][0]
    assert sorted(first + second) == list(range(36))
    assert read_results[0]["torch"]["weights"] == read_results[1]["torch"]["weights"]


def test_evaluation_is_exact_with_blocks_and_where_the_first_worker_has_all(read_results: list[Any]):
    means = read_results[0]["torch"]["means"]
    assert [means[name]["twice"] for name in ("whole", "block", "padded")] == [13, 13, 14]
    assert read_results[1]["torch"]["means"] == means


def test_evaluation_outside_a_training_sees_every_sample_once(read_results: list[Any]):
    assert [worker["inferred"]["twice"] for worker in read_results] == [13, 13]


def test_sampler_that_pads_an_evaluation_is_warned_of(read_results: list[Any]):
    (warning,) = read_results[0]["torch"]["warned"]
    assert warning.startswith("DistributedSampler repeats 1 samples of an evaluation split: take")


def test_training_loader_with_the_same_samples_for_all_is_refused(read_results: list[Any]):
    plain, three, _ = read_results[0]["refused"]
    assert plain.startswith(
        "DataLoader: the training loader gives each of 2 workers all samples (allowed: a DataLoader"
    )
    assert three.startswith("DataLoader: the training loader's sampler divides among 3 workers, and there are 2")


def test_worker_out_of_memory_says_what_to_change(read_results: list[Any]):
    assert "on 2 workers\n  halve the batch size and double the accumulation" in read_results[1]["refused"][2]


def test_shard_sampler_of_a_process_alone_is_the_whole_set():
    sampler = ShardSampler(range(5))
    assert (list(sampler), len(sampler)) == ([0, 1, 2, 3, 4], 5)
    assert is_divided(DataLoader(TensorDataset(torch.zeros(5)), sampler=sampler))
