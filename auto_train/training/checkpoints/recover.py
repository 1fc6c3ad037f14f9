"""recover: the weights of a checkpoint back into a model (F3.16, F3.19), and weights from other files."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from loguru import logger
from torch import nn

from auto_train.errors import CheckpointError, MissingError
from auto_train.training.checkpoints.checkpoint import KIND, load_checkpoint
from auto_train.training.checkpoints.state import load_weights


def recover(model: nn.Module, path: Path | str, try_ema: bool = True, *, strict: bool = True) -> dict[str, Any]:
    """Load a checkpoint's weights into the model and return what else is in it, ``extra_ckp_caches`` for example.

    Args:
        path: of ``best.ckpt``, ``last.ckpt`` or another checkpoint, written by one process or by several.
        try_ema: take the moving average of the weights where the checkpoint has one.
        strict: refuse weights that are missing or unknown; else they are logged, and the others loaded.

    Raises:
        MissingError: there is no such file.
        CheckpointError: it is no checkpoint, damaged, or of another model.
    """
    state = load_checkpoint(Path(path).expanduser())
    averaged = state.get("ema_state_dict") if try_ema else None
    _load(model, averaged["weights"] if averaged else state["model"], Path(path), strict=strict)
    return state


def load_init_file(model: nn.Module, path: Path | str) -> None:
    """Load weights alone, from a state_dict or out of a checkpoint, ours or one that has ``model_state_dict``.

    Raises:
        MissingError: there is no such file.
        CheckpointError: it holds no weights, or those of another model.
    """
    path = Path(path).expanduser()
    where = str(path.absolute())
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise MissingError("this file does not exist", where=where, hint="correct init_file") from None
    except (RuntimeError, EOFError, ValueError, KeyError, OSError, pickle.UnpicklingError) as error:
        raise CheckpointError("this file of weights is damaged, or it is none", where=where) from error
    if isinstance(content, Mapping):
        content = content["model"] if content.get("kind") == KIND else content.get("model_state_dict", content)
    if not isinstance(content, Mapping) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise CheckpointError("this file holds no weights", where=where, allowed="a state_dict, or a checkpoint")
    _load(model, content, path, strict=True)


def _load(model: nn.Module, weights: Mapping[str, Any], path: Path, *, strict: bool) -> None:
    try:
        unmatched = load_weights(model, weights, is_strict=strict)
    except CheckpointError as error:
        raise CheckpointError(error.message, where=str(path.absolute())) from error
    if unmatched:
        logger.warning(f"{path}: {', '.join(unmatched)}")
    logger.info(f"weights of {path}")
