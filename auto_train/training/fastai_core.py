"""fastai's training loop, imported without matplotlib, scikit-learn and scipy: 1.4 s and 88 MB it has no use for.

The rest of the program takes fastai's names from here. Who imported fastai or one of the two before has them whole;
and what fastai calls of them later, as in a user's own code, is imported then.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter
from types import ModuleType
from typing import Any

# What fastai imports only to call it later.
DEFERRED = (
    *("scipy", "scipy.ndimage", "scipy.stats", "sklearn", "sklearn.metrics", "sklearn.model_selection"),
    *("matplotlib", "matplotlib.pyplot"),
)


class _Promise:
    """Stands in for what a module has: called, or asked for something at the time of use, it is looked up."""

    def __init__(self, module: str, *names: str):
        self._module, self._names = module, names

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return attrgetter(".".join(self._names))(importlib.import_module(self._module))(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Promise(self._module, *self._names, name)


class _DeferredModule(ModuleType):
    """Stands in for a module: at first gives out promises of its functions, and all it has once fastai is imported."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: list[str] = []  # it has submodules

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is not self:
            return getattr(importlib.import_module(self.__name__), name)
        if name.startswith("__"):
            raise AttributeError(name)
        return _Promise(self.__name__, name)


@contextmanager
def _defer_imports() -> Iterator[None]:
    """Let imports of DEFERRED find a stand-in while the block runs, but for what is imported already."""
    standing_in = {name: _DeferredModule(name) for name in DEFERRED if name.partition(".")[0] not in sys.modules}
    sys.modules.update(standing_in)
    for name, module in standing_in.items():
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(standing_in[parent], child, module)
    try:
        yield
    finally:
        for name, module in standing_in.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


with _defer_imports():
    from fastai.callback.core import (
        Callback,
        CancelBackwardException,
        CancelBatchException,
        CancelEpochException,
        CancelFitException,
        CancelStepException,
        CancelTrainException,
        CancelValidException,
        TrainEvalCallback,
    )
    from fastai.callback.schedule import minimum, steep
    from fastai.learner import Learner, Recorder
    from fastai.optimizer import OptimWrapper
    from fastai.torch_core import norm_bias_params

__all__ = [
    "Callback",
    "CancelBackwardException",
    "CancelBatchException",
    "CancelEpochException",
    "CancelFitException",
    "CancelStepException",
    "CancelTrainException",
    "CancelValidException",
    "Learner",
    "OptimWrapper",
    "Recorder",
    "TrainEvalCallback",
    "minimum",
    "norm_bias_params",
    "steep",
]
