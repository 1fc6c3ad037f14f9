"""What segmentation adds to a Task: a class for every pixel, by a decoder on the backbone's feature maps."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from auto_train.bundle.config_mixin import save_config
from auto_train.common.loaders import compute_stored_side
from auto_train.common.segmentation.losses import PixelLoss
from auto_train.common.segmentation.metrics import areas, count_pixels, mask_parts
from auto_train.common.segmentation.picture import mask_picture
from auto_train.common.task import Task
from auto_train.data import Samples, cache_folder
from auto_train.data.augment.masks import move_masks
from auto_train.data.inspect.facts import Facts
from auto_train.data.pixels.masks import MaskStore, open_masks
from auto_train.data.targets import IGNORE, Masks, of_kind
from auto_train.errors import UsageError
from auto_train.metrics.masks import ious, mask_metrics, mean_over_classes
from auto_train.models.features import create_timm_features
from auto_train.models.inference import InferenceModel
from auto_train.models.segmentation.decoders import DECODERS
from auto_train.models.segmentation.whole import classes_at, segment_tiles
from auto_train.proposal.backbone import Weights
from auto_train.proposal.choice import Choice
from auto_train.proposal.machine import Machine
from auto_train.proposal.masks import mask_choices
from auto_train.training.task import Counted

# Share of a tile at each of its sides that a neighbour sees more of.
TILE_MARGIN = 1 / 8
# Masks looked at for the shares of the classes; and share of the loss in the error of an epoch.
MAX_WEIGHED, TIE_BREAK = 1000, 1e-8


class Segmenter(InferenceModel):
    """Images (N, H, W, 3) uint8 → the class of every pixel (N, H, W) uint8.

    Args:
        decoder: one of DECODERS.
        tile: see larger images in tiles instead of reducing them to image_size.
    """

    output_name = "classes"

    @save_config
    def __init__(self, *, decoder: str = "unet", tile: bool = False, **common: Any):
        if tile and common.get("preprocess"):
            hint = "let one of them go: a preprocess function sees the whole image"
            raise UsageError("tiles and a preprocess function do not go together", where="[testing] tile", hint=hint)
        self.decoder, self.tile = decoder, tile
        super().__init__(**common)

    def build_network(
        self, backbone: dict[str, Any], head: dict[str, Any] | None = None, weights: Path | None = None
    ) -> nn.Sequential:
        if head:
            raise UsageError("a head of pooled features says nothing of pixels", where="[architecture.head]")
        options = {key: value for key, value in backbone.items() if key != "drop_rate"}
        body = create_timm_features(image_size=self.image_size, weights=weights, **options)
        drop_rate = backbone.get("drop_rate", 0.0)
        return nn.Sequential(body, DECODERS[self.decoder](body.channels, body.strides, len(self.labels), drop_rate))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if self.tile:
            return segment_tiles(images, self.image_size, round(self.image_size * TILE_MARGIN), self._see)
        return classes_at(self.network(self.prepare(images)), images.shape[1], images.shape[2])

    def _see(self, tiles: torch.Tensor) -> torch.Tensor:
        pixels = tiles.permute(0, 3, 1, 2).float().contiguous(memory_format=torch.channels_last)
        return classes_at(self.network(self.normalise(pixels)), self.image_size, self.image_size)

    def answers(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return the classes of images of the size that the network sees, (N, S, S) uint8."""
        return classes_at(outputs, self.image_size, self.image_size)


class SegmentationModel(Task):
    """Segmentation as a Task."""

    inference_class = Segmenter
    report_score = ("image_iou", "max")
    move = staticmethod(move_masks)
    picture = staticmethod(mask_picture)

    def inference_arguments(self) -> dict[str, Any]:
        return {"decoder": self.config.architecture.decoder, "tile": self.config.testing.tile}

    @property
    def loss_func(self) -> nn.Module:
        scheme = self.config.training.scheme
        weights = self.class_weights() if scheme.balance == "weights" else None
        return PixelLoss(scheme.loss.split("+"), weights).to(self.device)

    def targets(self, samples: Samples) -> MaskStore:
        """Return (N, S, S) uint8 class codes by position; those of training are as large as its stored images."""
        is_trained = (samples.table["split"] == "train").all()
        return open_masks(
            of_kind(samples.targets, Masks),
            compute_stored_side(self.config) if is_trained else self.inference.image_size,
            cache=cache_folder("stores"),
            limit_mb=self.config.training.data.cache_mb,
            listener=self.listener,
        )

    def class_weights(self) -> torch.Tensor:
        """Return (C,) weights, the inverse root of each class's share of the training pixels, 1 for the mean pixel."""
        masks = self.targets(self.samples.of("train"))
        counts = torch.zeros(IGNORE + 1, dtype=torch.int64)
        for position in np.unique(np.linspace(0, len(masks) - 1, MAX_WEIGHED).astype(int)):
            counts += torch.bincount(masks[[position]].flatten(), minlength=IGNORE + 1)
        shares = counts[: len(self.labels)].clamp(min=1) / counts[: len(self.labels)].sum().clamp(min=1)
        weights = shares**-0.5
        return (weights / (weights * shares).sum()).float()

    def read_data(self, frozen: Mapping[str, str] | None = None, *, for_training: bool = False) -> Samples:
        """Return the samples, and warn where their metrics would not be those of tiles."""
        samples = super().read_data(frozen, for_training=for_training)
        if self.config.testing.tile:
            side, is_measured = self.config.architecture.image_size, samples.table["split"].isin(["valid", "test"])
            large = [row for row in is_measured.to_numpy().nonzero()[0] if max(samples.images.size(int(row))) > side]
            if large:
                self.warnings.append(
                    f"{len(large)} images to measure with are larger than {side} px: the metrics are of them reduced "
                    "to that, while the model will see such images in tiles ([testing] tile)"
                )
        return samples

    # Hooks of the Learner. A batch is (images (B, 3, S, S), class codes (B, S, S) uint8).

    def batch_forward(self, model: nn.Module, batch: Any) -> dict[str, Any]:
        scores = model(batch[0]).float()
        return {"pred": F.interpolate(scores, batch[1].shape[1:], mode="bilinear", align_corners=False)}

    def batch_loss(self, out: dict[str, Any], batch: Any) -> Counted:
        return {"loss": (self.learn.loss_func(out["pred"], batch[1]), len(batch[1]))}

    def batch_metric(self, out: dict[str, Any], batch: Any) -> Counted:
        is_right = out["pred"].argmax(dim=1) == batch[1]
        known = (batch[1] != IGNORE).sum().clamp(min=1)
        return {"pixel_accuracy": (is_right.sum() / known, len(batch[1]))}

    def extra_batch_metrics(
        self, out: dict[str, Any], batch: Any, losses: Counted, model: nn.Module, epoch_cache: dict[str, Any]
    ) -> Counted:
        if not model.training:
            found = areas(self.keep_outputs(out["pred"], batch[1])).sum(axis=0, keepdims=True)
            epoch_cache.setdefault("areas", []).append(found)
        return {}

    def epoch_metric(self, epoch_cache: dict[str, Any]) -> dict[str, float]:
        """Return the mean IoU and Dice of a validation pass; see mask_metrics."""
        if not epoch_cache:
            return {}
        found = mask_metrics(np.concatenate(epoch_cache["areas"]).sum(axis=0))
        return {name: float(np.nan_to_num(found[name])) for name in ("miou", "dice")}

    def post_metric_to_err(self, result: dict[str, float]) -> float:
        monitor = self.config.training.scheme.monitor
        return result["loss"] if monitor == "loss" else 1 - result[monitor] + TIE_BREAK * result["loss"]

    # Before training.

    @classmethod
    def propose(cls, facts: Facts, machine: Machine, weights: Weights) -> list[Choice]:
        return mask_choices(super().propose(facts, machine, weights), facts, machine, num_classes=len(facts.classes))

    # After training. Of each image counts of pixels are kept, no scores and no masks.

    def keep_outputs(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return count_pixels(classes_at(outputs, *targets.shape[1:]), targets.to(outputs.device), len(self.labels)).cpu()

    def keep_targets(self, targets: torch.Tensor) -> torch.Tensor:
        return targets.flatten(1)[:, :0]

    def final(self, inference: InferenceModel, kept: torch.Tensor) -> torch.Tensor:
        return kept

    def evaluate(self, answers: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
        found = mask_metrics(areas(answers).sum(axis=0))
        return {name: float(value) for name, value in found.items() if np.isfinite(value)}

    def report_rows(self, outputs: torch.Tensor, answers: torch.Tensor, targets: torch.Tensor) -> dict[str, np.ndarray]:
        found = areas(answers)
        # An image without a pixel that counts has no mistake.
        return {"score": np.nan_to_num(mean_over_classes(ious(found)), nan=1.0), "areas": found.astype(np.int32)}

    def report_parts(self, outputs: torch.Tensor, answers: torch.Tensor, targets: torch.Tensor) -> list[dict[str, Any]]:
        return mask_parts(answers, self.labels)

    def decode(self, outputs: torch.Tensor) -> tuple[str, torch.Tensor, torch.Tensor]:
        mask = self.inference.answers(outputs)[0]
        return _shares(mask, self.labels), mask, outputs[0].softmax(dim=0)


def _shares(mask: torch.Tensor, labels: Sequence[str]) -> str:
    """Return how much of a mask each class covers: "background 93.0%, nucleus 7.0%"."""
    counts = torch.bincount(mask.flatten(), minlength=len(labels))
    order = [int(code) for code in counts.argsort(descending=True) if counts[code]]
    return ", ".join(f"{labels[code]} {float(counts[code]) / mask.numel():.1%}" for code in order)
