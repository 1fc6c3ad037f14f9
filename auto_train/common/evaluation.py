"""Final metrics: every image of a split through the InferenceModel, in float32, and what a report needs of them."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from auto_train.common.loaders import eval_loader
from auto_train.common.predictions import write_predictions
from auto_train.data import Samples
from auto_train.data.augment.views import grey_weights
from auto_train.data.pixels.loader import BatchLoader
from auto_train.files import write_folder
from auto_train.memory import give_back, is_out_of_memory
from auto_train.models.inference import InferenceModel
from auto_train.runs.folder import RunFolder

if TYPE_CHECKING:
    from auto_train.common.task import Task

SCHEMA_VERSION = 1
Kept = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
KeptTargets = Callable[[torch.Tensor], torch.Tensor]


class Metrics(dict[str, float]):
    """Metrics by name, with what the reader should know about them.

    Attributes:
        warnings: one sentence each.
    """

    warnings: tuple[str, ...] = ()


class Outputs(NamedTuple):
    """What the network says of a split, in its order, on the CPU.

    Attributes:
        outputs: (N, …) what the task keeps of the outputs.
        targets: (N,) or (N, …).
        brightness: (N,) mean grey values of the images as the network sees them, 0 to 255.
    """

    outputs: torch.Tensor
    targets: torch.Tensor
    brightness: torch.Tensor


def evaluate_split(task: "Task", inference: InferenceModel, split: str) -> Metrics:
    """Return ``<split>/<metric>`` values; nothing for a split without images."""
    found, task.measured = Metrics(), split
    samples = task.samples.of(split)
    if len(samples):
        outputs = collect_outputs(
            inference, eval_loader(task, samples), task.device, task.keep_outputs, task.keep_targets
        )
        values = task.evaluate(task.final(inference, outputs.outputs), outputs.targets)
        found.update({f"{split}/{name}": value for name, value in values.items()})
    found.warnings = tuple(task.warnings)
    return found


def evaluate_run(task: "Task", inference: InferenceModel, folder: RunFolder) -> dict[str, float]:
    """Calibrate the finished model on valid, measure it on valid and test, and write what a report is made from.

    ``evaluation.json`` and ``predictions/`` of the run folder: docs/report.md.

    Returns:
        ``<split>/<metric>`` values.
    """
    metrics: dict[str, float] = {}
    name, better = task.report_score
    found: dict[str, Any] = {}
    with write_folder(folder.path / "predictions") as part:
        for split in ("valid", "test"):
            samples = task.samples.of(split)
            if not len(samples):
                continue
            loader, task.measured = eval_loader(task, samples), split
            kept = task.keep_outputs, task.keep_targets
            outputs, targets, brightness = collect_outputs(inference, loader, task.device, *kept)
            if split == "valid":
                task.calibrate(inference, outputs, targets)
            answers = task.final(inference, outputs)
            values = task.evaluate(answers, targets)
            metrics |= {f"{split}/{key}": value for key, value in values.items()}
            rows = task.report_rows(outputs, answers, targets)
            parts = task.report_parts(outputs, answers, targets)
            found[split] = {"images": len(samples), "metrics": values, "parts": parts, "has_rows": bool(rows)}
            if rows:
                draw = partial(task.picture, inference) if task.picture else None
                lower = better == "min"
                write_predictions(part, split, samples, brightness.numpy(), rows, lower_is_better=lower, draw=draw)
    facts = {
        "schema_version": SCHEMA_VERSION,
        "task": inference.task,
        "labels": task.labels,
        "label_noun": inference.label_noun,
        "epoch": task.learn.epochs_done,
        "score": {"name": name, "better": better},
        "temperature": float(inference.temperature),
        "splits": found,
    }
    folder.write_json("evaluation.json", facts)
    return metrics


def load_some_images(samples: Samples, most: int) -> list[np.ndarray]:
    """Return up to ``most`` images, (H, W, 3) uint8, spread over the rows: sorted data shows all its classes."""
    count = min(len(samples), most)
    return [samples.images[i * len(samples) // count] for i in range(count)]


def collect_outputs(
    inference: InferenceModel,
    loader: BatchLoader,
    device: torch.device,
    kept: Kept,
    kept_targets: KeptTargets = torch.Tensor.cpu,
) -> Outputs:
    """Return what the network says of a split.

    Where memory does not suffice, it begins again with smaller batches.

    Args:
        kept, kept_targets: of Task: what stays of the outputs and the targets of a batch.
    """
    inference.to(device)
    while True:
        try:
            return _outputs(inference, loader, device, kept, kept_targets)
        except (RuntimeError, MemoryError, OSError) as error:
            if not (is_out_of_memory(error) and loader.halve()):
                raise
        give_back()


@torch.no_grad()
def _outputs(
    inference: InferenceModel, loader: BatchLoader, device: torch.device, kept: Kept, kept_targets: KeptTargets
) -> Outputs:
    outputs, targets, brightness = [], [], []
    for images, target in loader:
        images = images.to(device)
        colours = images.mean(dim=(2, 3)) * inference.std.flatten() + inference.mean.flatten()
        brightness.append((colours @ grey_weights(images)).cpu())
        outputs.append(kept(inference.network(images), target))
        targets.append(kept_targets(target).cpu())
    inference.cpu()
    return Outputs(torch.cat(outputs), torch.cat(targets), torch.cat(brightness))
