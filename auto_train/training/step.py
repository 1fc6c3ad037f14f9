"""One batch: the task's hooks in the order of F3.11, between fastai's events. Epochs and stages are learner.py's."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import nn

from auto_train.errors import UsageError
from auto_train.training.average import Averages
from auto_train.training.batch import move_batch
from auto_train.training.fastai_core import (
    CancelBackwardException,
    CancelBatchException,
    CancelStepException,
    OptimWrapper,
    TrainEvalCallback,
)
from auto_train.training.fastai_core import Learner as FastaiLearner
from auto_train.training.listeners import Listeners
from auto_train.training.optim.stages import Freezer, Stage, parameter_groups
from auto_train.training.position import Position
from auto_train.training.precision import Precision
from auto_train.training.task import check_loss, hook, qTaskBase, takes_loss_fn
from auto_train.training.workers.distributed import world_size
from auto_train.training.workers.divided_step import DividedStep
from auto_train.training.workers.gradients import AveragedGradients

# Events of a batch: callbacks may leave out those of training or of validation.
INNER_EVENTS = {
    *("before_batch", "after_pred", "after_loss", "after_cancel_batch", "after_batch"),
    *("before_backward", "after_cancel_backward", "after_backward"),
    *("before_step", "after_cancel_step", "after_step"),
}
ADAMW = partial(torch.optim.AdamW, fused=True)


class StepLearner(FastaiLearner):
    """fastai's Learner with another inside of a batch. Arguments and attributes: see Learner."""

    model: Any

    def __init__(
        self,
        dls: Any,
        model: nn.Module,
        *,
        task: qTaskBase,
        optimizer: Callable[..., torch.optim.Optimizer] = ADAMW,
        weight_decay: float = 0.01,
        precision: Precision | None = None,
        dtype: torch.dtype | None = None,
        accumulate: int = 1,
        clip_grad: float | None = None,
        freeze_bn: bool = False,
        **kwargs: Any,
    ):
        self._called: dict[str, list[Any]] = {}
        kwargs.setdefault("splitter", _one_part)
        kwargs.setdefault("loss_func", nn.Identity())
        # Of fastai's default callbacks the one that sets modes. EpochLog tells the caller's listener, and the LR finder
        # brings the Recorder.
        cbs = [_TrainEval(), *(kwargs.pop("cbs", None) or [])]
        super().__init__(dls, model, default_cbs=False, cbs=cbs, **kwargs)
        self.logger = lambda row: None
        self.task, self.optimizer, self.weight_decay, self.dtype = task, optimizer, weight_decay, dtype
        self.accumulate, self.clip_grad, self.freeze_bn = accumulate, clip_grad, freeze_bn
        self.freezer = Freezer(model, self.splitter, keep_norms=freeze_bn)
        self.listeners, self.averages, self.position = Listeners(), Averages(), Position()
        self.epoch_cache: dict[str, Any] = {}
        self.stage: Stage | None = None
        self.stage_share: float | None = None
        self.steps_done = self.stage_steps = 0
        self.is_between_steps = True
        self._counted: tuple[dict[str, Any], dict[str, int]] | None = None
        self.batch_device = self.device
        # Of several workers, while they train.
        self.gradients: AveragedGradients | None = None
        self.divided_step: DividedStep | None = None
        self.bind_hooks()
        self.set_precision(precision or Precision())

    def bind_hooks(self) -> None:
        """Look the task's optional methods up once; before a training, since a middleware may have replaced them."""
        self.listeners.bind(self.task)
        self.extra_batch_metrics = hook(self.task, "extra_batch_metrics")
        self.epoch_metric = hook(self.task, "epoch_metric")
        loss: Callable[..., Any] = self.task.batch_loss
        self.batch_loss = (lambda out, batch: loss(out, batch, self.loss_func)) if takes_loss_fn(loss) else loss

    def set_precision(self, precision: Precision) -> None:
        self.precision = precision
        self.model.to(memory_format=precision.layout())
        for name in ("train", "valid"):
            loader: Any = getattr(self.dls, name, None)
            if hasattr(loader, "layout"):
                loader.layout = precision.layout()
        self.scaler = torch.amp.GradScaler(enabled=precision.amp is torch.float16)

    def create_opt(self) -> None:
        self.opt = OptimWrapper(opt=self.make_optimizer())

    def make_optimizer(self) -> torch.optim.Optimizer:
        """Return the learner's own optimizer for what is not frozen."""
        return self.optimizer(parameter_groups(self.splitter(self.model), self.weight_decay))

    def freeze_to(self, n: int) -> None:
        self.freezer.freeze_to(n)
        self.opt = None

    @property
    def device(self) -> torch.device:
        """Where batches go. Asking is slow, through fastai's layers: a pass asks once."""
        return torch.device(getattr(self.dls, "device", None) or next(self.model.parameters()).device)

    def emit(self, event: str, *args: Any) -> None:
        """Tell the listeners; not in fastai's own fits, as the LR finder's."""
        if self.stage and self.listeners.has(event):
            self.listeners.emit(event, *args)

    def one_batch(self, i: int, b: Any) -> None:
        self.iter = i
        self.emit("onBatchStart", b)
        self.batch = move_batch(b, self.batch_device, self.dtype)
        # For fastai's callbacks; the hooks get the batch as it is.
        is_pair = isinstance(self.batch, tuple | list) and len(self.batch) > 1
        self.xb, self.yb = (tuple(self.batch[:-1]), tuple(self.batch[-1:])) if is_pair else ((self.batch,), ())
        self._with_events(self._do_one_batch, "batch", CancelBatchException)

    def _do_one_batch(self) -> None:
        task = self.task
        changed = task.pre_batch_forward(self.batch)
        batch = self.batch if changed is None else changed
        # Validation computes in float32, as the served model will: another precision may choose another best epoch.
        precision = self.precision if self.training else Precision()
        with precision.autocast(self.batch_device), explain_batch_norm():
            out = task.batch_forward(self.model, batch)
        changed = task.post_batch_forward(out, batch)
        out = out if changed is None else changed
        self.pred = out.get("pred", out)
        self("after_pred")
        metrics = dict(task.batch_metric(out, batch))
        losses = self._losses(out, batch)
        self("after_loss")
        if self.training:
            self._do_grad_opt()
            self.position = Position(epoch=self.epoch, iter=self.iter + 1, rng=self.position.rng)
        metrics |= losses
        if self.extra_batch_metrics:
            metrics |= self.extra_batch_metrics(out, batch, losses, self.model, self.epoch_cache) or {}
        self.averages.add(metrics)
        self._tell_batch(metrics)

    def _losses(self, out: dict[str, Any], batch: Any) -> dict[str, Any]:
        if not (self.training or self.task.eval_needs_loss):
            return {}
        losses = self.batch_loss(out, batch)
        self.loss_grad = check_loss(self.task, losses)
        self.loss = self.loss_grad.detach()
        return dict(losses)

    def _tell_batch(self, metrics: dict[str, Any]) -> None:
        place = self.iter, self.n_iter, metrics, self.averages
        if self.training and self.stage:
            self.emit("onTrainBatchEnd", *place, self.opt.opt.param_groups[-1]["lr"])
        self.emit("onBatchEnd", *place)

    def _do_grad_opt(self) -> None:
        first, size = self.window()
        if self.iter == first:
            if self.stage:
                self.stage.schedule.before_step(self.fraction(), self.stage_steps)
            self.opt.zero_grad()
            self._counted = self._so_far() if size > 1 else None
        self.is_between_steps = self.iter + 1 == first + size
        # Weighted so that the sum over workers and batches is the mean over all their samples.
        weight = getattr(self.dl, "share", 1.0) / (size * world_size())
        if weight != 1.0:
            self.loss_grad = self.loss_grad * weight
        self.loss_grad = self.scaler.scale(self.loss_grad)
        with self.averaging() if self.is_between_steps else nullcontext():
            self._with_events(self._backward, "backward", CancelBackwardException)
        if self.is_between_steps:
            self._with_events(self._step, "step", CancelStepException)

    def _so_far(self) -> tuple[dict[str, Any], dict[str, int]]:
        """Return what a pass has counted up to here."""
        lengths = {name: len(kept) for name, kept in self.epoch_cache.items() if isinstance(kept, list)}
        return self.averages.state_dict(), lengths

    def uncount(self) -> None:
        """Forget what was counted since the beginning of the step under way, which will be repeated."""
        if self._counted:
            averages, lengths = self._counted
            self.averages.load_state_dict(averages)
            for name, kept in self.epoch_cache.items():
                if isinstance(kept, list):
                    del kept[lengths.get(name, 0) :]

    def averaging(self) -> AbstractContextManager[None]:
        """Average over all workers the gradients that are there at the end of the block."""
        return self.gradients.averaging() if self.gradients else nullcontext()

    def window(self) -> tuple[int, int]:
        """Return the first batch and the number of batches of the optimizer step under way."""
        if own := getattr(self.dl, "window", None):
            first, size = own(self.iter)
            return int(first), int(size)
        # The last step of an epoch may have fewer.
        first = self.iter - self.iter % self.accumulate
        return first, self.accumulate if self.n_iter is None else min(self.accumulate, self.n_iter - first)

    def fraction(self) -> float:
        """Return the share of the stage that is done: of its time where a budget says it, else of its epochs."""
        if self.stage_share is not None:
            return self.stage_share
        return (self.epoch + (self.iter / self.n_iter if self.n_iter else 0.0)) / self.n_epoch

    def _step(self) -> None:
        if self.clip_grad is not None:
            self.scaler.unscale_(self.opt.opt)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.clip_grad)
        if self.divided_step and self.divided_step.optimizer is self.opt.opt:
            self.divided_step.step()
        else:
            self.scaler.step(self.opt.opt)
            self.scaler.update()
        if self.stage:
            self.steps_done += 1
            self.stage_steps += 1

    # Events. fastai sorts all callbacks and asks each of them at every event; here those of an event are found once.

    def add_cb(self, cb: Any) -> "StepLearner":
        self._called.clear()
        super().add_cb(cb)
        return self

    def remove_cb(self, cb: Any) -> "StepLearner":
        self._called.clear()
        super().remove_cb(cb)
        return self

    def __call__(self, event_name: str) -> None:
        called = self._called.get(event_name)
        if called is None:
            there = [cb for cb in self.cbs.sorted("order") if defines(cb, event_name)]
            called = self._called[event_name] = [(cb, getattr(cb, event_name)) for cb in there]
        is_inner = event_name in INNER_EVENTS
        for cb, method in called:
            if cb.run and not (is_inner and not (cb.run_train if self.training else cb.run_valid)):
                method()
        if event_name == "after_fit":
            for cb in self.cbs:
                cb.run = True


class _TrainEval(TrainEvalCallback):
    """fastai's, for loaders that do not know their length too."""

    run_valid = False

    def after_batch(self) -> None:
        learn = self.learn
        learn.train_iter += 1
        if learn.n_iter:
            learn.pct_train += 1.0 / (learn.n_iter * learn.n_epoch)


def _one_part(model: nn.Module) -> Sequence[Sequence[nn.Parameter]]:
    return [list(model.parameters())]


def defines(thing: Any, name: str) -> bool:
    """Tell whether an object itself has an attribute; callbacks hand on what they lack to the learner and its model."""
    return hasattr(type(thing), name) or name in getattr(thing, "__dict__", {})


@contextmanager
def explain_batch_norm() -> Iterator[None]:
    """Say in the user's words what torch says of batches too small for batch norm.

    Raises:
        UsageError: a batch of one image whose features are one value per channel.
    """
    try:
        yield
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise UsageError(
            "batch norm cannot train on batches of 1 image of this size",
            where="batch_size",
            allowed="2 or more",
            hint="for larger steps than memory allows, accumulate batches (accumulate, accum_grad)",
        ) from error
