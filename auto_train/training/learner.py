"""Learner: fastai's Learner with our hooks, precision, accumulation and clipping. There is no other training loop."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

with warnings.catch_warnings():
    # fastai calls torch.jit.script while it is imported; torch 2.15 warns about that.
    warnings.filterwarnings("ignore", message=".*torch.jit.script.*", category=FutureWarning)
    from fastai.callback.core import CancelBackwardException, CancelStepException, TrainEvalCallback
    from fastai.callback.schedule import ParamScheduler, combined_cos
    from fastai.learner import Learner as FastaiLearner
    from fastai.learner import Recorder
    from fastai.optimizer import OptimWrapper

import numpy as np

from auto_train.errors import UsageError
from auto_train.training.average import Averages
from auto_train.training.precision import Precision
from auto_train.training.task import checked_loss, qTaskBase

# Source: fastai's fine_tune, whose one-cycle shape these stages keep.
MOMENTUMS = (0.95, 0.85, 0.95)
DIV_FINAL = 1e5


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A part of the schedule with one one-cycle of its own.

    Attributes:
        name: for logs and checkpoints.
        epochs: full passes; 0 skips the stage.
        frozen: train the last parameter group only.
        learning_rates: highest rate of each parameter group, the head last; or one for all.
        pct_start: share of the stage in which the rate rises.
        div: the rate starts at its maximum divided by this.
    """

    name: str
    epochs: int
    learning_rates: Sequence[float]
    frozen: bool = False
    pct_start: float = 0.3
    div: float = 25.0


def fine_tune_stages(
    epochs: int, learning_rate: float, *, freeze_epochs: int = 1, pretrained: bool = True, lr_mult: float = 100.0
) -> list[Stage]:
    """Return fastai's fine_tune as stages: the head alone, then everything with a slower body.

    A body of random weights gets the full rate: there is nothing in it to keep.
    """
    # As fastai, whose slice(lr) gives a frozen body's norms, which learn all the same, a tenth.
    rates = [learning_rate / 10, learning_rate]
    frozen = Stage(name="frozen", epochs=freeze_epochs, frozen=True, learning_rates=rates, pct_start=0.99)
    if not pretrained:
        return [frozen, Stage(name="all", epochs=epochs, learning_rates=[learning_rate])]
    half = learning_rate / 2
    return [frozen, Stage(name="unfrozen", epochs=epochs, learning_rates=[half / lr_mult, half], div=5.0)]


class Learner(FastaiLearner):
    """fastai's Learner; every batch goes through the task's hooks.

    Args:
        dls: dataloaders with ``train`` and ``valid``.
        model: what is trained.
        task: supplies the hooks.
        precision: number format and layout of the training steps.
        accumulate: steps whose gradients are averaged before the optimizer moves.
        clip_grad: largest gradient norm, None for no limit.
        freeze_bn: keep batch-norm statistics of the body as they are.
        **kwargs: as in fastai.
    """

    def __init__(
        self,
        dls: Any,
        model: nn.Module,
        *,
        task: qTaskBase,
        precision: Precision | None = None,
        accumulate: int = 1,
        clip_grad: float | None = None,
        freeze_bn: bool = False,
        **kwargs: Any,
    ):
        kwargs.setdefault("opt_func", partial(OptimWrapper, opt=partial(torch.optim.AdamW, fused=True)))
        # fastai's default callbacks, without its progress bar: callbacks.EpochLog tells the caller's listener.
        cbs = [TrainEvalCallback(), Recorder(), *(kwargs.pop("cbs", None) or [])]
        # wd_bn_bias: OptimWrapper decays norms and biases in any case; fastai's default would only seem not to.
        super().__init__(dls, model, train_bn=not freeze_bn, wd_bn_bias=True, default_cbs=False, cbs=cbs, **kwargs)
        self.task, self.accumulate, self.clip_grad, self.freeze_bn = task, accumulate, clip_grad, freeze_bn
        self.logger = lambda row: None
        self.averages = Averages()
        self.epoch_cache: dict[str, Any] = {}
        self.stage: Stage | None = None
        self.epochs_done = 0
        self.set_precision(precision or Precision())

    def set_precision(self, precision: Precision) -> None:
        self.precision = precision
        self.model.to(memory_format=precision.layout())
        self.scaler = torch.amp.GradScaler(enabled=precision.amp is torch.float16)

    def fit_stages(self, stages: Sequence[Stage], cbs: Any = None) -> None:
        """Run the stages in order; a stage of no epochs is skipped."""
        for stage in stages:
            if stage.epochs:
                self.fit_stage(stage, cbs)

    def fit_stage(self, stage: Stage, cbs: Any = None) -> None:
        """Run one stage: freeze or unfreeze, then one cycle of learning rate and momentum."""
        if self.opt is None:
            self.create_opt()
        self.stage = stage
        self.freeze() if stage.frozen else self.unfreeze()
        self.opt.set_hyper("lr", list(stage.learning_rates))
        top = np.array([group["lr"] for group in self.opt.hypers])
        rate = combined_cos(stage.pct_start, top / stage.div, top, top / DIV_FINAL)
        # Plain floats: numpy's would end in the checkpoint, which is loaded without pickle.
        schedules = {"lr": lambda pos: rate(pos).tolist(), "mom": combined_cos(stage.pct_start, *MOMENTUMS)}
        self.fit(stage.epochs, cbs=[ParamScheduler(schedules), *(cbs or [])])

    def fine_tune(self, epochs: int, base_lr: float = 2e-3, freeze_epochs: int = 1, **kwargs: Any) -> None:
        """Train the head for ``freeze_epochs``, then everything for ``epochs`` (fastai's fine_tune)."""
        cbs = kwargs.pop("cbs", None)
        self.fit_stages(fine_tune_stages(epochs, base_lr, freeze_epochs=freeze_epochs, **kwargs), cbs)

    def predict(self, item: Any, rm_type_tfms: Any = None, with_input: bool = False) -> tuple[Any, ...]:
        """Return the task's (answer, decoded tensor, probabilities) for one image."""
        return self.task.predict(item)

    def _do_epoch_train(self) -> None:
        # The loaders draw order and augmentation from the number of the epoch.
        if hasattr(self.dls.train, "epoch"):
            self.dls.train.epoch = self.epochs_done
        self.train_means = self._measured(super()._do_epoch_train)

    def _do_epoch_validate(self, ds_idx: int = 1, dl: Any = None) -> None:
        self.valid_means = self._measured(super()._do_epoch_validate, ds_idx, dl)

    def _measured(self, run_pass: Callable[..., None], *args: Any) -> dict[str, float]:
        """Run one pass over a split and return its averages, with the task's epoch metrics over them."""
        self.averages, self.epoch_cache = Averages(), {}
        run_pass(*args)
        return self.averages.means() | self.task.epoch_metric(self.epoch_cache)

    def all_batches(self) -> None:
        if self.training and self.freeze_bn:
            _freeze_statistics(self.model[0])
        super().all_batches()

    def _split(self, b: Any) -> None:
        """Split a batch into inputs and targets, as plain tensors: fastai's own types slow every operation down."""
        plain = [x.as_subclass(torch.Tensor) if isinstance(x, torch.Tensor) else x for x in b]
        super()._split(tuple(plain))

    def _do_one_batch(self) -> None:
        """Call the hooks in the order of F3.11, between fastai's events."""
        task, batch = self.task, (*self.xb, *self.yb)
        task.pre_batch_forward(batch)
        # Validation computes in float32, as the served model will: another precision may choose another best epoch.
        precision = self.precision if self.training else Precision()
        with precision.autocast(self.xb[0].device), batch_norm_explained():
            out = task.batch_forward(self.model, batch)
        task.post_batch_forward(out, batch)
        self.pred = out.get("pred", out)
        self("after_pred")
        self.averages.add(task.batch_metric(out, batch))
        losses = task.batch_loss(out, batch)
        self.loss_grad = checked_loss(task, losses)
        self.loss = self.loss_grad.detach()
        self.averages.add(losses)
        self.averages.add(task.extra_batch_metrics(out, batch, losses, self.model, self.epoch_cache))
        self("after_loss")
        if self.training:
            self._do_grad_opt()

    def _do_grad_opt(self) -> None:
        # The last group of an epoch may be smaller.
        first = self.iter - self.iter % self.accumulate
        size = min(self.accumulate, self.n_iter - first)
        self.loss_grad = self.scaler.scale(self.loss_grad / size)
        self._with_events(self._backward, "backward", CancelBackwardException)
        if self.iter + 1 == first + size:
            self._with_events(self._step, "step", CancelStepException)
            self.opt.zero_grad()

    def _step(self) -> None:
        if self.clip_grad is not None:
            self.scaler.unscale_(self.opt.opt)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.clip_grad)
        self.scaler.step(self.opt.opt)
        self.scaler.update()


@contextmanager
def batch_norm_explained() -> Iterator[None]:
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
            where="[training.scheme] batch_size",
            allowed="2 or more",
            hint="for larger steps than memory allows, see [training.scheme] accumulate",
        ) from error


def _freeze_statistics(body: nn.Module) -> None:
    for layer in body.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.eval()
