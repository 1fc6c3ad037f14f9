"""Which changes of its INI a service takes from outside: values; no functions, code files, paths or addresses."""

from collections.abc import Mapping
from typing import Any

from auto_train.config import Config, load_config
from auto_train.config.declare import Declarations, declare, parents
from auto_train.config.values import dump
from auto_train.errors import ConfigError, RequestError

# Keys whose type does not say that a file or code is behind them.
REFUSED = {
    "project.type": "another recipe is other code",
    "project.name": "it is a part of paths",
    "architecture.backbone.weights": "it names a file or an address",
    "training.jobs": "it is the limit of this machine",
    "training.loggers": "metrics would be sent elsewhere",
}
PATHS = ("path", "url")
# What a text that names no path, address or other key does without.
OF_PATHS = "/\\:~$"


def check_overrides(config: Config, overrides: Mapping[str, Any]) -> list[str]:
    """Return the overrides a training of the service's INI gets: those of the service, then these.

    Args:
        config: the service's, with an INI.
        overrides: values by dotted key, from outside.

    Raises:
        RequestError: 403, one is none that may be given from outside.
        ConfigError: the INI takes no such key or value.
    """
    declared = declare(config.recipe)
    for key, value in overrides.items():
        # Before anything is loaded: loading runs the file of the user's own functions.
        if reason := _explain_refusal(key, value, config, declared):
            raise _forbidden_error(key, reason)
    own = {key: config.explain(key).written for key in config.keys() if config.origin(key).kind == "override"}  # noqa: SIM118
    before = load_config(config.path, own, default_task=config.recipe.name)
    texts = own | {key: value if isinstance(value, str) else dump(value) for key, value in overrides.items()}
    after = load_config(config.path, texts, default_task=config.recipe.name)
    if unknown := [problem for problem in after.warnings if problem not in before.warnings]:
        raise ConfigError(unknown)
    for (section, key), spec in declared.specs.items():
        path = f"{section}.{key}"
        if (spec.item or spec).type in PATHS and before.get(path) != after.get(path):
            raise _forbidden_error(", ".join(overrides), f"it changes the path {path}")
    return [f"{key}={text}" for key, text in texts.items()]


def _explain_refusal(key: str, value: Any, config: Config, declared: Declarations) -> str:
    """Return why an override is refused; "" where it may be tried."""
    section, _, name = key.rpartition(".")
    if "@" in key:
        return "it names a function"
    if key in REFUSED:
        return REFUSED[key]
    spec = declared.specs.get((section, name))
    if spec and (spec.item or spec).type in PATHS:
        return "it is a path or an address"
    if _is_number(value):
        return ""
    if spec is None:
        may_matter = key in config or any(_is_open(at, config, declared) for at in [*parents(section), section])
        return "only numbers, true and false are taken for it" if may_matter else ""
    is_text = (spec.item or spec).type in ("str", "timm", "any")
    return "this text could name a path" if is_text and any(char in str(value) for char in OF_PATHS) else ""


def _is_number(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_number, value))
    return value is None or isinstance(value, bool | int | float)


def _is_open(section: str, config: Config, declared: Declarations) -> bool:
    """Tell whether a section holds a function's arguments, or the user's own variables."""
    return declared.is_free(section) or (section in config and section not in declared.sections)


def _forbidden_error(key: str, reason: str) -> RequestError:
    return RequestError(
        f"'{key}' cannot be changed from outside: {reason}",
        status=403,
        type="forbidden",
        hint="change the INI, and start the service again",
    )
