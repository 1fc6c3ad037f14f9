"""The order and arguments of a task's methods and of listeners (F3.10 to F3.13), batches, EMA and evaluation."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from auto_train.errors import TaskContractError, UsageError
from auto_train.training.learner import Learner
from auto_train.training.listeners import EVENTS
from auto_train.training.loaders import Loaders
from auto_train.training.optim.schedule import Constant
from auto_train.training.optim.stages import Stage
from tests.training.conftest import Batches, Points, network, points

Make = Callable[..., Any]


def stage(epochs: int = 1) -> Stage:
    return Stage(name="all", epochs=epochs, schedule=Constant())


class Recording(Points):
    """Notes every call of every hook there is."""

    eval_needs_loss = False

    def __init__(self):
        super().__init__()
        self.notes: list[Any] = []

    def note(self, name: str, *values: Any) -> None:
        self.notes.append((name, *values) if values else name)

    def onBatchStart(self, batch):
        self.note("onBatchStart")

    def pre_batch_forward(self, batch):
        self.note("pre_batch_forward")

    def batch_forward(self, model, batch):
        self.note("batch_forward")
        return super().batch_forward(model, batch)

    def post_batch_forward(self, out, batch):
        self.note("post_batch_forward")

    def batch_metric(self, out, batch):
        self.note("batch_metric")
        return super().batch_metric(out, batch)

    def batch_loss(self, out, batch):
        self.note("batch_loss")
        return super().batch_loss(out, batch)

    def extra_batch_metrics(self, out, batch, losses, model, epoch_cache):
        # The optimizer has moved already: its weights are not those the outputs were computed with.
        self.note("extra_batch_metrics", sorted(losses))
        return {"extra": (2.0, len(batch[1]))}

    def epoch_metric(self, epoch_cache):
        self.note("epoch_metric")
        return {"accuracy": 0.25}

    def post_metric_to_err(self, result):
        self.note("post_metric_to_err", result["accuracy"], result["extra"])
        return 1.0

    def onTrainBatchEnd(self, batch_idx, num_batches, batch_metrics, bank, lr):
        self.note("onTrainBatchEnd", batch_idx, num_batches, sorted(batch_metrics), lr)

    def onBatchEnd(self, batch_idx, num_batches, batch_metrics, bank):
        self.note("onBatchEnd", batch_idx, num_batches, sorted(batch_metrics))

    def onEpochStart(self, epoch):
        self.note("onEpochStart", epoch)

    def on_eval_start(self, split, num_batches):
        self.note("on_eval_start", split, num_batches)

    def on_validation_end(self, epoch_state, avg):
        self.note("on_validation_end")

    def onEpochEnd(self, epoch_state, avg):
        self.note("onEpochEnd", epoch_state, sorted(avg))

    def on_stage_start(self, stage_idx, stage_cfg):
        self.note("on_stage_start", stage_idx, stage_cfg)


def learner(task: Any, *, test: Any = None, **options: Any) -> Learner:
    train, valid = Batches(*points(24), 24), Batches(*points(16, 1), 16)
    return Learner(Loaders(train, valid, test), network(has_batch_norm=False), task=task, **options)


def test_hooks_of_an_epoch_are_called_in_the_order_of_the_contract():
    # F3.11 and F3.12, one batch of 24 points to train on and one of 16 to validate on.
    task = Recording()
    learn = learner(task)
    made = learn.make_optimizer
    learn.make_optimizer = lambda: noting_steps(made(), task)
    next(learn.model.parameters()).register_hook(lambda gradient: task.note("backward"))
    learn.fit_stages([Stage(name="all", epochs=1, settings={"weight": 2})])
    forward = ["onBatchStart", "pre_batch_forward", "batch_forward", "post_batch_forward", "batch_metric"]
    state = {"epoch": 1, "val_metric": 1.0, "train_metric": 1.0}
    loss = task.notes[-1][1].pop("train_loss")
    assert 0 < loss < 3
    assert task.notes == [
        ("on_stage_start", 0, {"weight": 2}),
        ("onEpochStart", 1),
        *forward,
        *("batch_loss", "zero_grad", "backward", "step"),
        ("extra_batch_metrics", ["loss"]),
        ("onTrainBatchEnd", 0, 1, ["accuracy", "extra", "loss"], 1e-3),
        ("onBatchEnd", 0, 1, ["accuracy", "extra", "loss"]),
        "epoch_metric",
        ("on_eval_start", "valid", 1),
        *forward,
        ("extra_batch_metrics", []),
        ("onBatchEnd", 0, 1, ["accuracy", "extra"]),
        "epoch_metric",
        # epoch_metric's 0.25 lies over the average of the batches
        ("post_metric_to_err", 0.25, 2.0),
        ("post_metric_to_err", 0.25, 2.0),
        "on_validation_end",
        ("onEpochEnd", state, ["train", "val"]),
    ]


def noting_steps(optimizer: torch.optim.Optimizer, task: Recording) -> torch.optim.Optimizer:
    step, zero_grad = optimizer.step, optimizer.zero_grad
    optimizer.step = lambda *args: (task.note("step"), step(*args))[1]
    optimizer.zero_grad = lambda *args: (task.note("zero_grad"), zero_grad(*args))[1]
    return optimizer


def test_ema_is_updated_right_after_the_step_and_before_extra_metrics():
    task = Recording()
    learn = learner(task, ema_decay=0.5)
    update = learn.ema.averaged.update_parameters
    learn.ema.averaged.update_parameters = lambda model: (task.note("ema"), update(model))[1]
    made = learn.make_optimizer
    learn.make_optimizer = lambda: noting_steps(made(), task)
    learn.fit_stages([stage()])
    place = task.notes.index("ema")
    assert task.notes[place - 1] == "step" and task.notes[place + 1] == ("extra_batch_metrics", ["loss"])
    assert task.notes.count("ema") == 1


def test_epoch_runs_train_valid_test_and_then_both_with_ema():
    task = Recording()
    learn = learner(task, test=Batches(*points(8, 2), 8), ema_decay=0.5)
    learn.fit_stages([stage(2)])
    passes = [note[1] for note in task.notes if note[0] == "on_eval_start"]
    assert passes == ["valid", "test", "ema_valid", "ema_test"] * 2
    assert list(learn.means) == ["train", "valid", "test", "ema_valid", "ema_test"]
    ends = [note for note in task.notes if note[0] == "onEpochEnd"]
    assert {"val_metric", "test_metric", "ema_val_metric", "ema_test_metric"} <= ends[1][1].keys()
    assert ends[1][2] == ["ema_test", "ema_valid", "test", "train", "val"]


def test_epoch_start_comes_once_per_epoch():
    # The source calls it once for each pass; ruling of F3.12.
    task = Recording()
    learner(task, ema_decay=0.5).fit_stages([stage(3)])
    assert [note for note in task.notes if note[0] == "onEpochStart"] == [("onEpochStart", n) for n in (1, 2, 3)]


def test_hooks_of_one_task_do_not_reach_another():
    # The source keeps the set of hooks on the class; ruling of F3.12.
    first, second = Recording(), Points()
    learner(first).fit_stages([stage()])
    learn = learner(second)
    learn.fit_stages([stage()])
    assert not any(learn.listeners.has(event) for event in EVENTS)


# Averages


class Weighted(Points):
    """Says metrics of its own counts."""

    def __init__(self, counted: list[tuple[float, int]]):
        super().__init__()
        self.counted = iter(counted * 2)

    def batch_metric(self, out, batch):
        return {"metric": next(self.counted)}


def test_averages_are_weighted_by_count_and_ignore_counts_of_nothing():
    # (1·2 + 4·1) / 3 = 2; the middle one counts nothing, F3.11
    task = Weighted([(1.0, 2), (100.0, 0), (4.0, 1)])
    learn = Learner(Loaders(Batches(*points(24), 8)), network(has_batch_norm=False), task=task)
    learn.fit_stages([stage()])
    assert learn.train_means["metric"] == 2.0


# What hooks may return, and get


def test_pre_and_post_hooks_may_return_another_batch_and_output():
    seen = {}

    class Changing(Points):
        def pre_batch_forward(self, batch):
            return batch[0] * 0, batch[1]

        def post_batch_forward(self, out, batch):
            seen["inputs"] = batch[0]
            return {"pred": out["pred"], "changed": True}

        def batch_metric(self, out, batch):
            seen["changed"] = out["changed"]
            return super().batch_metric(out, batch)

    learner(Changing()).fit_stages([stage()])
    assert seen["changed"] and not seen["inputs"].any()


def test_loss_function_is_passed_to_a_task_that_takes_it():
    # The document shows two parameters, the source passes three; ruling of F3.10.
    got = []

    class Third(Points):
        def batch_loss(self, out, batch, loss_fn):
            got.append(loss_fn)
            return {"loss": (loss_fn(out["pred"], batch[1]), len(batch[1]))}

    loss = nn.CrossEntropyLoss()
    learner(Third(), loss_func=loss).fit_stages([stage()])
    assert got[0] is loss
    learner(Points(), loss_func=loss).fit_stages([stage()])


def test_task_without_a_loss_is_refused_at_the_first_batch():
    class NoLoss(Points):
        def batch_loss(self, out, batch):
            return {"mse": (out["pred"].mean(), 1)}

    with pytest.raises(TaskContractError, match=r"NoLoss\.batch_loss returned \['mse'\], without 'loss'"):
        learner(NoLoss()).fit_stages([stage()])


def test_loss_that_is_no_tensor_is_refused():
    class Number(Points):
        def batch_loss(self, out, batch):
            return {"loss": (1.0, 1)}

    with pytest.raises(TaskContractError, match=r"a 'loss' of type float \(allowed: a tensor with a gradient\)"):
        learner(Number()).fit_stages([stage()])


@pytest.mark.parametrize("needs_grad", [False, True])
def test_evaluation_has_gradients_only_where_a_task_needs_them(needs_grad: bool):
    seen = []

    class Forces(Points):
        eval_needs_grad = needs_grad

        def batch_metric(self, out, batch):
            seen.append(out["pred"].requires_grad)
            return super().batch_metric(out, batch)

    learner(Forces()).fit_stages([stage()])
    assert seen == [True, needs_grad]


def test_evaluation_puts_the_mode_of_the_model_back():
    learn = learner(Points())
    for was_training in (True, False):
        learn.model.train(was_training)
        learn.evaluate(learn.dls.valid)
        assert learn.model.training == was_training


def test_evaluation_comes_every_so_many_epochs_and_at_the_end():
    task = Recording()
    learner(task, eval_interval=2).fit_stages([stage(5)])
    order = [note[:2] for note in task.notes if note[0] in ("onEpochStart", "on_eval_start")]
    valid = ("on_eval_start", "valid")
    epochs = [("onEpochStart", n) for n in range(1, 6)]
    assert order == [epochs[0], epochs[1], valid, epochs[2], epochs[3], valid, epochs[4], valid]


def test_epoch_without_a_validation_loader_has_no_validation_metric():
    learn = Learner(Loaders(Batches(*points(24), 8)), network(has_batch_norm=False), task=Points())
    learn.fit_stages([stage()])
    assert list(learn.means) == ["train"] and learn.errors.of("val_metric") is None


# Listeners


def test_listener_of_an_unknown_event_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match=r"no event 'onBatchend' \(allowed: did you mean 'onBatchEnd'\?"):
        learner(Points()).listeners.on("onBatchend", print)


def test_listeners_error_is_not_swallowed():
    learn = learner(Points())
    learn.listeners.on("onEpochEnd", lambda state, avg: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        learn.fit_stages([stage()])


def test_listeners_hear_the_running_averages():
    learn = Learner(Loaders(Batches(*points(24), 8)), network(has_batch_norm=False), task=Points())
    means = []
    learn.listeners.on("onTrainBatchEnd", lambda i, n, metrics, bank, lr: means.append(bank.means()["loss"]))
    learn.fit_stages([stage()])
    assert len(means) == 3 and means[-1] == learn.train_means["loss"]


def test_lr_finder_tells_nobody(make_learner: Make):
    from auto_train.training.lr_finder import find_learning_rate

    learn = make_learner(task=Recording())
    heard = []
    learn.listeners.on("onTrainBatchEnd", lambda *_: heard.append(1))
    find_learning_rate(learn)
    assert not heard and not [note for note in learn.task.notes if str(note).startswith("('on")]
    assert (learn.epochs_done, learn.steps_done) == (0, 0)


# Batches of other forms


class Graph:
    """A batch that is no tensor and has the two methods of F3.11 and F3.17."""

    def __init__(self, x: torch.Tensor, y: torch.Tensor):
        self.x, self.y, self.calls = x, y, []

    def to(self, device):
        self.calls.append(("to", str(device)))

    def to_dtype(self, dtype):
        self.x = self.x.to(dtype)
        self.calls.append(("to_dtype", dtype))
        return self


class OnGraphs(Points):
    def batch_forward(self, model, batch):
        return {"pred": model(batch.x)}

    def batch_metric(self, out, batch):
        return {"accuracy": ((out["pred"].argmax(1) == batch.y).double().mean(), len(batch.y))}

    def batch_loss(self, out, batch):
        return {"loss": (nn.functional.cross_entropy(out["pred"], batch.y), len(batch.y))}

    def extra_batch_metrics(self, out, batch, losses, model, epoch_cache):
        return None


def test_batches_of_a_class_of_their_own_train_in_float64():
    graphs = [Graph(*points(8, seed)) for seed in range(3)]
    model = network(has_batch_norm=False).double()
    learn = Learner(Loaders(graphs), model, task=OnGraphs(), dtype=torch.float64)
    learn.fit_stages([stage()])
    assert graphs[0].calls == [("to", "cpu"), ("to_dtype", torch.float64)]
    assert graphs[0].y.dtype == torch.int64  # labels are not cast
    assert {p.dtype for p in learn.model.parameters()} == {torch.float64}


def test_batches_in_dicts_train():
    class OnDicts(OnGraphs):
        def batch_forward(self, model, batch):
            return super().batch_forward(model, Graph(batch["x"], batch["y"]))

        def batch_metric(self, out, batch):
            return {}

        def batch_loss(self, out, batch):
            return super().batch_loss(out, Graph(batch["x"], batch["y"]))

    batches = [dict(zip("xy", points(8, seed), strict=True)) for seed in range(2)]
    learn = Learner(Loaders(batches), network(has_batch_norm=False), task=OnDicts())
    learn.fit_stages([stage()])
    assert learn.steps_done == 2


def test_loader_that_does_not_know_its_length_trains_as_one_that_does():
    class Endless:
        def __iter__(self):
            return iter(Batches(*points(24), 8).batches)

    def trained(loader: Any) -> Learner:
        model = network(has_batch_norm=False)
        learn = Learner(Loaders(loader), model, task=Points(), accumulate=2, ema_decay=0.5, optimizer=torch.optim.SGD)
        learn.fit_stages([stage(2)])
        return learn

    learn, known = trained(Endless()), trained(Batches(*points(24), 8))
    # Three batches, two to a step: the tail is a step too, and the mean of its own batches.
    assert learn.steps_done == known.steps_done == 4 and learn.n_iter is None and learn.is_between_steps
    assert int(learn.ema.averaged.n_averaged) == 4
    pairs = zip(learn.model.parameters(), known.model.parameters(), strict=True)
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in pairs)


# EMA (F3.19)


def test_ema_follows_the_contracts_formula():
    learn = Learner(
        Loaders(Batches(*points(24), 8)),
        network(),
        task=Points(),
        ema_decay=0.9,
        accumulate=1,
        optimizer=torch.optim.SGD,
    )
    expected: dict[str, torch.Tensor] = {}

    def follow(*_: Any) -> None:
        for name, value in learn.model.named_parameters():
            value = value.detach().clone()
            expected[name] = 0.9 * expected[name] + 0.1 * value if name in expected else value

    learn.listeners.on("onTrainBatchEnd", follow)
    learn.fit_stages([stage(2)])
    found = dict(learn.ema.module.named_parameters())
    assert all(torch.allclose(found[name], value, atol=1e-7) for name, value in expected.items())
    buffers = dict(learn.model.named_buffers())
    assert all(torch.equal(value, buffers[name]) for name, value in learn.ema.module.named_buffers())


def test_ema_under_accumulation_is_updated_once_per_step():
    learn = Learner(Loaders(Batches(*points(24), 4)), network(), task=Points(), ema_decay=0.9, accumulate=4)
    learn.fit_stages([stage()])
    assert int(learn.ema.averaged.n_averaged) == learn.steps_done == 2
