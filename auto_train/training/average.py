"""Averages weighted by sample counts, kept on the device until they are read (F3.11)."""

from typing import Any

import torch

from auto_train.training.task import Counted


class Averages:
    """Σ value·count / Σ count per name; entries with a count of zero or less are ignored."""

    def __init__(self) -> None:
        self.sums: dict[str, torch.Tensor | float] = {}
        self.counts: dict[str, int] = {}

    def add(self, values: Counted) -> None:
        for name, (value, count) in values.items():
            if count <= 0:
                continue
            count = int(count)
            self.sums[name] = self.sums.get(name, 0.0) + _to_plain(value) * count
            self.counts[name] = self.counts.get(name, 0) + count

    def means(self) -> dict[str, float]:
        """Return the averages so far; this waits for the device."""
        return {name: float(total) / self.counts[name] for name, total in self.sums.items()}

    def state_dict(self) -> dict[str, Any]:
        return {"sums": dict(self.sums), "counts": dict(self.counts)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.sums, self.counts = dict(state["sums"]), dict(state["counts"])


def _to_plain(value: Any) -> Any:
    """Return a number, which costs less than a tensor and which a checkpoint takes, as NumPy's it does not."""
    if not isinstance(value, torch.Tensor):
        return float(value)
    # On another device reading it would wait for its step.
    return value.item() if value.device.type == "cpu" else value.detach()
