"""The passes of all workers put together, so that metrics are those of one process over the whole split (F3.18)."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from auto_train.errors import TaskContractError
from auto_train.training.average import Averages
from auto_train.training.batch import move_batch
from auto_train.training.workers.distributed import gather, world_size

CPU = torch.device("cpu")


def collect_averages(averages: Averages, epoch_cache: dict[str, Any]) -> tuple[Averages, dict[str, Any]]:
    """Return the averages and the epoch cache of all workers, on the first; the others get their own back.

    Sums and counts are added up. What the workers keep in their caches is joined in their order, which is that of the
    samples where each has a block of them: lists and tensors are concatenated, numbers added, sets united.

    Raises:
        TaskContractError: a task keeps something else in its cache.
    """
    if world_size() == 1:
        return averages, epoch_cache
    sums = {name: float(total) for name, total in averages.sums.items()}
    parts = gather((sums, averages.counts, move_to_cpu(epoch_cache)))
    if len(parts) == 1:
        return averages, epoch_cache
    whole = Averages()
    for name in dict.fromkeys(name for sums, _, _ in parts for name in sums):
        whole.sums[name] = math.fsum(sums.get(name, 0.0) for sums, _, _ in parts)
        whole.counts[name] = sum(counts.get(name, 0) for _, counts, _ in parts)
    cache = join_values([cache for _, _, cache in parts], "epoch_cache")
    # Where this worker's part of it was.
    return whole, {key: move_batch(value, find_device(epoch_cache.get(key))) for key, value in cache.items()}


def find_device(value: Any) -> torch.device:
    """Return the device of the first tensor in a value, the CPU where there is none."""
    if isinstance(value, torch.Tensor):
        return value.device
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return next((find_device(item) for item in items if isinstance(item, torch.Tensor | dict | list | tuple)), CPU)


def move_to_cpu(value: Any) -> Any:
    """Return the value with every tensor in it on the CPU: each worker has another device."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu()
    if isinstance(value, dict):
        return {key: move_to_cpu(item) for key, item in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return type(value)(move_to_cpu(item) for item in value)
    return value


def join_values(values: Sequence[Any], name: str) -> Any:
    """Return one value for those of several workers, in their order.

    Args:
        name: of the value, for the message.

    Raises:
        TaskContractError: values that cannot be joined.
    """
    kinds = {type(value) for value in values}
    first = values[0]
    if isinstance(first, dict) and len(kinds) == 1:
        keys = dict.fromkeys(key for value in values for key in value)
        return {key: join_values([v[key] for v in values if key in v], f"{name}[{key!r}]") for key in keys}
    if isinstance(first, list | tuple) and len(kinds) == 1:
        return [item for value in values for item in value]
    if isinstance(first, set) and len(kinds) == 1:
        return set().union(*values)
    if isinstance(first, torch.Tensor):
        return torch.cat(list(values)) if first.ndim else torch.stack(list(values)).sum()
    if isinstance(first, np.ndarray) and first.ndim:
        return np.concatenate(values)
    if isinstance(first, int | float | np.generic):
        return sum(values)
    raise TaskContractError(
        f"{name} holds {', '.join(sorted(kind.__name__ for kind in kinds))}, which workers cannot join",
        allowed="lists, tuples, tensors, arrays, numbers, sets, and dicts of them",
    )
