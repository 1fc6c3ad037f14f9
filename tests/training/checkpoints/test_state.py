"""A training that was stopped and went on is the one that was not stopped: bit for bit."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fastai.callback.core import Callback, CancelFitException
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from auto_train.errors import CheckpointError, TaskContractError
from auto_train.training.checkpoints.checkpoint import Checkpointer, load_checkpoint
from auto_train.training.checkpoints.state import check_plain, is_plain, load_weights
from auto_train.training.early_stop import EarlyStop
from auto_train.training.learner import Learner
from auto_train.training.loaders import Loaders
from auto_train.training.optim.schedule import OneCycle
from auto_train.training.optim.stages import Stage
from tests.training.conftest import Points, points

STAGES = {
    "frozen": lambda: Stage(name="frozen", epochs=2, frozen=True, schedule=OneCycle([0.01, 0.1])),
    "all": lambda: Stage(name="all", epochs=3, schedule=OneCycle([0.05])),
}


class Noisy(Points):
    """Draws from every generator in every batch, and keeps a state of its own."""

    def __init__(self):
        super().__init__()
        self.seen = 0

    def pre_batch_forward(self, batch: Any) -> Any:
        if not torch.is_grad_enabled():
            return None
        self.seen += len(batch[0])
        noise = torch.randn_like(batch[0]) * 0.1 + random.random() * 0.1 + np.random.rand() * 0.1
        return batch[0] + noise, batch[1]

    def state_dict(self) -> dict[str, Any]:
        return {"seen": self.seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.seen = state["seen"]


def network() -> nn.Sequential:
    body = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3))
    return nn.Sequential(body, nn.Sequential(nn.Linear(8, 2)))


def learner(own_generator: bool = False) -> Learner:
    """Return a new learner of 26 points in batches of 4: 7 batches, two to a step, the last step has one."""
    from auto_train.models.backbone import default_split

    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(7)
    generator = torch.Generator().manual_seed(3) if own_generator else None
    train = DataLoader(TensorDataset(*points(26)), batch_size=4, shuffle=True, generator=generator)
    valid = DataLoader(TensorDataset(*points(16, 1)), batch_size=8)
    return Learner(
        Loaders(train, valid),
        network(),
        task=Noisy(),
        splitter=default_split,
        accumulate=2,
        ema_decay=0.9,
        clip_grad=1.0,
    )


class StopAt(Callback):
    """Ends the training like a signal does: at the end of the step that holds the n-th batch of all."""

    order = 90

    def __init__(self, batch: int):
        self.left = batch

    def after_batch(self) -> None:
        self.left -= 1
        if self.left <= 0 and self.learn.is_between_steps:
            self.learn.end("interrupt")
            raise CancelFitException


def train(folder: Path, learn: Learner, *cbs: Any, start: dict[str, Any] | None = None) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    callbacks = [Checkpointer(folder, target="ema_val_metric"), EarlyStop(4), *cbs]
    learn.fit_stages([make() for make in STAGES.values()], callbacks, start=start)
    return load_checkpoint(folder / "last.ckpt")


def differences(one: Any, other: Any, where: str = "") -> list[str]:
    """Return where two checkpoints differ, bit for bit."""
    if isinstance(one, torch.Tensor):
        return [] if torch.equal(one, other) else [where]
    if isinstance(one, dict):
        if one.keys() != other.keys():
            return [f"{where}: {one.keys() ^ other.keys()}"]
        return [found for key in one for found in differences(one[key], other[key], f"{where}.{key}")]
    if isinstance(one, list | tuple):
        pairs = enumerate(zip(one, other, strict=True))
        return [found for i, (a, b) in pairs for found in differences(a, b, f"{where}[{i}]")]
    return [] if one == other else [f"{where}: {one!r} is not {other!r}"]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """Return the checkpoints' folder of a training without a stop, by whether its loader has a generator of its own."""
    folders = {own: tmp_path_factory.mktemp("whole") for own in (False, True)}
    for own, folder in folders.items():
        train(folder, learner(own))
    return folders


# Of the 5 epochs' 5 × (7 training + 2 validation + 2 EMA validation batches): steps of every kind and place.
@pytest.mark.parametrize("batch", [1, 2, 5, 7, 8, 9, 11, 12, 20, 22, 23, 30, 33, 37, 44, 52, 54])
@pytest.mark.parametrize("own_generator", [False, True])
def test_stopped_and_resumed_training_equals_the_uninterrupted_one(
    tmp_path: Path, uninterrupted: dict[bool, Path], batch: int, own_generator: bool
):
    stopped = learner(own_generator)
    state = train(tmp_path / "parts", stopped, StopAt(batch))
    assert stopped.end_reason == "interrupt" and state["runner"]["epoch"] == min(batch - 1, 54) // 11
    # As another process would: other weights, other generators.
    resumed = learner(own_generator)
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(99)
    end = train(tmp_path / "parts", resumed, start=state)
    assert not differences(load_checkpoint(uninterrupted[own_generator] / "last.ckpt"), end)
    assert end["runner"]["epoch"] == 5 and end["task"] == {"seen": 26 * 5}
    best = [load_checkpoint(folder / "best.ckpt") for folder in (uninterrupted[own_generator], tmp_path / "parts")]
    assert not differences(*best)


def test_training_stopped_twice_equals_the_uninterrupted_one(tmp_path: Path):
    whole = train(tmp_path / "whole", learner())
    state = train(tmp_path / "parts", learner(), StopAt(4))
    state = train(tmp_path / "parts", learner(), StopAt(20), start=state)
    assert not differences(whole, train(tmp_path / "parts", learner(), start=state))


def test_resumed_training_goes_on_after_the_best_epoch_so_far(tmp_path: Path):
    # The source of F3.16 forgot the best value: the first epoch after a resume then was the best one.
    errors = [1.0, 0.2, 0.9, 0.8, 0.7]

    def make() -> Learner:
        made = learner()
        made.ema, made.task = None, Points(errors)
        return made

    def fit(learn: Learner, *cbs: Any, start: Any = None) -> Checkpointer:
        checkpointer = Checkpointer(tmp_path)
        learn.fit_stages([STAGES["frozen"](), STAGES["all"]()], [checkpointer, *cbs], start=start)
        return checkpointer

    fit(make(), StopAt(29))  # two batches into the fourth epoch
    resumed = make()
    resumed.task.errors = iter(errors[3:])
    checkpointer = fit(resumed, start=load_checkpoint(tmp_path / "last.ckpt"))
    assert (checkpointer.best, checkpointer.best_epoch) == (0.2, 2)
    assert load_checkpoint(tmp_path / "best.ckpt")["runner"]["epoch"] == 2


def test_finished_training_resumed_does_nothing_more(tmp_path: Path):
    end = train(tmp_path, learner())
    again = learner()
    again.fit_stages([make() for make in STAGES.values()], start=end)
    assert (again.epochs_done, again.steps_done) == (5, 20)
    assert not differences(end["model"], again.model.state_dict())


def test_training_ended_by_early_stop_stays_ended(tmp_path: Path):
    learn = learner()
    learn.ema, learn.task = None, Points([1.0, 2.0, 3.0])
    learn.fit_stages([STAGES["frozen"](), STAGES["all"]()], [Checkpointer(tmp_path), EarlyStop(1)])
    assert (learn.epochs_done, learn.end_reason) == (2, "early_stop")
    resumed = learner()
    resumed.fit_stages([STAGES["frozen"](), STAGES["all"]()], start=load_checkpoint(tmp_path / "last.ckpt"))
    assert (resumed.epochs_done, resumed.end_reason) == (2, "early_stop")


def test_plan_and_caches_come_back(tmp_path: Path):
    learn = learner()
    learn.plan["learning_rate"], learn.extra_ckp_caches["mean"] = 0.3, torch.ones(2)
    train(tmp_path, learn, StopAt(20))
    for name in ("last.ckpt", "best.ckpt"):
        resumed = learner()
        train(tmp_path, resumed, start=load_checkpoint(tmp_path / name))
        assert resumed.plan == {"learning_rate": 0.3} and resumed.extra_ckp_caches["mean"].tolist() == [1.0, 1.0]


def test_checkpoint_of_another_network_is_refused_with_names(tmp_path: Path):
    state = train(tmp_path, learner(), StopAt(12))
    other = learner()
    other.model[1].add_module("more", nn.Linear(2, 2))
    with pytest.raises(CheckpointError, match=r"are of another model: missing: 1\.more\.weight, missing: 1"):
        train(tmp_path, other, start=state)
    other = learner()
    other.model[1][0] = nn.Linear(8, 5)
    with pytest.raises(CheckpointError, match=r"of another model: size mismatch for 1\.0\.weight"):
        train(tmp_path, other, start=state)


def test_checkpoint_of_another_optimizer_is_refused(tmp_path: Path):
    state = train(tmp_path, learner(), StopAt(12))
    other = learner()
    state["optimizer"]["param_groups"].pop()
    with pytest.raises(CheckpointError, match=r"its optimizer state does not fit this training"):
        train(tmp_path, other, start=state)


@pytest.mark.parametrize(("saved", "wanted"), [("", "module."), ("module.", "")])
def test_weights_load_with_and_without_a_wrapper(saved: str, wanted: str):
    weights = {f"{saved}{name}": value for name, value in nn.Linear(2, 2).state_dict().items()}
    model: nn.Module = nn.Linear(2, 2)
    if wanted:
        model = nn.Sequential()
        model.add_module("module", nn.Linear(2, 2))
    assert load_weights(model, weights) == []
    assert torch.equal(next(model.parameters()), weights[f"{saved}weight"])


def test_weights_that_only_partly_fit_are_told_where_that_is_allowed():
    weights = {"weight": torch.ones(2, 2), "other": torch.ones(1)}
    assert load_weights(nn.Linear(2, 2), weights, is_strict=False) == ["missing: bias", "unknown: other"]


@pytest.mark.parametrize("value", [None, 1, 2.5, "a", True, [1, (2, {"a": torch.ones(1)})], {1: 2}])
def test_plain_values_are_what_loads_without_pickle(value: Any, tmp_path: Path):
    assert is_plain(value)
    torch.save(value, tmp_path / "x")
    torch.load(tmp_path / "x", weights_only=True)


@pytest.mark.parametrize("value", [object(), {1, 2}, np.float64(1), [np.ones(2)], {"a": print}])
def test_other_values_are_refused_before_they_spoil_a_checkpoint(value: Any):
    with pytest.raises(TaskContractError, match=r"caches: this cannot be kept in a checkpoint"):
        check_plain(value, "extra_ckp_caches")
