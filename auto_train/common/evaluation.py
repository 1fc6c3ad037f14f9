"""Final metrics: every image of a split through the InferenceModel, in float32."""

from typing import TYPE_CHECKING

import numpy as np
import torch

from auto_train.common.inference import InferenceModel
from auto_train.common.loaders import eval_loader
from auto_train.data import Samples
from auto_train.data.loader import BatchLoader
from auto_train.training.memory import give_back, is_out_of_memory

if TYPE_CHECKING:
    from auto_train.common.base import Task


class Metrics(dict[str, float]):
    """Metrics by name, with what the reader should know about them.

    Attributes:
        warnings: one sentence each.
    """

    warnings: tuple[str, ...] = ()


def evaluate_split(task: "Task", inference: InferenceModel, split: str) -> Metrics:
    """Return ``<split>/<metric>`` values; nothing for a split without images."""
    found = Metrics()
    samples = task.samples.of(split)
    if len(samples):
        outputs, targets = network_outputs(inference, eval_loader(task, samples), task.device)
        values = task.evaluate(inference.answers(outputs), targets)
        found.update({f"{split}/{name}": value for name, value in values.items()})
    found.warnings = tuple(task.warnings)
    return found


def some_images(samples: Samples, most: int) -> list[np.ndarray]:
    """Return up to ``most`` images, (H, W, 3) uint8, spread over the rows: sorted data shows all its classes."""
    count = min(len(samples), most)
    return [samples.images[i * len(samples) // count] for i in range(count)]


def network_outputs(
    inference: InferenceModel, loader: BatchLoader, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the network's outputs (N, …) float32 and the targets of a split, in its order, on the CPU.

    Where memory does not suffice, it begins again with smaller batches.
    """
    inference.to(device)
    while True:
        try:
            return _outputs(inference, loader, device)
        except (RuntimeError, MemoryError, OSError) as error:
            if not (is_out_of_memory(error) and loader.halve()):
                raise
        give_back()


@torch.no_grad()
def _outputs(inference: InferenceModel, loader: BatchLoader, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    outputs, targets = [], []
    for images, target in loader:
        outputs.append(inference.network(images.to(device)).float().cpu())
        targets.append(target.cpu())
    inference.cpu()
    return torch.cat(outputs), torch.cat(targets)
