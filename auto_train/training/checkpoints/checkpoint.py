"""Checkpoint files, and the callback that writes them. What is in them is state.py's."""

import pickle
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from auto_train.errors import CheckpointError, MissingError, NotFiniteError
from auto_train.files import WrittenThrough, link_file, write_file
from auto_train.training.checkpoints.state import collect_state
from auto_train.training.fastai_core import Callback
from auto_train.training.monitor import Errors, check_target, is_better
from auto_train.training.task import hook

KIND = "auto_train checkpoint"
FORMAT = 2


class Checkpointer(Callback):
    """Save ``last.ckpt`` after every epoch, ``best.ckpt`` whenever the target improved strictly (F3.14).

    Args:
        folder: of the two files.
        target: by what the best epoch is chosen, see monitor.py.
        mode: "min" or "max".
        min_delta: least improvement.
        minutes: longest time without a checkpoint inside an epoch; None: epochs alone count.
        passes: return the passes over the data begun so far, where the Learner's epochs are not these.

    Attributes:
        best: value of the target in the best epoch, None before there is one.
        best_epoch: its number, 0 before there is one.
        best_pass: the pass over the data that it ended in.
        best_metrics: averages of all passes of that epoch.
    """

    order, run_valid, state_key = 80, False, "best"

    def __init__(
        self,
        folder: Path,
        *,
        target: str = "val_metric",
        mode: str = "min",
        min_delta: float = 0.0,
        minutes: float | None = None,
        passes: Callable[[], int] | None = None,
    ):
        self.target, self.mode = check_target(target, mode)
        self.folder, self.min_delta, self.minutes, self.passes = folder, min_delta, minutes, passes
        self.best: float | None = None
        self.best_epoch, self.best_pass, self.saved_at = 0, 0, time.monotonic()
        self.best_metrics: dict[str, Any] = {}

    def before_fit(self) -> None:
        self.saved_at = time.monotonic()

    def after_batch(self) -> None:
        is_due = self.minutes is not None and time.monotonic() - self.saved_at > 60 * self.minutes
        if is_due and self.learn.is_between_steps:
            self.save()

    def after_epoch(self) -> None:
        is_best = self._is_best(self.learn.errors.of(self.target))
        if is_best:
            self.best_epoch = self.learn.epochs_done
            self.best_pass = self.passes() if self.passes else self.best_epoch
            self.best_metrics = {split: dict(means) for split, means in self.learn.means.items()}
        state = self.save()
        if is_best:
            link_file(self.folder / "last.ckpt", self.folder / "best.ckpt")
            if on_better_model := hook(self.learn.task, "on_better_model"):
                on_better_model(self.learn, state)

    def _is_best(self, value: float | None) -> bool:
        """Judge an epoch; the first number is the best so far, NaN never is."""
        if value is None or not is_better(value, self.best, mode=self.mode, margin=self.min_delta):
            return False
        self.best = value
        return True

    def lacks_number(self, errors: Errors) -> bool:
        """Tell whether no epoch could be the best because the target was NaN; by the last epoch's errors."""
        return not self.best_epoch and errors.of(self.target) is not None

    def after_cancel_fit(self) -> None:
        """Save in the middle of an epoch: the training was asked to stop."""
        if self.learn.is_between_steps:
            self.save()

    def save(self) -> dict[str, Any]:
        """Write ``last.ckpt``, loadable with ``weights_only=True``, and return what is in it.

        Raises:
            NotFiniteError: a weight is no number; the checkpoint before stays.
            TaskContractError: a callback's state is none that loads without pickle.
        """
        _require_finite(self.learn.model)
        state = {"format": FORMAT, "kind": KIND, **collect_state(self.learn)}
        state["runner"] |= {"best_epoch": self.best_epoch, "best_metric": self.best}
        with write_file(self.folder / "last.ckpt") as part, WrittenThrough(part) as file:
            torch.save(state, file)
        self.saved_at = time.monotonic()
        return state

    def load_best(self) -> None:
        """Put the best epoch's weights into the model, those of the moving average where there is one."""
        if self.best_epoch:
            # Mapped: the optimizer's state, which is larger than the weights, stays on the disk.
            state = torch.load(self.folder / "best.ckpt", map_location="cpu", weights_only=True, mmap=True)
            averaged = state.get("ema_state_dict")
            self.learn.model.load_state_dict(averaged["weights"] if averaged else state["model"])

    def state_dict(self) -> dict[str, Any]:
        return {"value": self.best, "epoch": self.best_epoch, "pass": self.best_pass, "metrics": self.best_metrics}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state["value"] is None:  # an epoch that was kept though it had no number
            return
        self.best, self.best_epoch, self.best_metrics = state["value"], state["epoch"], state["metrics"]
        self.best_pass = state.get("pass", self.best_epoch)


class RegularCheckpoints(Callback):
    """Save every so many steps besides the ends of epochs, or keep what is saved under names of its own (F3.4).

    Args:
        checkpoints: what saves.
        steps: save after every so many optimizer steps; None: the ends of epochs are enough.
        epochs: without steps, how many epochs lie between two checkpoints that are kept.
        keeps: whether each is kept, as ``step_N.ckpt`` or ``epoch_N.ckpt``; else ``last.ckpt`` is all there is.
    """

    order, run_valid = 81, False

    def __init__(self, checkpoints: Checkpointer, *, steps: int | None, epochs: int = 1, keeps: bool = False):
        self.checkpoints, self.steps, self.epochs, self.keeps = checkpoints, steps, epochs, keeps
        self.saved_step = 0

    def after_batch(self) -> None:
        done = self.learn.steps_done
        is_due = self.steps and done % self.steps == 0 and done != self.saved_step
        if is_due and self.learn.is_between_steps:
            self.saved_step = done
            self.checkpoints.save()
            self._keep(f"step_{done}.ckpt")

    def after_epoch(self) -> None:
        if not self.steps and self.learn.epochs_done % self.epochs == 0:
            self._keep(f"epoch_{self.learn.epochs_done}.ckpt")

    def _keep(self, name: str) -> None:
        if self.keeps:
            link_file(self.checkpoints.folder / "last.ckpt", self.checkpoints.folder / name)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Return a checkpoint's content on the CPU; no code in it is run.

    Raises:
        MissingError: there is no such file.
        CheckpointError: damaged, not one of ours, or of another version.
    """
    where = str(path.absolute())
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()  # torch itself does not compare the checksums of tensors
        state = None if damaged else torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise MissingError("this checkpoint does not exist", where=where) from None
    except (RuntimeError, EOFError, ValueError, KeyError, OSError, pickle.UnpicklingError, zipfile.BadZipFile):
        state = None
    if state is None:
        raise CheckpointError("this checkpoint is damaged, or it is none", where=where, hint=_suggest_other(path))
    if not isinstance(state, Mapping) or state.get("kind") != KIND:
        raise CheckpointError(
            "this is no checkpoint of a training",
            where=where,
            hint="weights alone are taken by [training.scheme] resume_training_from, or init_file",
        )
    if state["format"] > FORMAT:
        raise CheckpointError(
            f"a newer version of this program wrote this checkpoint (format {state['format']})",
            where=where,
            allowed=f"format {FORMAT}",
            hint="update: pip install --upgrade auto-train",
        )
    return dict(state)


def _suggest_other(path: Path) -> str:
    """Return where to go on from instead."""
    for name in ("best.ckpt", "last.ckpt"):
        if name != path.name and (path.parent / name).is_file():
            return f"go on from {path.parent.absolute() / name} instead: train --resume {path.parent.absolute() / name}"
    return "start the training anew"


def _require_finite(model: nn.Module) -> None:
    """Pass if every weight is a number; a loss can look well while one of them is not used yet."""
    # A sum is four times as fast to look at, and finite only if all its weights are.
    suspects = [(name, weight) for name, weight in model.named_parameters() if not torch.isfinite(weight.sum())]
    bad = [name for name, weight in suspects if not torch.isfinite(weight).all()]
    if bad:
        raise NotFiniteError(
            f"{len(bad)} of the model's weights became NaN or infinite, {bad[0]} among them",
            hint="lower the learning rate, clip the gradient (clip_grad = 1.0), or compute without amp",
        )
