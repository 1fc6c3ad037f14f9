"""INI text to a checked config, every problem reported at once (F2.2 to F2.4, F2.15). Functions: the registry."""

from auto_train.config.attrdict import AttrDict
from auto_train.config.config import Config, Explanation
from auto_train.config.diff import Difference, diff_configs
from auto_train.config.load import default_config, lint_config, load_config
from auto_train.config.problem import Origin, Problem
from auto_train.config.schema import json_schema, markdown
from auto_train.config.yaml import load_yaml

__all__ = [
    "AttrDict",
    "Config",
    "Difference",
    "Explanation",
    "Origin",
    "Problem",
    "default_config",
    "diff_configs",
    "json_schema",
    "lint_config",
    "load_config",
    "load_yaml",
    "markdown",
]
