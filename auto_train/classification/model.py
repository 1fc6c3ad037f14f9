"""What classification adds to a Task: one label per image, cross-entropy, softmax with a temperature."""

from typing import Any

import numpy as np
import torch
from torch import nn

from auto_train.common.task import Task
from auto_train.data import Samples
from auto_train.data.augment.mix import Mix
from auto_train.data.inspect.facts import Facts
from auto_train.metrics.classification import classification_metrics, classification_rows, fit_temperature
from auto_train.models.inference import InferenceModel
from auto_train.proposal.backbone import Weights
from auto_train.proposal.choice import Choice
from auto_train.proposal.classes import class_choices
from auto_train.proposal.machine import Machine
from auto_train.training.task import Counted

# Share of the loss in the error of an epoch: far less than one image of a million.
TIE_BREAK = 1e-8

# Fewer validation images than this say too little about confidences.
MIN_CALIBRATION_IMAGES = 100


class Classifier(InferenceModel):
    """Images (N, H, W, 3) uint8 → probabilities (N, C) float32, rows adding up to 1."""

    is_one_class = True

    def answers(self, outputs: torch.Tensor) -> torch.Tensor:
        return (outputs / self.temperature).softmax(dim=1)


class ClassificationModel(Task):
    """Classification as a Task (F2.7)."""

    inference_class = Classifier
    report_score = ("accuracy", "max")

    @property
    def loss_func(self) -> nn.Module:
        scheme = self.config.training.scheme
        weights = self.class_weights() if scheme.balance == "weights" else None
        return nn.CrossEntropyLoss(weight=weights, label_smoothing=scheme.label_smoothing).to(self.device)

    def targets(self, samples: Samples) -> torch.Tensor:
        """Return (N,) class numbers."""
        number = {label: i for i, label in enumerate(self.labels)}
        return torch.tensor([number[label] for label in samples.table["label"]])

    def class_weights(self) -> torch.Tensor:
        """Return (C,) weights, the inverse of each class's share of the training images, 1 on average."""
        counts = torch.bincount(self.targets(self.samples.of("train")), minlength=len(self.labels)).clamp(min=1)
        return (counts.sum() / (len(counts) * counts)).float()

    def train_options(self) -> dict[str, Any]:
        scheme = self.config.training.scheme
        options: dict[str, Any] = {}
        if scheme.mixup or scheme.cutmix:
            options["mix"] = Mix(
                mixup=scheme.mixup,
                cutmix=scheme.cutmix,
                switch_prob=scheme.mixup_switch_prob,
                num_classes=len(self.labels),
            )
        if scheme.balance == "sampler":
            options["weights"] = self.class_weights()[self.targets(self.samples.of("train"))]
        return options

    # Hooks of the Learner. A batch is (images (B, 3, S, S), class numbers (B,) or shares (B, C)).

    def batch_forward(self, model: nn.Module, batch: Any) -> dict[str, Any]:
        return {"pred": model(batch[0])}

    def batch_loss(self, out: dict[str, Any], batch: Any) -> Counted:
        return {"loss": (self.learn.loss_func(out["pred"].float(), batch[1]), len(batch[1]))}

    def batch_metric(self, out: dict[str, Any], batch: Any) -> Counted:
        return {"accuracy": ((out["pred"].argmax(dim=1) == _harden(batch[1])).float().mean(), len(batch[1]))}

    def extra_batch_metrics(
        self, out: dict[str, Any], batch: Any, losses: Counted, model: nn.Module, epoch_cache: dict[str, Any]
    ) -> Counted:
        if not model.training:
            epoch_cache.setdefault("predicted", []).append(out["pred"].argmax(dim=1))
            epoch_cache.setdefault("targets", []).append(batch[1])
        return {}

    def epoch_metric(self, epoch_cache: dict[str, Any]) -> dict[str, float]:
        """Return the macro F1 of a validation pass: the mean over the classes of 2·TP / (2·TP + FP + FN)."""
        if not epoch_cache:
            return {}
        predicted, targets = torch.cat(epoch_cache["predicted"]), torch.cat(epoch_cache["targets"])
        n = len(self.labels)
        hits = torch.bincount(targets[predicted == targets], minlength=n)
        total = torch.bincount(predicted, minlength=n) + torch.bincount(targets, minlength=n)
        return {"f1_macro": float((2 * hits[total > 0] / total[total > 0]).mean())}

    def post_metric_to_err(self, result: dict[str, float]) -> float:
        monitor = self.config.training.scheme.monitor
        # Small sets tie often: of equally accurate epochs the one with the lower loss is better.
        return result["loss"] if monitor == "loss" else 1 - result[monitor] + TIE_BREAK * result["loss"]

    # Before training.

    @classmethod
    def propose(cls, facts: Facts, machine: Machine, weights: Weights) -> list[Choice]:
        return [*super().propose(facts, machine, weights), *class_choices(facts, weights)]

    # After training.

    def calibrate(self, inference: InferenceModel, outputs: torch.Tensor, targets: torch.Tensor) -> None:
        # Without a single error the best temperature would be zero: every answer certain.
        has_errors = bool((outputs.argmax(dim=1) != targets).any())
        if len(targets) >= MIN_CALIBRATION_IMAGES and has_errors:
            inference.set_temperature(fit_temperature(outputs, targets))

    def evaluate(self, answers: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
        return classification_metrics(answers, targets)

    def report_rows(self, outputs: torch.Tensor, answers: torch.Tensor, targets: torch.Tensor) -> dict[str, np.ndarray]:
        return classification_rows(outputs, answers, targets, self.labels)

    def decode(self, outputs: torch.Tensor) -> tuple[str, torch.Tensor, torch.Tensor]:
        probabilities = (outputs[0] / float(self.inference.temperature)).softmax(dim=0)
        best = probabilities.argmax()
        return self.labels[int(best)], best, probabilities


def _harden(targets: torch.Tensor) -> torch.Tensor:
    """Return class numbers, of mixed targets those with the larger share."""
    return targets.argmax(dim=1) if targets.ndim == 2 else targets
