"""Optimizers by name, with rules for single parameters (F3.20)."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from auto_train.errors import UsageError, did_you_mean

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "rmsprop": torch.optim.RMSprop,
}


class UnknownNameError(UsageError, KeyError):
    """An optimizer or a scheduler of a name that is not known."""


def build_optimizer(model: nn.Module, optim_args: Mapping[str, Any]) -> torch.optim.Optimizer:
    """Return the optimizer of a config's ``optim`` section over the parameters that are not frozen.

    A parameter's rates are those of the first of ``groups`` whose pattern is found in its name, else those of
    ``optimizer_params``. What a module of the model names in ``no_decay()`` has a weight decay of 0 unless a group of
    the config gives it another.

    Args:
        model: with or without the wrapper of data-parallel training.
        optim_args: ``optimizer``, ``optimizer_params``, ``groups``: ``[{pattern, lr, weight_decay}, …]``.

    Raises:
        UnknownNameError: no optimizer has this name.
        UsageError: arguments it does not take, rules that match nothing, nothing to train.
    """
    name = str(optim_args.get("optimizer"))
    make = OPTIMIZERS.get(name.lower())
    if make is None:
        raise UnknownNameError(
            f"'{name}' is no optimizer", where="optim.optimizer", allowed=did_you_mean(name, list(OPTIMIZERS))
        )
    groups = _group_parameters(model, optim_args.get("groups") or ())
    try:
        return make(groups, **_params(optim_args))
    except (TypeError, ValueError) as error:
        taken = list(inspect.signature(make).parameters)[1:]
        raise UsageError(f"{name}: {error}", where="optim.optimizer_params", allowed=", ".join(taken)) from error


def _params(optim_args: Mapping[str, Any]) -> dict[str, Any]:
    params = {key: value for key, value in (optim_args.get("optimizer_params") or {}).items() if value is not None}
    if "betas" in params:
        params["betas"] = tuple(params["betas"])
    return params


def _group_parameters(model: nn.Module, rules: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one group per combination of rates, in the order of the model's parameters."""
    parameters, free = named_parameters(model), find_undecayed(model)
    _check_patterns(rules, [name for name, _ in parameters])
    groups: dict[tuple[tuple[str, float], ...], dict[str, Any]] = {}
    for name, parameter in parameters:
        if not parameter.requires_grad:
            continue
        rates = {"weight_decay": 0.0} if parameter in free else {}
        rates |= next((_rates(rule) for rule in rules if re.search(rule["pattern"], name)), {})
        groups.setdefault(tuple(sorted(rates.items())), {"params": [], **rates})["params"].append(parameter)
    if not groups:
        raise UsageError(
            f"all {len(parameters)} parameters of the model are frozen, or it has none",
            hint="set requires_grad of those that should learn",
        )
    return list(groups.values())


def _rates(rule: Mapping[str, Any]) -> dict[str, float]:
    return {key: rule[key] for key in ("lr", "weight_decay") if rule.get(key) is not None}


def _check_patterns(rules: Sequence[Mapping[str, Any]], names: list[str]) -> None:
    for number, rule in enumerate(rules):
        where = f"optim.groups[{number}].pattern"
        try:
            is_found = any(re.search(rule["pattern"], name) for name in names)
        except re.error as error:
            raise UsageError(f"'{rule['pattern']}' is no regular expression: {error}", where=where) from error
        if not is_found:
            raise UsageError(
                f"no parameter's name has '{rule['pattern']}' in it",
                where=where,
                allowed=did_you_mean(rule["pattern"], names),
            )


def find_undecayed(model: nn.Module) -> set[nn.Parameter]:
    """Return the parameters that a module of the model wants free of weight decay.

    A module says so by a method ``no_decay()`` that returns names relative to itself.

    Raises:
        UsageError: it names what is no parameter.
    """
    found = set()
    for module in model.modules():
        if not callable(method := getattr(module, "no_decay", None)):
            continue
        known = dict(module.named_parameters(remove_duplicate=False))
        for name in method():
            if name not in known:
                where = f"{type(module).__name__}.no_decay()"
                raise UsageError(f"'{name}' is no parameter", where=where, allowed=did_you_mean(name, list(known)))
            found.add(known[name])
    return found


def named_parameters(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """Return a model's parameters by the names they have without the wrapper of data-parallel training."""
    bare: nn.Module = model.module if isinstance(model, nn.parallel.DistributedDataParallel) else model
    return list(bare.named_parameters())
