"""What multilabel adds to a Task: label sets, binary losses, sigmoid, a threshold for each label."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from auto_train.bundle.config_mixin import save_config
from auto_train.common.task import Task
from auto_train.data import Samples
from auto_train.data.augment.mix import Mix
from auto_train.data.inspect.facts import Facts
from auto_train.metrics.measures import LabelSetMeasure, compute_metrics
from auto_train.metrics.thresholds import FEWEST, USUAL, find_best_thresholds
from auto_train.models.inference import InferenceModel
from auto_train.proposal.backbone import Weights
from auto_train.proposal.choice import Choice
from auto_train.proposal.classes import UNEVEN
from auto_train.proposal.machine import Machine
from auto_train.reports.classes import GRID, MAX_CURVES, curve_values
from auto_train.training.optim.label_losses import AsymmetricLoss, positive_weights
from auto_train.training.task import Counted

# Share of the loss in the error of an epoch: far less than one image of a million.
TIE_BREAK = 1e-8
# Labels named in a warning.
MAX_NAMED = 10


class LabelSetModel(InferenceModel):
    """Images (N, H, W, 3) uint8 → probabilities (N, C) float32, each label's for itself.

    Args:
        thresholds: probability from which on each label is said; None: a half.
        **common: as of InferenceModel.
    """

    @save_config
    def __init__(self, *, thresholds: Sequence[float] | None = None, **common: Any):
        super().__init__(**common)
        self.thresholds = list(thresholds or [USUAL] * len(self.labels))

    @property
    def facts(self) -> dict[str, Any]:
        return {"thresholds": self.thresholds}

    def answers(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs.sigmoid()

    def set_thresholds(self, thresholds: Sequence[float]) -> None:
        """Say each label from this probability on, in saved configs too."""
        self.thresholds = list(thresholds)
        self.set_config(thresholds=self.thresholds)


class MultilabelModel(Task):
    """Classification with any number of labels for each image as a Task."""

    inference_class = LabelSetModel
    inference: LabelSetModel
    report_score = ("f1_samples", "max")

    @property
    def loss_func(self) -> nn.Module:
        name = self.config.training.scheme.loss
        if name == "asymmetric":
            return AsymmetricLoss()
        weights = self.label_weights() if name == "balanced" else None
        return nn.BCEWithLogitsLoss(pos_weight=weights).to(self.device)

    def targets(self, samples: Samples) -> torch.Tensor:
        """Return (N, C) float32: 1 for each label of an image."""
        number = {label: i for i, label in enumerate(self.labels)}
        found = torch.zeros(len(samples), len(number))
        for row, labels in enumerate(samples.classes):
            found[row, [number[label] for label in labels]] = 1
        return found

    def label_weights(self) -> torch.Tensor:
        """Return (C,) weights of the training images that have a label; those without it have 1."""
        targets = self.targets(self.samples.of("train"))
        return positive_weights(targets.sum(dim=0), len(targets))

    def train_options(self) -> dict[str, Any]:
        scheme = self.config.training.scheme
        if not (scheme.mixup or scheme.cutmix):
            return {}
        alphas = {"mixup": scheme.mixup, "cutmix": scheme.cutmix, "switch_prob": scheme.mixup_switch_prob}
        return {"mix": Mix(**alphas, num_classes=len(self.labels))}

    # Hooks of the Learner. A batch is (images (B, 3, S, S), labels (B, C): 1, 0, or shares where images were mixed).

    def batch_forward(self, model: nn.Module, batch: Any) -> dict[str, Any]:
        return {"pred": model(batch[0])}

    def batch_loss(self, out: dict[str, Any], batch: Any) -> Counted:
        return {"loss": (self.learn.loss_func(out["pred"].float(), batch[1]), len(batch[1]))}

    def batch_metric(self, out: dict[str, Any], batch: Any) -> Counted:
        """Return the mean F1 of the images, of labels above a half."""
        found = image_f1(out["pred"].detach() >= 0, batch[1] >= 0.5)
        return {"f1_samples": (found.mean(), len(found))}

    def extra_batch_metrics(
        self, out: dict[str, Any], batch: Any, losses: Counted, model: nn.Module, epoch_cache: dict[str, Any]
    ) -> Counted:
        if not model.training:
            epoch_cache.setdefault("outputs", []).append(out["pred"].float())
            epoch_cache.setdefault("targets", []).append(batch[1])
        return {}

    def epoch_metric(self, epoch_cache: dict[str, Any]) -> dict[str, float]:
        """Return map, f1_micro and f1_macro of a validation pass, of labels above a half."""
        if not epoch_cache:
            return {}
        outputs, targets = (torch.cat(epoch_cache[name]).cpu() for name in ("outputs", "targets"))
        found = compute_metrics(
            LabelSetMeasure(self._arrays(outputs.sigmoid(), targets, [USUAL]), self.labels), len(targets)
        )
        return {name: found.get(name, 0.0) for name in ("map", "f1_micro", "f1_macro")}

    def post_metric_to_err(self, result: dict[str, float]) -> float:
        monitor = self.config.training.scheme.monitor
        # Small sets tie often: of equally good epochs the one with the lower loss is better.
        return result["loss"] if monitor == "loss" else 1 - result[monitor] + TIE_BREAK * result["loss"]

    # Before training.

    @classmethod
    def propose(cls, facts: Facts, machine: Machine, weights: Weights) -> list[Choice]:
        # A crop that leaves an object out would still claim its label.
        choices = [one for one in super().propose(facts, machine, weights) if one.key != "training.augment.crop"]
        least, most = min(facts.classes.values()), max(facts.classes.values())
        if most >= UNEVEN * least:
            why = f"{most:,} images have one label, {least:,} another: the rare one counts as much"
            choices.append(Choice(key="training.scheme.loss", value="balanced", why=why))
        return choices

    # After training.

    def calibrate(self, inference: InferenceModel, outputs: torch.Tensor, targets: torch.Tensor) -> None:
        """Find the thresholds; rare labels keep a half, which is said."""
        thresholds, rare = find_best_thresholds(outputs.sigmoid().numpy(), targets.numpy() > 0)
        for model in (inference, self.inference):
            assert isinstance(model, LabelSetModel)
            model.set_thresholds(thresholds)
        if rare:
            names = ", ".join(self.labels[label] for label in rare[:MAX_NAMED]) + (", …" if rare[MAX_NAMED:] else "")
            self.warnings.append(
                f"the thresholds of {len(rare)} of {len(self.labels)} labels stay at {USUAL}: less than {FEWEST} "
                f"validation images have the label, or are without it: {names}"
            )

    def evaluate(self, answers: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
        """Return map, f1_micro, f1_macro, f1_samples, the average precision of each of a few labels, and the loss."""
        arrays = self._arrays(answers, targets, self.inference.thresholds)
        found = compute_metrics(LabelSetMeasure(arrays, self.labels), len(targets))
        rows = self.report_rows(answers, answers, targets)
        return {**found, "f1_samples": float(rows["score"].mean()), "loss": float(rows["loss"].mean())}

    def report_rows(self, outputs: torch.Tensor, answers: torch.Tensor, targets: torch.Tensor) -> dict[str, np.ndarray]:
        """Return label and answer (names with | between them), score (F1 of the image), loss; arrays of (N, C)."""
        arrays = self._arrays(answers, targets, self.inference.thresholds)
        losses = F.binary_cross_entropy(answers, targets.float(), reduction="none").mean(dim=1)
        truth, said = torch.from_numpy(arrays["truth"]), torch.from_numpy(arrays["said"])
        return {
            "label": self._texts(arrays["truth"]),
            "answer": self._texts(arrays["said"]),
            "score": image_f1(said.bool(), truth.bool()).numpy(),
            "loss": losses.numpy(),
            **arrays,
        }

    def report_parts(self, outputs: torch.Tensor, answers: torch.Tensor, targets: torch.Tensor) -> list[dict[str, Any]]:
        """Return a table of the labels, and precision over recall of each of a few."""
        arrays = self._arrays(answers, targets, self.inference.thresholds)
        truth, said = arrays["truth"].astype(bool), arrays["said"].astype(bool)
        present = np.flatnonzero(truth.any(axis=0)).tolist()
        curves = {c: curve_values(arrays["probabilities"][:, c], truth[:, c])["pr"] for c in present}
        rows = [
            [label, int(truth[:, c].sum()), curves[c][1] if c in curves else None, float(truth[:, c].mean()),
             self.inference.thresholds[c], *_shares(said[:, c], truth[:, c])]
            for c, label in enumerate(self.labels)
        ]  # fmt: skip
        table = {
            "kind": "table",
            "title": "Labels",
            "columns": ["label", "images", "AP", "AP of chance", "threshold", "precision", "recall", "F1"],
            "rows": rows,
            "note": f"AP is the area under precision over recall, without interpolation; its mean, map, is "
            f"{_mean(rows, 2):.4f}, and {_mean(rows, 3):.4f} for the same answer to all images. Thresholds give the "
            f"best F1 on the validation images; {USUAL} stays where less than {FEWEST} of them have the label, or are "
            "without it.",
        }
        if not curves or len(self.labels) > MAX_CURVES:
            return [table]
        lines = [
            {"name": f"{self.labels[c]} · AP {area:.4f}", "x": GRID.tolist(), "y": values.round(4).tolist()}
            for c, (values, area) in curves.items()
        ]
        title, axes = "Precision over recall", {"x": "recall", "y": "precision"}
        return [table, {"kind": "curves", "title": title, **axes, "lines": lines}]

    def decode(self, outputs: torch.Tensor) -> tuple[str, torch.Tensor, torch.Tensor]:
        probabilities = outputs[0].sigmoid()
        said = probabilities >= torch.tensor(self.inference.thresholds)
        return self._texts(said[None].numpy())[0], said, probabilities

    def _arrays(
        self, answers: torch.Tensor, targets: torch.Tensor, thresholds: Sequence[float]
    ) -> dict[str, np.ndarray]:
        """Return (N, C) truth and said, 0 or 1, and probabilities."""
        said = answers >= torch.tensor(thresholds, dtype=answers.dtype)
        truth = (targets >= 0.5).to(torch.uint8).numpy()
        return {"truth": truth, "said": said.to(torch.uint8).numpy(), "probabilities": answers.numpy()}

    def _texts(self, chosen: np.ndarray) -> np.ndarray:
        return np.array(["|".join(self.labels[c] for c in np.flatnonzero(row)) for row in chosen], dtype=object)


def image_f1(said: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Return the F1 of each row of (N, C) bool labels; 1 where there is nothing to say and nothing is said."""
    both = said.sum(dim=1) + truth.sum(dim=1)
    return torch.where(both > 0, 2 * (said & truth).sum(dim=1) / both.clamp(min=1), 1.0)


def _shares(said: np.ndarray, truth: np.ndarray) -> list[float | None]:
    """Return precision, recall and F1 of a label; None where there is nothing to divide by."""
    hits = int((said & truth).sum())
    pairs = [(hits, int(said.sum())), (hits, int(truth.sum())), (2 * hits, int(said.sum() + truth.sum()))]
    return [part / whole if whole else None for part, whole in pairs]


def _mean(rows: list[list[Any]], column: int) -> float:
    """Return the mean of a column over the labels that occur."""
    return float(np.mean([row[column] for row in rows if row[2] is not None] or [0.0]))
