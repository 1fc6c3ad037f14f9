"""The ``trainer`` folder of a bundle: how its model was trained, and the way to do it again."""

import tempfile
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from auto_train.bundle import ConfigMixin, save_config
from auto_train.config import load_config
from auto_train.registry import recipe
from auto_train.runs.folder import TrainResult
from auto_train.types import Listener


class Trainer(ConfigMixin):
    """Train a bundle's experiment again: ``Trainer.from_pretrained(bundle).train(["training.seed=2"])``.

    Args:
        ini: the INI with all defaults written out and its variables kept.
    """

    __prefix__ = "trainer"

    @save_config
    def __init__(self, ini: str):
        self.ini = ini

    def train(
        self, overrides: Sequence[str] = (), *, offline: bool = False, progress: Listener | None = None
    ) -> TrainResult:
        """Train by the recipe the INI names; arguments and errors are those of its ``train_model``.

        Args:
            overrides: ``section.key=value`` each. Relative paths start at the working directory, as ever.
        """
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "config.ini"
            file.write_text(self.ini, encoding="utf-8")
            config = load_config(file, overrides)
        train = import_module(f"{recipe(config.project.type).package}.train")
        result: TrainResult = train.train_model(config, offline=offline, progress=progress)
        return result
