"""Learner: fastai's Learner with our stages, epochs and evaluation. There is no other training loop."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from loguru import logger
from torch import nn

from auto_train.memory import give_back, is_out_of_memory, out_of_memory, trim
from auto_train.training.average import Averages
from auto_train.training.checkpoints.state import restore_stage, restore_training
from auto_train.training.ema import EmaWeights
from auto_train.training.fastai_core import (
    CancelEpochException,
    CancelFitException,
    CancelStepException,
    CancelTrainException,
    CancelValidException,
    OptimWrapper,
)
from auto_train.training.loaders import length
from auto_train.training.monitor import Errors
from auto_train.training.optim.stages import Stage, fine_tune_stages
from auto_train.training.position import Position
from auto_train.training.rng import find_generators, get_rng_state, mix_seed, seed_everything, set_rng_state
from auto_train.training.step import StepLearner
from auto_train.training.workers.collect import collect_averages
from auto_train.training.workers.distributed import broadcast_object, is_main, on_main, rank, world_size
from auto_train.training.workers.divided_step import divide_step
from auto_train.training.workers.gradients import average_gradients, sync_buffers
from auto_train.training.workers.shard import is_divided, shard_loaders

Means = dict[str, float]


class Learner(StepLearner):
    """fastai's Learner; every batch goes through the task's hooks, every training through stages.

    Args:
        dls: dataloaders with ``train`` and ``valid``, and perhaps ``test``, which is then measured in every epoch.
        model: what is trained.
        task: supplies the hooks.
        optimizer: makes an optimizer from parameter groups, as torch's classes do.
        weight_decay: of everything but norms and biases.
        precision: number format and layout of the training steps.
        dtype: of batches that can be cast (F3.17); the model has it already.
        accumulate: batches whose gradients are averaged before the optimizer moves.
        clip_grad: largest gradient norm, None for no limit.
        freeze_bn: keep batch-norm statistics of the body as they are.
        ema_decay: keep a moving average of the weights, and measure it too.
        eval_interval: epochs between two evaluations; the last epoch of a stage always has one.
        **kwargs: as in fastai.

    Attributes:
        stages: those of the running training; the time budget may change their epochs.
        stage_index: the one that runs.
        epochs_done: finished epochs of all stages.
        steps_done: optimizer steps of all stages.
        means: averages of the last epoch's passes: ``train``, ``valid``, ``test``, ``ema_valid``, ``ema_test``.
        errors: the same as single numbers, by the targets of monitor.py.
        listeners: who hears the events of F3.13.
        plan: what the training has decided and a resume must keep; in every checkpoint.
        extra_ckp_caches: the user's own values, in every checkpoint (F3.8).
        is_between_steps: no gradients are waiting for the rest of their step: the training can be saved here.
        end_reason: why the training ended before its last epoch; None: it did not.
    """

    def __init__(
        self,
        dls: Any,
        model: nn.Module,
        *,
        ema_decay: float | None = None,
        eval_interval: int = 1,
        **kwargs: Any,
    ):
        super().__init__(dls, model, **kwargs)
        self.eval_interval = eval_interval
        self.ema = EmaWeights(model, ema_decay) if ema_decay is not None else None
        self.stages: list[Stage] = []
        self.stage_index = self.epochs_done = 0
        self.is_stage_over = self.is_stopped = self.has_evaluated = False
        self.end_reason: str | None = None
        self.train_averages = Averages()
        self.train_cache: dict[str, Any] = {}
        self.plan: dict[str, Any] = {}
        self.extra_ckp_caches: dict[str, Any] = {}
        self._forget()

    @property
    def train_means(self) -> Means:
        return self.means.get("train", {})

    @property
    def valid_means(self) -> Means:
        return self.means.get("valid", {})

    def end_stage(self) -> None:
        """Go on with the next stage after this epoch; for callbacks."""
        self.is_stage_over = True

    def end(self, reason: str) -> None:
        """Run no further epoch and no further stage; for callbacks."""
        self.is_stopped, self.end_reason = True, reason

    # Stages

    def fit_stages(self, stages: Sequence[Stage], cbs: Any = None, *, start: Mapping[str, Any] | None = None) -> None:
        """Run the stages in order; a stage of no epochs is skipped.

        Args:
            start: a checkpoint of a training of the same stages, to go on from.
        """
        self.stages, self.is_stopped, self.end_reason = list(stages), False, None
        self.bind_hooks()
        with self.added_cbs(self.ema), self.added_cbs(cbs):
            first = restore_training(self, start) if start else 0
            for index in range(first, len(self.stages)):
                if self.stages[index].epochs and not self.is_stopped:
                    self.stage_index = index
                    self._fit_stage(start if index == first else None)
        self.stage = None

    def fit_stage(self, stage: Stage, cbs: Any = None) -> None:
        """Run one stage."""
        self.fit_stages([stage], cbs)

    def _fit_stage(self, start: Mapping[str, Any] | None) -> None:
        """Freeze or unfreeze, make the optimizer, run the epochs."""
        stage = self.stage = self.stages[self.stage_index]
        is_midway = start is not None and start["runner"]["stage"] == self.stage_index
        if not is_midway:
            self.position, self.stage_steps = Position(), 0
        self.freezer.freeze_to(-1 if stage.frozen else 0)
        # Before the optimizer: a task may freeze or thaw more.
        self.emit("onStageStart", self.stage_index, stage.settings)
        if self.opt is None or not stage.keeps_optimizer:
            self.opt = OptimWrapper(opt=stage.optimizer(self.model) if stage.optimizer else self.make_optimizer())
        self.n_epoch, self.is_stage_over = stage.epochs, False
        batches = length(self.dls.train)
        stage.schedule.begin(
            self.opt.opt, epochs=stage.epochs, steps=None if batches is None else -(-batches // self.accumulate)
        )

        def run() -> None:
            # After before_fit, which sets callbacks to their beginning.
            if start:
                restore_stage(self, start, is_midway=is_midway)
            self._do_fit()

        self._with_events(run, "fit", CancelFitException, self._end_cleanup)

    def forget_training(self) -> None:
        """Drop what only training needs, the optimizer's state and the gradients: three times the model's size."""
        self.opt = None
        self.model.zero_grad(set_to_none=True)
        trim()

    def fine_tune(self, epochs: int, base_lr: float = 2e-3, freeze_epochs: int = 1, **kwargs: Any) -> None:
        """Train the head for ``freeze_epochs``, then everything for ``epochs`` (fastai's fine_tune)."""
        cbs = kwargs.pop("cbs", None)
        self.fit_stages(fine_tune_stages(epochs, base_lr, freeze_epochs=freeze_epochs, **kwargs), cbs)

    def fit(self, n_epoch: int, lr: Any = None, wd: Any = None, cbs: Any = None, **kwargs: Any) -> None:
        """Run fastai's own fit, which the LR finder uses: no stage, nobody is told."""
        self.stage, self.position, self.is_stage_over, self.is_stopped = None, Position(), False, False
        super().fit(n_epoch, lr, wd, cbs, **kwargs)

    def predict(self, item: Any, rm_type_tfms: Any = None, with_input: bool = False) -> tuple[Any, ...]:
        """Return the task's (answer, decoded tensor, probabilities) for one image."""
        return self.task.predict(item)

    # Epochs

    def _do_fit(self) -> None:
        """Run the epochs, each worker with its part of the samples."""
        self.worker_seed = broadcast_object(torch.initial_seed())
        assert self.opt is not None
        try:
            with (
                shard_loaders(self.dls.train, *self._find_evaluation_loaders().values()),
                average_gradients(self.model) as self.gradients,
                divide_step(self.opt.opt) as self.divided_step,
            ):
                self._do_epochs()
        finally:
            self.gradients = self.divided_step = None

    def _do_epochs(self) -> None:
        while self.position.epoch < self.n_epoch and not (self.is_stage_over or self.is_stopped):
            self.epoch = self.position.epoch
            self._with_events(self._do_epoch, "epoch", CancelEpochException)

    def _do_epoch(self) -> None:
        self._forget()
        self.emit("onEpochStart", self.epochs_done + 1)
        self._do_epoch_train()
        self.has_evaluated = (self.epoch + 1) % self.eval_interval == 0 or self.epoch + 1 >= self.n_epoch
        if self.has_evaluated:
            self.position = replace(self.position, rng_after=get_rng_state(*find_generators(self.dls.train)))
            self._evaluate_all()
        self.position = Position(epoch=self.epoch + 1)
        if self.stage:
            self.epochs_done += 1
            self.stage.schedule.after_epoch(self.errors.of("val_metric") if self.has_evaluated else None)
            self._tell_epoch("onEpochEnd")

    def _forget(self) -> None:
        self.means: dict[str, Means] = {}
        self.errors = Errors(self.task, self.means)

    def _tell_epoch(self, event: str) -> None:
        if self.stage and self.listeners.has(event):
            averages = {("val" if split == "valid" else split): dict(means) for split, means in self.means.items()}
            self.emit(event, self.errors.state(self.epochs_done), averages)

    def _find_evaluation_loaders(self) -> dict[str, Any]:
        """Return the loaders that are there beside the training one, by split."""
        loaders = {"valid": self.dls.valid, "test": vars(self.dls).get("test")}
        return {split: loader for split, loader in loaders.items() if loader is not None}

    def _evaluate_all(self) -> None:
        there = self._find_evaluation_loaders()
        for split, loader in there.items():
            self.means[split] = self.evaluate(loader, split)
        self._tell_epoch("onValidationEnd")
        if self.ema and self.stage:
            for split, loader in there.items():
                self.means[f"ema_{split}"] = self.evaluate(loader, f"ema_{split}", self.ema.module)

    def evaluate(self, loader: Any, split: str = "valid", model: nn.Module | None = None) -> Means:
        """Return the averages of one pass over a loader, in evaluation mode; the mode is put back.

        Several workers share the loader, or the first one evaluates it alone where it cannot be divided; all have the
        result.

        Args:
            split: for the listeners.
            model: another one than the trained, of the same form.
        """
        trained, self.model = self.model, model or self.model
        was_training = self.model.training
        self.emit("onEvalStart", split, length(loader))

        def run() -> None:
            self.dl, self.averages, self.epoch_cache = loader, Averages(), {}
            if world_size() > 1 and not (is_main() or is_divided(loader)):
                return
            with torch.set_grad_enabled(self.task.eval_needs_grad):
                self._with_events(self.all_batches, "validate", CancelValidException)

        sync_buffers(self.model)
        try:
            self._with_room(run, self._halve_evaluation)
            return self._pass_means()
        finally:
            self.model.train(was_training)
            self.model = trained

    def _do_epoch_validate(self, ds_idx: int = 1, dl: Any = None) -> None:
        self.means["valid"] = self.evaluate(self.dls[ds_idx] if dl is None else dl)

    def _pass_means(self) -> Means:
        """Return the averages of a pass of all workers, with the task's epoch metrics over them."""
        averages, cache = collect_averages(self.averages, self.epoch_cache)
        # A pass that a callback has cancelled, as the LR finder does, has nothing to compute them from.
        epoch_metric = self.epoch_metric if averages.counts or cache else None
        more = epoch_metric or (lambda cache: {})
        return on_main(lambda: averages.means() | {name: float(value) for name, value in more(cache).items()})

    def _do_epoch_train(self) -> None:
        if not self.position.iter:
            self.train_averages, self.train_cache = Averages(), {}
        self.averages, self.epoch_cache = self.train_averages, self.train_cache

        def run() -> None:
            self.dl = self.dls.train
            self._with_events(self.all_batches, "train", CancelTrainException)

        self._with_room(run, self._halve_training)
        self.means["train"] = self._pass_means()

    # Out of memory

    def _with_room(self, run: Callable[[], None], halve: Callable[[], bool]) -> None:
        """Run a pass; where memory does not suffice, go on with smaller batches.

        Raises:
            TrainingError: the batches cannot be made smaller.
        """
        while True:
            try:
                return run()
            except (RuntimeError, MemoryError, OSError) as error:
                if not is_out_of_memory(error):
                    raise
            # Outside the handler: the traceback holds the tensors that take the room.
            for name in ("batch", "xb", "yb", "pred", "loss", "loss_grad"):
                setattr(self, name, None)
            give_back()
            if not halve():
                raise out_of_memory(getattr(self.dls.train, "bs", None), workers=world_size())

    def _halve_training(self) -> bool:
        """Halve the batch and double the accumulation, so that a step sees the same images as before."""
        self.opt.zero_grad()
        self.iter = self.position.iter  # the batch that did not fit may not have been begun: it was being made
        first, _ = self.window()
        if world_size() > 1:  # the others are waiting for this worker's gradients
            return False
        if not (hasattr(self.dl, "halve") and self.dl.halve()):
            return False
        # Back to the beginning of the step that did not fit, and of what was counted in it.
        self.position = Position(epoch=self.epoch, iter=2 * first)
        self.accumulate *= 2
        self.uncount()
        if hasattr(self.dls.valid, "halve"):
            self.dls.valid.halve()
        logger.warning(
            f"not enough memory: going on with batches of {self.dl.bs}, {self.accumulate} of them to a step, "
            "which sees as many images as before"
        )
        return True

    def _halve_evaluation(self) -> bool:
        return bool(hasattr(self.dl, "halve") and self.dl.halve())

    # Batches

    def all_batches(self) -> None:
        if self.training and self.freeze_bn:
            _freeze_statistics(self.model[0])
        self.n_iter, self.batch_device = length(self.dl), self.device
        first = self.position.iter if self.training else 0
        self._seed_worker(first)
        for i, batch in enumerate(self._batches(first), first):
            self._seed_worker(i + 1)
            self.one_batch(i, batch)
        if self.training and not self.is_between_steps:
            self._finish_step()

    def _finish_step(self) -> None:
        """Make a step of what is left of a loader that did not say where it ends."""
        left = (self.iter + 1) % self.accumulate
        with self.averaging():
            for parameter in self.model.parameters():
                if parameter.grad is not None:
                    parameter.grad.mul_(self.accumulate / left)
        self.is_between_steps = True
        self._with_events(self._step, "step", CancelStepException)

    def _seed_worker(self, number: int) -> None:
        """Let workers draw different random numbers: all but the first anew for each batch, so that none is kept."""
        if self.training and world_size() > 1 and not is_main():
            seed_everything(mix_seed(self.worker_seed, self.epochs_done, number, rank()))

    def _batches(self, first: int) -> Iterator[Any]:
        """Return the loader's batches from this one on, as they would have come without a stop before it."""
        loader = self.dl
        if not self.training:
            return iter(loader)
        # Loaders and samplers draw order and augmentation from the number of the epoch.
        if hasattr(loader, "epoch"):
            loader.epoch = self.epochs_done
        for name in ("sampler", "batch_sampler"):
            if set_epoch := getattr(getattr(loader, name, None), "set_epoch", None):
                set_epoch(self.epochs_done)
        if hasattr(loader, "start"):
            loader.start = first
            return iter(loader)
        return self._redraw(loader, first)

    def _redraw(self, loader: Any, first: int) -> Iterator[Any]:
        """Go on in a loader that draws from random generators: from its state at the beginning of the pass."""
        own = find_generators(loader)
        if not first:
            self.position = Position(epoch=self.epoch, rng=get_rng_state(*own))
            return iter(loader)
        here = get_rng_state(*own)
        if self.position.rng:
            set_rng_state(self.position.rng, *own)
        batches = iter(loader)
        for _ in itertools.islice(batches, first):
            pass
        set_rng_state(here, *own)
        return batches


def _freeze_statistics(body: nn.Module) -> None:
    for layer in body.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.eval()
