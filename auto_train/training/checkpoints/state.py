"""What a checkpoint holds of a Learner, and how a Learner takes it back. Files are checkpoint.py's."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from loguru import logger
from torch import nn

from auto_train.errors import CheckpointError, TaskContractError
from auto_train.training.position import Position
from auto_train.training.rng import find_generators, get_rng_state, set_rng_state
from auto_train.training.step import defines
from auto_train.training.task import hook
from auto_train.training.workers.distributed import is_main, world_size

if TYPE_CHECKING:
    from fastai.learner import Learner

State = Mapping[str, Any]


def collect_state(learn: "Learner") -> dict[str, Any]:
    """Return everything the rest of the training depends on, tensors by reference."""
    assert learn.opt is not None
    state = {
        "model": learn.model.state_dict(),
        "optimizer": learn.opt.opt.state_dict(),
        "scheduler": learn.stage.schedule.state_dict() if learn.stage else {},
        "scaler": learn.scaler.state_dict(),
        "rng": learn.position.rng_after or get_rng_state(*find_generators(learn.dls.train)),
        "runner": _runner_state(learn),
        "averages": learn.train_averages.state_dict(),
        "epoch_cache": _train_cache(learn),
        "loader": _loader_state(learn),
        "task": _task_state(learn),
        "extra_ckp_caches": learn.extra_ckp_caches,
        "plan": learn.plan,
        "metrics": {split: dict(means) for split, means in learn.means.items()},
    }
    check_plain(state["metrics"], "the metrics")
    callbacks = _stateful_callbacks(learn).items()
    return state | {key: check_plain(cb.state_dict(), f"{type(cb).__name__}.state_dict()") for key, cb in callbacks}


def _train_cache(learn: "Learner") -> dict[str, Any]:
    """Return what the epoch under way has collected, as far as it can be kept."""
    if not learn.position.iter or is_plain(learn.train_cache):
        return learn.train_cache
    logger.warning(
        f"what {type(learn.task).__name__} collects in epoch_cache cannot be kept in a checkpoint: if this training is "
        "resumed from here, the training metrics of the epoch under way are of its rest only; tensors could be kept"
    )
    return {}


def _runner_state(learn: "Learner") -> dict[str, Any]:
    return {
        "stage": learn.stage_index,
        "stage_name": learn.stage.name if learn.stage else None,
        "stage_epoch": learn.position.epoch,
        "stage_steps": learn.stage_steps,
        "is_stage_over": bool(learn.is_stage_over),
        "iter": learn.position.iter,
        "epoch_rng": learn.position.rng,
        "epoch": learn.epochs_done,
        "max_epochs": sum(stage.epochs for stage in learn.stages),
        "step": learn.steps_done,
        "end_reason": learn.end_reason,
        "world": world_size(),
    }


def _loader_state(learn: "Learner") -> dict[str, Any]:
    train = learn.dls.train
    own = train.state_dict() if defines(train, "state_dict") else None
    return {"bs": getattr(train, "bs", None), "accumulate": learn.accumulate, "own": own}


def _task_state(learn: "Learner") -> dict[str, Any]:
    state_dict = hook(learn.task, "state_dict")
    state: dict[str, Any] = state_dict() if state_dict else {}
    return check_plain(state, f"{type(learn.task).__name__}.state_dict()")


def _stateful_callbacks(learn: "Learner") -> dict[str, Any]:
    """Return the callbacks that have a state of their own, by their key in a checkpoint."""
    # Asking the instance would ask the learner and its model.
    found = [cb for cb in learn.cbs if defines(cb, "state_dict")]
    return {getattr(type(cb), "state_key", cb.name): cb for cb in found}


def restore_training(learn: "Learner", state: State) -> int:
    """Put weights, counters and the place into a Learner and return the number of the stage to go on with."""
    load_weights(learn.model, state["model"])
    _restore_callbacks(learn, state)
    runner, loader = state["runner"], state["loader"]
    learn.epochs_done, learn.steps_done = runner["epoch"], runner["step"]
    learn.extra_ckp_caches = dict(state["extra_ckp_caches"]) | learn.extra_ckp_caches
    learn.plan = dict(state["plan"]) | learn.plan
    load_task = hook(learn.task, "load_state_dict")
    if load_task and state["task"]:
        load_task(state["task"])
    _restore_batch_size(learn, loader)
    learn.position = _position(learn, runner)
    if runner["end_reason"] == "early_stop":
        learn.end_reason = "early_stop"
        return len(learn.stages)
    return int(runner["stage"]) + bool(runner["is_stage_over"])


def _position(learn: "Learner", runner: State) -> Position:
    """Return the place to go on at; another number of workers may have to begin the epoch again."""
    workers, begun = runner.get("world", 1), runner["iter"]
    if begun and workers != world_size() and not hasattr(learn.dls.train, "start"):
        logger.warning(
            f"{workers} workers began this epoch, {world_size()} begin it again: their batches have other sizes"
        )
        begun = 0
    elif begun and workers > 1:
        logger.warning("the training metrics of the epoch under way are of one worker's part and of what is to come")
    return Position(epoch=runner["stage_epoch"], iter=begun, rng=runner["epoch_rng"])


def _restore_batch_size(learn: "Learner", loader: State) -> None:
    """Go on with the smaller batches that a lack of memory has led to."""
    train, smaller = learn.dls.train, loader["bs"]
    halve = getattr(train, "halve", None)
    if halve and smaller and smaller < train.bs and learn.accumulate < loader["accumulate"]:
        while train.bs > smaller and halve():
            learn.accumulate *= 2
    if loader["own"] is not None and defines(train, "load_state_dict"):
        train.load_state_dict(loader["own"])


def restore_stage(learn: "Learner", state: State, *, is_midway: bool) -> None:
    """Put the random generators into the checkpoint's state, and what belongs to the running stage.

    Args:
        is_midway: the checkpoint is from this stage, not from the end of the one before.
    """
    if is_midway:
        _restore_callbacks(learn, state)  # again: before_fit has set some to their beginning
        _restore_optimizer(learn, state)
        if is_main():  # what all workers have is added up
            learn.train_averages.load_state_dict(state["averages"])
            learn.train_cache.update(state["epoch_cache"])
    set_rng_state(state["rng"], *find_generators(learn.dls.train))


def _restore_callbacks(learn: "Learner", state: State) -> None:
    for key, callback in _stateful_callbacks(learn).items():
        if key in state:
            callback.load_state_dict(state[key])


def _restore_optimizer(learn: "Learner", state: State) -> None:
    assert learn.opt is not None and learn.stage is not None
    try:
        learn.opt.opt.load_state_dict(state["optimizer"])
    except (ValueError, KeyError) as error:
        raise CheckpointError(
            f"its optimizer state does not fit this training: {error}",
            hint="resume with the optimizer and backbone of the run, or start anew from its weights: "
            "[training.scheme] resume_training_from, or init_file",
        ) from error
    learn.stage.schedule.load_state_dict(state["scheduler"])
    learn.scaler.load_state_dict(state["scaler"])
    learn.stage_steps = state["runner"]["stage_steps"]


def load_weights(model: nn.Module, weights: State, *, is_strict: bool = True) -> list[str]:
    """Load a state_dict, with or without the prefix a data-parallel wrapper gives, and return what did not match.

    Raises:
        CheckpointError: is_strict, and names are missing or unknown; or shapes differ.
    """
    plain = {name.removeprefix("module."): value for name, value in weights.items()}
    if any(name.startswith("module.") for name in model.state_dict()):
        plain = {f"module.{name}": value for name, value in plain.items()}
    try:
        missing, unexpected = model.load_state_dict(plain, strict=False)
    except RuntimeError as error:
        shapes = "; ".join(line.strip() for line in str(error).splitlines()[1:4])
        raise CheckpointError(f"its weights are of another model: {shapes}") from error
    found = [f"missing: {name}" for name in missing] + [f"unknown: {name}" for name in unexpected]
    if found and is_strict:
        shown = ", ".join(found[:6]) + (f", … {len(found) - 6} more" if len(found) > 6 else "")
        raise CheckpointError(f"its weights are of another model: {shown}")
    return found


def check_plain(value: Any, where: str) -> Any:
    """Return a value that can be loaded without pickle.

    Raises:
        TaskContractError: it holds other objects.
    """
    if not is_plain(value):
        raise TaskContractError(
            "this cannot be kept in a checkpoint",
            where=where,
            allowed="tensors, numbers, text, None, and lists, tuples and dicts of them",
        )
    return value


def is_plain(value: Any) -> bool:
    """Tell whether ``torch.load(weights_only=True)`` takes a value."""
    if isinstance(value, dict):
        return all(isinstance(key, str | int | float | bool) and is_plain(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return all(map(is_plain, value))
    return value is None or type(value) in (bool, int, float, str, torch.Tensor, torch.nn.Parameter)
