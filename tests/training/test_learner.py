from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from auto_train.training.optim.schedule import OneCycle
from auto_train.training.optim.stages import Stage, fine_tune_stages
from auto_train.training.precision import Precision
from tests.training.conftest import Points, network, points

Make = Callable[..., Any]
ONE = Stage(name="all", epochs=1, schedule=OneCycle([0.1]))


def gradients(model: nn.Module) -> torch.Tensor:
    return torch.cat([p.grad.flatten() for p in model.parameters()])


def weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()]).clone()


def whole_batch_gradient(n: int, start: int = 0) -> torch.Tensor:
    model = network(has_batch_norm=False)
    inputs, targets = points(24)
    nn.functional.cross_entropy(model(inputs[start : start + n]), targets[start : start + n]).backward()
    return gradients(model)


def moved(learn: Any, lr: float = 1.0) -> torch.Tensor:
    """Return how far one epoch of plain gradient descent moves the weights, divided by the rate."""
    before = weights(learn.model)
    learn.fit(1, lr=lr)
    return (before - weights(learn.model)) / lr


def test_accumulated_steps_equal_one_step_of_the_big_batch(make_learner: Make):
    learn = make_learner(batch_size=8, n=24, accumulate=3, sgd=True, has_batch_norm=False, weight_decay=0.0)
    assert torch.allclose(moved(learn), whole_batch_gradient(24), atol=1e-6)


def test_accumulation_gives_a_short_last_group_its_own_mean(make_learner: Make):
    # Three batches, two at a time: the step of 16 points, then that of the remaining 8. A tiny rate keeps the second
    # gradient where the first was taken.
    learn = make_learner(batch_size=8, n=24, accumulate=2, sgd=True, has_batch_norm=False, weight_decay=0.0)
    expected = whole_batch_gradient(16) + whole_batch_gradient(8, start=16)
    assert torch.allclose(moved(learn, lr=1e-3), expected, atol=2e-3)


def test_clip_grad_limits_the_norm_of_the_gradient(make_learner: Make):
    free = moved(make_learner(batch_size=24, sgd=True, has_batch_norm=False, weight_decay=0.0))
    clipped = moved(make_learner(batch_size=24, sgd=True, has_batch_norm=False, weight_decay=0.0, clip_grad=0.01))
    assert free.norm() > 0.1 and clipped.norm() == pytest.approx(0.01, rel=1e-3)
    assert torch.allclose(clipped / clipped.norm(), free / free.norm(), atol=1e-4)


def test_clip_grad_applies_to_the_sum_of_accumulated_steps(make_learner: Make):
    learn = make_learner(batch_size=8, accumulate=3, sgd=True, has_batch_norm=False, weight_decay=0.0, clip_grad=0.01)
    whole = whole_batch_gradient(24)
    assert torch.allclose(moved(learn), whole * (0.01 / whole.norm()), atol=1e-6)


@pytest.mark.parametrize("freeze_bn", [True, False])
def test_freeze_bn_keeps_the_statistics_of_the_body(make_learner: Make, freeze_bn: bool):
    learn = make_learner(freeze_bn=freeze_bn)
    before = learn.model[0][1].running_mean.clone()
    learn.fit_stage(ONE)
    assert torch.equal(learn.model[0][1].running_mean, before) == freeze_bn


def test_freeze_bn_still_trains_the_rest(make_learner: Make):
    learn = make_learner(freeze_bn=True)
    before = weights(learn.model)
    learn.fit_stage(ONE)
    assert not torch.equal(weights(learn.model[0]), before[: len(weights(learn.model[0]))])


def test_frozen_stage_leaves_the_body_as_it_is(make_learner: Make):
    learn = make_learner(freeze_bn=True, weight_decay=0.1)
    body = {name: value.clone() for name, value in learn.model[0].state_dict().items()}
    head = weights(learn.model[1])
    learn.fit_stage(Stage(name="frozen", epochs=2, frozen=True, schedule=OneCycle([0.1])))
    assert all(torch.equal(value, body[name]) for name, value in learn.model[0].state_dict().items())
    assert not torch.equal(weights(learn.model[1]), head)


def test_frozen_body_stays_frozen_after_gradients_of_an_earlier_stage(make_learner: Make):
    learn = make_learner(freeze_bn=True, accumulate=2)
    learn.fit_stage(ONE)
    body = weights(learn.model[0])
    learn.fit_stage(Stage(name="frozen", epochs=1, frozen=True, schedule=OneCycle([0.1])))
    assert torch.equal(weights(learn.model[0]), body)


def test_unfrozen_stage_trains_the_body_again(make_learner: Make):
    learn = make_learner(freeze_bn=True)
    before = weights(learn.model[0])
    learn.fit_stages([Stage(name="frozen", epochs=1, frozen=True, schedule=OneCycle([0.1])), ONE])
    assert not torch.equal(weights(learn.model[0]), before)


def test_stage_of_no_epochs_is_skipped(make_learner: Make):
    learn = make_learner()
    learn.fit_stages([Stage(name="none", epochs=0, schedule=OneCycle([0.1]))])
    assert learn.stage is None and learn.opt is None


def test_fine_tune_has_the_stages_of_fastai():
    # fastai 2.8: fit_one_cycle(freeze_epochs, lr, pct_start=0.99), then lr / 2 with a body 100 times slower, div 5.
    frozen, unfrozen = fine_tune_stages(5, 2e-3, freeze_epochs=2)
    assert (frozen.epochs, frozen.frozen, frozen.schedule.rates) == (2, True, [2e-4, 2e-3])
    assert (frozen.schedule.pct_start, frozen.schedule.div) == (0.99, 25.0)
    assert (unfrozen.epochs, unfrozen.frozen, unfrozen.schedule.rates) == (5, False, [1e-5, 1e-3])
    assert (unfrozen.schedule.pct_start, unfrozen.schedule.div) == (0.3, 5.0)


def test_fine_tune_of_random_weights_gives_the_body_the_full_rate():
    stages = fine_tune_stages(5, 2e-3, freeze_epochs=0, pretrained=False)
    assert [stage.schedule.rates for stage in stages if stage.epochs] == [[2e-3]]


def test_fine_tune_runs_fastais_learning_rates_and_momentums(make_learner: Make):
    from fastai.callback.core import Callback
    from fastai.callback.progress import ProgressCallback as ProgressCallback  # gives a Learner no_bar
    from fastai.callback.schedule import fine_tune as fine_tune
    from fastai.learner import Learner as FastaiLearner

    class Hypers(Callback):
        def before_fit(self):
            self.seen = getattr(self, "seen", [])

        def after_batch(self):
            if self.training:
                # Ours has two groups for a part: decayed, and norms and biases.
                parts = {group.get("part", i): (group["lr"], group["mom"]) for i, group in enumerate(self.opt.hypers)}
                self.seen.append([parts[0], parts[1]])

    ours, theirs = Hypers(), Hypers()
    learn = make_learner(cbs=[ours])
    learn.fine_tune(3, 1e-2, freeze_epochs=2)
    other = make_learner()
    plain = FastaiLearner(
        other.dls, other.model, loss_func=nn.CrossEntropyLoss(), splitter=other.splitter, cbs=[theirs], default_cbs=True
    )
    with plain.no_bar(), plain.no_logging():
        plain.fine_tune(3, 1e-2, freeze_epochs=2)
    assert len(ours.seen) == 5 * 3
    # Rate and momentum of body and head in every step.
    assert np.allclose(ours.seen, theirs.seen, rtol=1e-6)


def test_hooks_are_called_in_the_order_of_the_contract(make_learner: Make):
    # F3.11: forward, metric, loss, extra metrics; the same in training and evaluation.
    task = Points()
    learn = make_learner(task=task, batch_size=24)
    learn.fit_stage(ONE)
    one = [
        "pre_batch_forward",
        "batch_forward",
        "post_batch_forward",
        "batch_metric",
        "batch_loss",
        "extra_batch_metrics",
    ]
    assert task.calls == one * (1 + 2)


def test_means_of_a_pass_hold_the_tasks_epoch_metrics(make_learner: Make):
    learn = make_learner(batch_size=7)
    learn.fit_stage(ONE)
    assert learn.train_means["seen"] == 24.0 and learn.valid_means["seen"] == 16.0
    inputs, targets = points(16, 1)
    learn.model.eval()
    expected = nn.functional.cross_entropy(learn.model(inputs), targets).detach()
    assert learn.valid_means["loss"] == pytest.approx(float(expected), rel=1e-4)


def test_training_learns_the_points(make_learner: Make):
    learn = make_learner()
    learn.fit_stage(Stage(name="all", epochs=10, schedule=OneCycle([0.05])))
    assert learn.valid_means["accuracy"] > 0.9


def test_training_in_bf16_keeps_float32_weights(make_learner: Make):
    learn = make_learner(precision=Precision(amp=torch.bfloat16))
    learn.fit_stage(Stage(name="all", epochs=10, schedule=OneCycle([0.05])))
    assert {p.dtype for p in learn.model.parameters()} == {torch.float32}
    assert learn.valid_means["accuracy"] > 0.9


def test_channels_last_lays_out_the_weights(make_learner: Make):
    learn = make_learner()
    learn.model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten())
    learn.set_precision(Precision(channels_last=True))
    assert learn.model[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_loader_is_told_the_epoch(make_learner: Make):
    learn = make_learner()
    learn.epochs_done = 4
    learn.fit_stage(ONE)
    assert learn.dls.train.epochs == [4]


def test_predict_is_the_tasks(make_learner: Make):
    assert make_learner().predict("photo.jpg") == ("answer", "photo.jpg")


def test_batches_reach_the_task_as_plain_tensors(make_learner: Make):
    from fastai.torch_core import TensorImage

    seen = []

    class Types(Points):
        def pre_batch_forward(self, batch):
            seen.extend(map(type, batch))

    learn = make_learner(task=Types())
    for batches in (learn.dls.train, learn.dls.valid):
        batches.batches = [(TensorImage(x), y) for x, y in batches.batches]
    learn.fit_stage(ONE)
    assert set(seen) == {torch.Tensor}


@pytest.mark.parametrize("is_last", [True, False])
def test_precision_tells_the_loaders_their_layout(make_learner: Make, is_last: bool):
    learn = make_learner()
    learn.dls.train.layout = learn.dls.valid.layout = None
    precision = Precision(channels_last=is_last)
    learn.set_precision(precision)
    assert learn.dls.train.layout is learn.dls.valid.layout is precision.layout()
