"""INI text to a checked config, every problem reported at once (F2.2 to F2.4, F2.15). Functions: the registry."""

from auto_train.config.attrdict import AttrDict
from auto_train.config.config import Config, Explanation
from auto_train.config.load import lint_config, load_config
from auto_train.config.problem import Origin, Problem

__all__ = ["AttrDict", "Config", "Explanation", "Origin", "Problem", "lint_config", "load_config"]
