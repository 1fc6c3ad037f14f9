"""A state_dict to a file and back (F2.10)."""

from pathlib import Path

import torch
from loguru import logger
from torch import nn

from auto_train.errors import MissingError
from auto_train.files import write_file


def save_torch_model_weights_from(model: nn.Module, path: Path | str) -> Path:
    """Save the model's state_dict, whole or not at all; parent folders are made."""
    path = Path(path).expanduser()
    with write_file(path) as part:
        torch.save(model.state_dict(), part)
    logger.info("weights saved to {} ({:.1f} MB)", path, path.stat().st_size / 1e6)
    return path


def load_torch_model_weights_to(model: nn.Module, path: Path | str, device: torch.device | str | None = None) -> None:
    """Load a state_dict into the model; one saved on a GPU loads on a CPU.

    Raises:
        MissingError: no such file, no state_dict, or one of another architecture.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise MissingError("there are no weights", where=str(path.absolute()), hint="train first, or correct the path")
    logger.info("loading weights from {} ({:.1f} MB)", path, path.stat().st_size / 1e6)
    try:
        state = torch.load(path, map_location=device or "cpu", weights_only=True)
        if "model" in state and "optimizer" in state:  # a checkpoint of a run
            state = state["model"]
        model.load_state_dict(state)
    except Exception as error:  # torch.load and load_state_dict raise a dozen types for a file that does not fit
        raise MissingError(
            f"these weights do not fit the model: {_first_lines(error)}",
            where=str(path.absolute()),
            hint="name weights that were trained with the same [architecture] and classes",
        ) from error


def _first_lines(error: Exception, count: int = 4) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return " ".join(line.strip()[:200] for line in lines[:count])
