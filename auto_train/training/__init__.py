"""The training core. Its names for users are imported on first use: most of them need torch."""

import warnings
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auto_train.training.checkpoints.recover import recover as recover
    from auto_train.training.pipeline.args import prepare_cmd_args as prepare_cmd_args
    from auto_train.training.pipeline.pipeline import QPipeline as QPipeline
    from auto_train.training.pipeline.pipeline import create_pipeline as create_pipeline
    from auto_train.training.pipeline.qdict import qDict as qDict
    from auto_train.training.task import qTaskBase as qTaskBase

_HOMES = {
    "QPipeline": "pipeline.pipeline",
    "create_pipeline": "pipeline.pipeline",
    "qTaskBase": "task",
    "prepare_cmd_args": "pipeline.args",
    "qDict": "pipeline.qdict",
    "recover": "checkpoints.recover",
}
__all__ = list(_HOMES)

# fastai calls torch.jit.script while it is imported, from whichever module here is first; torch 2.15 warns about that.
warnings.filterwarnings("ignore", message=".*torch.jit.script.*", category=FutureWarning)


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"auto_train.training.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'auto_train.training' has no attribute {name!r}")
