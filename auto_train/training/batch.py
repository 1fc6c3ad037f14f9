"""Batches of any form on their way to the device: objects with ``.to``, tensors, and tuples, lists, dicts of them."""

from typing import Any

import torch


def move_batch(batch: Any, device: torch.device, dtype: torch.dtype | None = None) -> Any:
    """Return the batch on the device, and in the number format where it knows how (F3.11, F3.17).

    Args:
        batch: an object with ``.to(device)`` and perhaps ``.to_dtype(dtype)``, or tensors in tuples, lists or dicts.
            Tensors of a subclass become plain ones: fastai's own types slow every operation down.
        dtype: passed to the batch's own ``to_dtype`` only: integer labels must stay what they are.
    """
    if isinstance(batch, torch.Tensor):
        plain = batch if type(batch) is torch.Tensor else batch.as_subclass(torch.Tensor)
        return plain.to(device, non_blocking=True)
    if isinstance(batch, tuple | list):
        items = [move_batch(item, device) for item in batch]
        return type(batch)(*items) if hasattr(batch, "_fields") else type(batch)(items)
    if isinstance(batch, dict):
        return {key: move_batch(item, device) for key, item in batch.items()}
    if callable(getattr(batch, "to", None)):
        batch = _or_itself(batch.to(device), batch)
    if dtype is not None and callable(getattr(batch, "to_dtype", None)):
        batch = _or_itself(batch.to_dtype(dtype), batch)
    return batch


def _or_itself(result: Any, batch: Any) -> Any:
    """Some batches change in place and return nothing."""
    return batch if result is None else result
