"""Engines: what runs a trained model. One file each; base.py is the contract."""

from importlib import import_module

from auto_train.bundle.find import FoundModel
from auto_train.serving.engines.base import Engine

# name → class; the file is imported when the engine is used
ENGINES = {
    "onnxruntime": "auto_train.serving.engines.onnxruntime:OnnxRuntimeEngine",
    "torch": "auto_train.serving.engines.torch:TorchEngine",
}


def engine(name: str) -> type[Engine]:
    """Return an engine by its name in ``ENGINES``."""
    module, _, cls = ENGINES[name].partition(":")
    found: type[Engine] = getattr(import_module(module), cls)
    return found


def engines_for(found: FoundModel) -> list[type[Engine]]:
    """Return the engines that can run a model, the fastest first."""
    able = [cls for name in ENGINES if (cls := engine(name)).can_run(found)]
    return sorted(able, key=lambda cls: cls.rank)
