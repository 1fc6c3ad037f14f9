"""The precisions that a training may choose from."""

from typing import Any

from auto_train.config import Config


def precision_choices(config: Config) -> dict[str, Any]:
    """Return amp and channels_last for choose_precision: as the config says, without a choice by timing in strict."""
    scheme = config.training.scheme
    choices = {"amp": scheme.amp, "channels_last": scheme.channels_last}
    if config.training.reproducible != "strict":
        return choices
    return {name: False if choice == "auto" else choice for name, choice in choices.items()}
