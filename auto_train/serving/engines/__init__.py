"""Engines: what runs a trained model. One file each; base.py is the contract."""

from importlib import import_module

from auto_train.bundle.find import FoundModel
from auto_train.serving.engines.base import Engine

# name → class; the file is imported when the engine is used
ENGINES = {
    "onnxruntime": "auto_train.serving.engines.onnxruntime:OnnxRuntimeEngine",
    "torch": "auto_train.serving.engines.torch:TorchEngine",
}


def open_engine(name: str, found: FoundModel, *, trust_code: bool = False) -> Engine:
    """Open a model with one engine.

    Args:
        name: a key of ``ENGINES``.
        trust_code: run Python code that the bundle brings along.

    Raises:
        BundleError: the files are incomplete, altered or not trusted.
    """
    module, _, cls = ENGINES[name].partition(":")
    engine: Engine = getattr(import_module(module), cls).open(found, trust_code=trust_code)
    return engine
