"""An INI as the standard arguments of a training (F3.4), so that both doors go through one schema."""

from typing import Any

from auto_train.config import Config
from auto_train.config.frozen_epochs import count_frozen_epochs

# Rates move in every step or never: torch's schedulers, which the schema knows, move them once an epoch.
NOT_TORCHS = ("one_cycle", "constant")


def standard_args(config: Config, *, rate: float) -> dict[str, Any]:
    """Return what ``validate_args`` takes for the config of an image recipe.

    Args:
        rate: the learning rate, stated or found.
    """
    training, scheme = config.training, config.training.scheme
    optim: dict[str, Any] = {
        "loss": f"that of {config.project.type}",
        "optimizer": scheme.optimizer,
        "optimizer_params": {"lr": rate, "weight_decay": scheme.weight_decay},
        "scheduler": None if scheme.scheduler in NOT_TORCHS else scheme.scheduler,
        "scheduler_params": dict(config.get("training.scheme.scheduler_params", {})),
        "warmup_params": {"warmup_epochs": scheme.warmup_epochs},
        "ema_params": {"ema": scheme.ema_decay is not None, "ema_decay": scheme.ema_decay},
    }
    frozen_epochs = count_frozen_epochs(scheme.freeze_epochs, is_pretrained=_is_pretrained(config))
    runner: dict[str, Any] = {
        "run_mode": "epoch",
        # without an epoch the training only evaluates
        "max_epochs": max(scheme.epochs + frozen_epochs, 1),
        "clip_grad": scheme.clip_grad,
        "accum_grad": scheme.accumulate,
        "early_stop": {"target": target_of(config), "patience": scheme.early_stop} if scheme.early_stop else None,
        "checkpoint": {"target": target_of(config), "mode": "min"},
    }
    return {
        "seed": training.seed,
        "log_dir": config.project.location,
        "ckp_file": None,
        "init_file": scheme.resume_training_from,
        "task": {"dataloader": {"batch_size": scheme.batch_size}},
        "model": config.architecture.to_dict(),
        "optim": optim,
        "runner": runner,
    }


def _is_pretrained(config: Config) -> bool:
    backbone = config.architecture.backbone
    return bool(backbone.pretrained or backbone.weights)


def target_of(config: Config) -> str:
    """Return the target by which the best epoch is chosen: of the averaged weights, where they are kept."""
    return "val_metric" if config.training.scheme.ema_decay is None else "ema_val_metric"
