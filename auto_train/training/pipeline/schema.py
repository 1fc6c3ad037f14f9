"""The standard arguments of a training, checked by qTrainSchema.json (F3.4)."""

import json
import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from auto_train.errors import ConfigError, UsageError, did_you_mean
from auto_train.training.pipeline.qdict import qDict
from auto_train.training.pipeline.stage_args import stage_epochs

SCHEMA = Path(__file__).with_name("qTrainSchema.json")
# The command line and the framework put these beside the standard ones.
FRAMEWORK_KEYS = ("test", "ddp_detect", "device", "distributed", "rank", "local_rank", "world_size")


def validate_args(args: Mapping[str, Any]) -> None:
    """Pass if these are the arguments of a training.

    Args:
        args: as loaded from a file; keys of the framework and those a user's own options brought are not looked at.

    Raises:
        ConfigError: all that is wrong, one problem per line: the path of the key, what was found, what is allowed.
    """
    own = {*FRAMEWORK_KEYS, *(getattr(args, "_options", None) or ())} - set(schema()["properties"])
    content = {key: _as_json(value) for key, value in args.items() if key not in own}
    errors = sorted(_validator().iter_errors(content), key=lambda error: [str(part) for part in error.absolute_path])
    problems = [problem for error in errors for problem in _problems(error)]
    if not problems and not args.get("test"):
        problems = list(_lengths(args))
    if problems:
        raise ConfigError(problems)


def is_standard(args: Mapping[str, Any]) -> bool:
    """Tell whether these mean to be the arguments of a training: whether all that is required is there."""
    return all(key in args for key in schema()["required"])


def complete_args(args: qDict) -> None:
    """Set what is as another key where it is left out: ``max_epochs`` as ``epochs``, ``eval_batch_size``."""
    if args.runner.get("max_epochs") is None and args.runner.get("epochs") is not None:
        args.runner["max_epochs"] = args.runner["epochs"]
    loader = args.get("task.dataloader")
    if loader and loader.get("eval_batch_size") is None:
        loader["eval_batch_size"] = loader["batch_size"]


@cache
def schema() -> dict[str, Any]:
    """Return the JSON schema of the standard arguments."""
    content: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return content


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator, validators

    def is_number(checker: Any, value: object) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)

    types = Draft202012Validator.TYPE_CHECKER.redefine("number", is_number)
    return validators.extend(Draft202012Validator, type_checker=types)(schema())


def _as_json(value: Any) -> Any:
    """Return the value with tuples as the lists that JSON has."""
    if isinstance(value, Mapping):
        return {str(key): _as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(item) for item in value]
    return value


def _problems(error: Any) -> Iterator[UsageError]:
    """Say what jsonschema found in the user's words."""
    where, found, rule = _path(error.absolute_path), error.instance, error.validator_value
    limits = {"minimum": ">=", "maximum": "<=", "exclusiveMaximum": "<"}
    if error.validator == "additionalProperties":
        known = list(error.schema["properties"])
        for key in sorted(set(found) - set(known)):
            allowed = did_you_mean(key, known, limit=len(known))
            yield UsageError("there is no such key", where=_path([*error.absolute_path, key]), allowed=allowed)
    elif error.validator == "required":
        missing = error.message.split("'")[1]
        yield UsageError("this key is missing", where=_path([*error.absolute_path, missing]))
    elif error.validator == "enum":
        names = [str(name) for name in rule if name is not None]
        yield UsageError(f"'{found}' is not known", where=where, allowed=did_you_mean(str(found), names))
    elif error.validator == "type":
        kinds = [rule] if isinstance(rule, str) else rule
        yield UsageError(f"'{found}' is {_kind(found)}", where=where, allowed=" or ".join(map(str, kinds)))
    elif error.validator in limits:
        yield UsageError(f"'{found}' is out of range", where=where, allowed=f"{limits[error.validator]} {rule}")
    else:
        yield UsageError(error.message, where=where)


def _path(parts: Iterable[str | int]) -> str:
    """Return ``optim.groups[0].lr``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).lstrip(".")


def _kind(value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "no finite number"
    names = {dict: "an object", list: "an array", str: "text", bool: "a boolean", int: "an integer", float: "a number"}
    return "nothing" if value is None else names.get(type(value), f"a {type(value).__name__}")


def _lengths(args: Mapping[str, Any]) -> Iterator[UsageError]:
    """Find out whether it is said, once, how long the training takes."""
    runner, stages = args["runner"], args["optim"].get("stages")
    epochs = runner.get("max_epochs") or runner.get("epochs")
    if runner.get("epochs") not in (None, epochs):
        found = f"'{runner['epochs']}', but max_epochs, which means the same, is '{epochs}'"
        yield UsageError(found, where="runner.epochs", hint="remove one of them")
        return
    is_counted = runner.get("run_mode") == "step" and runner.get("max_steps")
    if stages:
        yield from _stage_problems(stages, epochs or (sys.maxsize if is_counted else None))
    elif not epochs and not is_counted:
        hint = "give max_epochs; with run_mode: step, max_steps will do"
        yield UsageError("it is not said how long to train", where="runner", hint=hint)


def _stage_problems(stages: list[Mapping[str, Any]], epochs: int | None) -> Iterator[UsageError]:
    try:
        stage_epochs(stages, epochs)
    except UsageError as error:
        yield error
