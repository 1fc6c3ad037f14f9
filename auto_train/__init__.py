"""AutoTrain: one INI file is the whole experiment.

The verbs live in :mod:`auto_train.actions` and are imported on first use, so that importing the package stays cheap.
"""

from auto_train.version import __version__ as __version__

__all__ = ["load", "predict", "serve", "train", "validate"]


def __getattr__(name: str) -> object:
    if name in __all__:
        from auto_train import actions

        return getattr(actions, name)
    raise AttributeError(f"module 'auto_train' has no attribute {name!r}")
