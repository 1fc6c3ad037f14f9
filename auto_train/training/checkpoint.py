"""Checkpoints: what a training writes so that it can go on after anything."""

import math
import os
import shutil
from pathlib import Path

import torch
from fastai.callback.core import Callback
from torch import nn

from auto_train.errors import TrainingError
from auto_train.training.run_folder import replacing

CHECKPOINT_FORMAT = 1


class Checkpointer(Callback):
    """Save ``last.ckpt`` after every epoch, ``best.ckpt`` whenever the validation error improved strictly (F3.14)."""

    order, run_valid = 80, False

    def __init__(self, folder: Path):
        self.folder, self.best_error, self.best_epoch = folder, math.inf, 0

    def after_epoch(self) -> None:
        _require_finite(self.learn.model)
        error = self.learn.task.post_metric_to_err(self.learn.valid_means)
        # NaN compares false: never better. The first epoch always counts, and any number is better than its NaN.
        is_better = error < self.best_error or not self.best_epoch
        if is_better:
            self.best_error, self.best_epoch = math.inf if math.isnan(error) else error, self.learn.epochs_done
        self.save()
        if is_better:
            # A link costs nothing, and stays when the next epoch's last.ckpt takes the name.
            link = self.folder / ".best.ckpt"
            link.unlink(missing_ok=True)
            try:
                os.link(self.folder / "last.ckpt", link)
            except OSError:  # a file system without hard links
                shutil.copyfile(self.folder / "last.ckpt", link)
            os.replace(link, self.folder / "best.ckpt")

    def save(self) -> None:
        """Write ``last.ckpt``, loadable with ``weights_only=True``."""
        learn = self.learn
        stage = learn.stage.name if learn.stage else None
        state = {
            "format": CHECKPOINT_FORMAT,
            "model": learn.model.state_dict(),
            "optimizer": learn.opt.state_dict(),
            "scaler": learn.scaler.state_dict(),
            "rng": torch.get_rng_state(),
            "progress": {"epochs_done": learn.epochs_done, "stage": stage, "step": learn.train_iter},
            "best": {"error": float(self.best_error), "epoch": self.best_epoch},
            "metrics": dict(getattr(learn, "valid_means", {})),
        }
        with replacing(self.folder / "last.ckpt") as part:
            torch.save(state, part)

    def load_best(self) -> None:
        """Put the best epoch's weights into the model."""
        if self.best_epoch:
            state = torch.load(self.folder / "best.ckpt", map_location="cpu", weights_only=True)
            self.learn.model.load_state_dict(state["model"])


def _require_finite(model: nn.Module) -> None:
    """Pass if every weight is a number; a loss can look well while one of them is not used yet."""
    bad = [name for name, weight in model.named_parameters() if not torch.isfinite(weight).all()]
    if bad:
        raise TrainingError(
            f"{len(bad)} of the model's weights became NaN or infinite, {bad[0]} among them",
            hint="lower [training.scheme] learning_rate, set clip_grad = 1.0, or set amp = false",
        )
