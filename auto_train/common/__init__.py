"""What every recipe shares. Names are imported on first use: most of them need torch."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auto_train.common.learning_rate import find_best_learning_rate as find_best_learning_rate
    from auto_train.common.run import training_run as training_run
    from auto_train.common.task import Task as Task
    from auto_train.models.backbone import create_timm_model as create_timm_model
    from auto_train.models.inference import InferenceModel as InferenceModel
    from auto_train.models.state_dict import load_torch_model_weights_to as load_torch_model_weights_to
    from auto_train.models.state_dict import save_torch_model_weights_from as save_torch_model_weights_from

_HOMES = {
    "create_timm_model": "auto_train.models.backbone",
    "Task": "auto_train.common.task",
    "InferenceModel": "auto_train.models.inference",
    "find_best_learning_rate": "auto_train.common.learning_rate",
    "training_run": "auto_train.common.run",
    "load_torch_model_weights_to": "auto_train.models.state_dict",
    "save_torch_model_weights_from": "auto_train.models.state_dict",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'auto_train.common' has no attribute {name!r}")
