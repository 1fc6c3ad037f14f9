"""What object detection adds to a Task: boxes, a detector of torchvision on a timm backbone, average precision."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from auto_train.bundle.config_mixin import save_config
from auto_train.common.detection.metrics import box_arrays, find_best_threshold
from auto_train.common.detection.report import detection_parts, detection_rows
from auto_train.common.detection.rows import BoxRows
from auto_train.common.task import Task
from auto_train.data import Samples
from auto_train.data.augment.boxes import move_boxes
from auto_train.data.inspect.facts import Facts
from auto_train.errors import UsageError
from auto_train.metrics.boxes import BoxMeasure
from auto_train.metrics.measures import compute_metrics
from auto_train.models.detection.create import create_detector
from auto_train.models.detection.detector import Detector
from auto_train.models.features import create_timm_features
from auto_train.models.inference import InferenceModel
from auto_train.proposal.backbone import Weights
from auto_train.proposal.boxes import box_choices
from auto_train.proposal.choice import Choice
from auto_train.proposal.machine import Machine
from auto_train.training.task import Counted

# Share of the loss in the error of an epoch: less than one box of a million.
TIE_BREAK = 1e-8


class BoxFinder(InferenceModel):
    """Images (N, H, W, 3) uint8 → boxes (N, K, 6) float32: corners in pixels, confidence, class code.

    Args:
        detector, fpn_channels, strides: as in [architecture].
        threshold: confidence above which an answer lists a box.
        **common: as of InferenceModel.
    """

    output_name = "boxes"

    @save_config
    def __init__(
        self, *, detector: str, fpn_channels: int, strides: Sequence[int], threshold: float = 0.5, **common: Any
    ):
        # Not setattr: nn.Module forbids parts before its own __init__ has run.
        self.detector, self.fpn_channels, self.strides, self.threshold = (
            detector,
            fpn_channels,
            list(strides),
            threshold,
        )
        super().__init__(**common)

    def build_network(
        self, backbone: dict[str, Any], head: dict[str, Any] | None = None, weights: Path | None = None
    ) -> nn.Sequential:
        if head:
            raise UsageError("a detector brings its own head", where="[architecture.head]", hint="remove the section")
        body = create_timm_features(weights=weights, image_size=self.image_size, **backbone)
        rest = create_detector(
            self.detector,
            body,
            len(self.labels),
            image_size=self.image_size,
            strides=self.strides,
            channels=self.fpn_channels,
        )
        return nn.Sequential(body, rest)

    @property
    def facts(self) -> dict[str, Any]:
        return {"threshold": self.threshold}

    def set_threshold(self, threshold: float) -> None:
        """List boxes above this confidence from now on, in saved configs too."""
        self.threshold = threshold
        self.set_config(threshold=threshold)

    def answers(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return (N, K, 6) boxes as shares of the image."""
        return get_detector(self.network).detections(outputs)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        height, width = images.shape[1], images.shape[2]
        left, top, right, bottom, *rest = self.answers(self.network(self.prepare(images))).unbind(dim=2)
        return torch.stack([left * width, top * height, right * width, bottom * height, *rest], dim=2)


class ObjectDetectionModel(Task):
    """Object detection as a Task."""

    inference_class = BoxFinder
    report_score = ("f1", "max")
    move = staticmethod(move_boxes)
    has_grey_edges = True  # a mirrored object would have no box
    inference: BoxFinder

    def inference_arguments(self) -> dict[str, Any]:
        return {name: self.config.architecture[name] for name in ("detector", "fpn_channels", "strides")}

    def build_model(self, weights: Path | None = None) -> InferenceModel:
        inference = super().build_model(weights)
        if (
            inference.preprocess
            and inference.preprocess(probe := torch.zeros(1, 48, 64, 3, dtype=torch.uint8)).shape != probe.shape
        ):
            raise UsageError(
                "the function gives images of another size, and the boxes would be elsewhere in them",
                where="[training.preprocess]",
                allowed="functions that recolour images",
            )
        self.eval_needs_loss = get_detector(inference.network).has_valid_loss
        return inference

    @property
    def loss_func(self) -> nn.Module:
        """Nothing: a detector computes its own losses, since they belong to its anchors."""
        return nn.Identity()

    def targets(self, samples: Samples) -> BoxRows:
        return BoxRows(samples, self.labels)

    # Hooks of the Learner. A batch is (images (B, 3, S, S), boxes (B, K, 5) as BoxRows gives them).

    def batch_forward(self, model: Any, batch: Any) -> dict[str, Any]:
        detector = get_detector(model)
        levels = detector.levels(model[0](batch[0]))
        return {"pred": detector.predict(levels), "levels": levels}

    def batch_loss(self, out: dict[str, Any], batch: Any) -> Counted:
        parts = get_detector(self.model).losses(out["pred"].float(), out["levels"], batch[1])
        return {"loss": (sum(parts.values()), len(batch[1])), **{k: (v, len(batch[1])) for k, v in parts.items()}}

    def batch_metric(self, out: dict[str, Any], batch: Any) -> Counted:
        """Return nothing: average precision is no mean over batches."""
        return {}

    def extra_batch_metrics(
        self, out: dict[str, Any], batch: Any, losses: Counted, model: nn.Module, epoch_cache: dict[str, Any]
    ) -> Counted:
        if not model.training:
            epoch_cache.setdefault("found", []).append(get_detector(model).detections(out["pred"].float()))
            epoch_cache.setdefault("true", []).append(batch[1])
        return {}

    def epoch_metric(self, epoch_cache: dict[str, Any]) -> dict[str, float]:
        """Return the average precisions of a validation pass."""
        if not epoch_cache:
            return {}
        found, true = (torch.cat(epoch_cache[name]).cpu() for name in ("found", "true"))
        metrics = self.evaluate(found, true)
        # The other two hang on a threshold that is found after training.
        return {name: value for name, value in metrics.items() if name.startswith("map")}

    def post_metric_to_err(self, result: dict[str, float]) -> float:
        monitor = self.config.training.scheme.monitor
        # Without a box in the validation images there is no precision either.
        return result["loss"] if monitor == "loss" else 1 - result.get(monitor, 0) + TIE_BREAK * result.get("loss", 0)

    # Before training.

    @classmethod
    def propose(cls, facts: Facts, machine: Machine, weights: Weights) -> list[Choice]:
        return box_choices(super().propose(facts, machine, weights), facts, machine)

    # After training.

    def keep_outputs(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return (B, K, 6) boxes as shares of the image: far less than the outputs for all anchors."""
        return self.inference.answers(outputs.float()).cpu()

    def final(self, inference: InferenceModel, kept: torch.Tensor) -> torch.Tensor:
        return kept

    def calibrate(self, inference: Any, outputs: torch.Tensor, targets: torch.Tensor) -> None:
        threshold = find_best_threshold(outputs.numpy(), targets.numpy())
        for model in (inference, self.inference):
            model.set_threshold(threshold)

    def evaluate(self, answers: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
        arrays = box_arrays(answers.numpy(), targets.numpy(), len(self.labels), self.inference.threshold)
        return compute_metrics(BoxMeasure(arrays, self.labels), len(targets))

    def report_rows(self, outputs: torch.Tensor, answers: torch.Tensor, targets: torch.Tensor) -> dict[str, np.ndarray]:
        return detection_rows(answers.numpy(), targets.numpy(), self.inference.threshold, self.labels)

    def report_parts(self, outputs: torch.Tensor, answers: torch.Tensor, targets: torch.Tensor) -> list[dict[str, Any]]:
        return detection_parts(answers.numpy(), targets.numpy(), self.inference.threshold, self.labels)

    def decode(self, outputs: torch.Tensor) -> tuple[str, torch.Tensor, torch.Tensor]:
        """Return the classes of the boxes, the boxes (k, 4) as shares of the image, and their confidences."""
        found = self.inference.answers(outputs)[0]
        found = found[found[:, 4] > self.inference.threshold]
        return ", ".join(self.labels[int(code)] for code in found[:, 5]), found[:, :4], found[:, 4]


def get_detector(network: Any) -> Detector:
    """Return what follows the body of a network."""
    detector: Detector = network[1]
    return detector
