"""What regression adds to a Task: numbers scaled inside the model, their losses, and intervals of split conformal."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from auto_train.bundle.config_mixin import save_config
from auto_train.common.task import Task
from auto_train.data import Samples
from auto_train.data.inspect.facts import Facts, spread
from auto_train.data.targets import Values, of_kind
from auto_train.errors import DataError
from auto_train.metrics.conformal import cross_conformal_coverage, fewest_residuals, margins
from auto_train.metrics.measures import NumberMeasure, compute_metrics, name_metric
from auto_train.models.inference import InferenceModel
from auto_train.proposal.backbone import Weights
from auto_train.proposal.choice import Choice
from auto_train.proposal.machine import Machine
from auto_train.training.task import Counted

LOSSES = {"smooth_l1": nn.SmoothL1Loss, "mse": nn.MSELoss, "mae": nn.L1Loss}
# Points of a plot, and plots of a kind: what a page holds easily.
MAX_POINTS, MAX_PANELS = 500, 12


class Regressor(InferenceModel):
    """Images (N, H, W, 3) uint8 → (N, K, 3) float32: value, lower and upper end of its interval, in the columns' units.

    The network gives (N, K) in standard deviations from the mean of the training images.

    Args:
        units: of the K columns, which are the labels; "" where none is known.
        target_mean, target_std: of the columns, on the training images.
        margins: half widths of the intervals.
        interval: chance that an interval holds the true value.
        **common: as of InferenceModel.
    """

    output_name, label_noun = "values", "columns"
    target_mean: torch.Tensor
    target_std: torch.Tensor
    margins: torch.Tensor

    @save_config
    def __init__(
        self,
        *,
        units: Sequence[str],
        target_mean: Sequence[float],
        target_std: Sequence[float],
        margins: Sequence[float] | None = None,
        interval: float = 0.9,
        **common: Any,
    ):
        super().__init__(**common)
        self.units, self.interval = list(units), interval
        # Plain buffers of the graph, not weights: config.json holds them.
        for name, values in {"target_mean": target_mean, "target_std": target_std}.items():
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32), persistent=False)
        self.register_buffer("margins", torch.tensor(margins or [0.0] * len(self.labels)), persistent=False)

    @property
    def facts(self) -> dict[str, Any]:
        return {"units": self.units, "interval": self.interval}

    def answers(self, outputs: torch.Tensor) -> torch.Tensor:
        values = outputs * self.target_std + self.target_mean
        return torch.stack([values, values - self.margins, values + self.margins], dim=2)

    def set_margins(self, found: Sequence[float]) -> None:
        """Answer with intervals of these half widths from now on, in saved configs too."""
        self.margins = torch.tensor(found, dtype=torch.float32, device=self.margins.device)
        self.set_config(margins=list(found))


class RegressionModel(Task):
    """Regression of one or several columns as a Task."""

    inference_class = Regressor
    inference: Regressor
    report_score = ("nmae", "min")

    @property
    def loss_func(self) -> nn.Module:
        return LOSSES[self.config.training.scheme.loss]()

    def targets(self, samples: Samples) -> torch.Tensor:
        """Return (N, K) float64 numbers as the data has them, in the order of the labels.

        Raises:
            DataError: the data has other columns than the model.
        """
        found = of_kind(samples.targets, Values)
        if missing := [label for label in self.labels if label not in found.names]:
            raise DataError(
                f"the data has no numbers '{missing[0]}', which the model tells",
                where=str(samples.root or ""),
                allowed=", ".join(self.labels),
                hint="name its columns in [project.data] label_column",
            )
        return torch.from_numpy(found.array[:, [found.names.index(label) for label in self.labels]])

    def inference_arguments(self) -> dict[str, Any]:
        """Return the units, and mean and deviation of the training images.

        Raises:
            DataError: a column that is the same for all of them.
        """
        found, train = of_kind(self.samples.targets, Values), of_kind(self.samples.of("train").targets, Values).array
        mean, std = train.mean(axis=0), train.std(axis=0)
        is_constant = std <= 1e-9 * np.abs(mean)
        if is_constant.any() and not self.config.training.limit_batches:  # few images may well be equal
            name, value = next(pair for pair, flag in zip(zip(found.names, mean), is_constant) if flag)
            raise DataError(
                f"column '{name}' is {value:g} for all {len(train)} training images: there is nothing to learn",
                where=str(self.samples.root or ""),
                hint="name the other columns in [project.data] label_column",
            )
        return {
            "units": found.units,
            "target_mean": mean.tolist(),
            "target_std": np.where(is_constant, 1.0, std).tolist(),
            "interval": self.config.training.scheme.interval,
        }

    def scale(self, values: torch.Tensor) -> torch.Tensor:
        """Return numbers (B, K) in standard deviations from the mean, float32; subtracted before digits are lost."""
        inference = self.inference
        return ((values - inference.target_mean.to(values)) / inference.target_std.to(values)).float()

    # Hooks of the Learner. A batch is (images (B, 3, S, S), numbers (B, K) float64).

    def batch_forward(self, model: nn.Module, batch: Any) -> dict[str, Any]:
        return {"pred": model(batch[0])}

    def batch_loss(self, out: dict[str, Any], batch: Any) -> Counted:
        return {"loss": (self.learn.loss_func(out["pred"].float(), self.scale(batch[1])), len(batch[1]))}

    def batch_metric(self, out: dict[str, Any], batch: Any) -> Counted:
        """Return nmae, and the mean absolute error of each column in its unit."""
        errors = (out["pred"].detach().float() - self.scale(batch[1])).abs().mean(dim=0)
        n, each = len(batch[1]), errors * self.inference.target_std
        names = [name_metric("mae", label) for label in self.labels] if len(self.labels) > 1 else ["mae"]
        return {"nmae": (errors.mean(), n), **{name: (value, n) for name, value in zip(names, each, strict=True)}}

    def post_metric_to_err(self, result: dict[str, float]) -> float:
        return result[self.config.training.scheme.monitor]

    # Before training.

    @classmethod
    def propose(cls, facts: Facts, machine: Machine, weights: Weights) -> list[Choice]:
        # A part of an image is another number: fewer, or nearer.
        return [one for one in super().propose(facts, machine, weights) if one.key != "training.augment.crop"]

    # After training.

    def calibrate(self, inference: InferenceModel, outputs: torch.Tensor, targets: torch.Tensor) -> None:
        """Find the intervals; too few images for what they shall hold are told."""
        level, n = self.inference.interval, len(targets)
        residuals = (inference.answers(outputs)[..., 0].double() - targets).abs().numpy()
        for model in (inference, self.inference):
            assert isinstance(model, Regressor)
            model.set_margins(margins(residuals, level).tolist())
        if n < (fewest := fewest_residuals(level)):
            self.warnings.append(
                f"intervals that hold {level:.1%} of the values need {fewest} validation images, and {n} are there: "
                "they are as wide as the largest error on these, and may hold less"
            )

    def evaluate(self, answers: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
        """Return mae, rmse, r2 and coverage of the columns, and nmae: the error in standard deviations."""
        rows = self.report_rows(answers, answers, targets)
        return {"nmae": float(rows["score"].mean()), **compute_metrics(NumberMeasure(rows, self.labels), len(targets))}

    def report_rows(self, outputs: torch.Tensor, answers: torch.Tensor, targets: torch.Tensor) -> dict[str, np.ndarray]:
        """Return label and answer (numbers with their units), score (nmae of the image); arrays of (N, K)."""
        truth, values = targets.double().numpy(), answers[..., 0].double().numpy()
        errors = np.abs(values - truth)
        low, high = answers[..., 1].double().numpy(), answers[..., 2].double().numpy()
        # The intervals are made of the validation images: the share that they hold of these is known before.
        is_valid = self.measured == "valid"
        is_inside = (
            cross_conformal_coverage(errors, self.inference.interval) if is_valid else (low <= truth) & (truth <= high)
        )
        return {
            "label": self._texts(truth),
            "answer": self._texts(values),
            "score": (errors / self.inference.config["target_std"]).mean(axis=1),
            "truth": truth,
            "values": values,
            "is_inside": is_inside.astype(np.uint8),
        }

    def report_parts(self, outputs: torch.Tensor, answers: torch.Tensor, targets: torch.Tensor) -> list[dict[str, Any]]:
        """Return a table of the columns and their intervals, predicted over true, and residuals over predicted."""
        rows, config = self.report_rows(outputs, answers, targets), self.inference.config
        truth, values, is_inside = rows["truth"], rows["values"], rows["is_inside"]
        margin = config["margins"]
        by_mean, errors = np.abs(truth - config["target_mean"]).mean(axis=0), np.abs(values - truth).mean(axis=0)
        share = [error / mean if mean else None for error, mean in zip(errors.tolist(), by_mean.tolist(), strict=True)]
        cells = [errors.tolist(), by_mean.tolist(), share, margin, is_inside.mean(axis=0).tolist()]
        level = self.inference.interval
        of = "the other half of these images" if self.measured == "valid" else "the validation images"
        table = {
            "kind": "table",
            "title": "Columns",
            "columns": ["column", "unit", "MAE", "MAE of the mean", "share of it", "interval ±", "coverage"],
            "rows": [
                [name, unit, *(cell[k] for cell in cells)]
                for k, (name, unit) in enumerate(zip(self.labels, self.inference.units, strict=True))
            ],
            "note": f"MAE of the mean: of answering the mean of the training images to every image. Intervals shall "
            f"hold {level:.1%} of the values; they are made of the errors on the validation images, and the coverage "
            f"is that of intervals made of {of}.",
        }
        chosen = spread(range(len(truth)), MAX_POINTS)
        titles = [f"{name}, {unit}" if unit else name for name, unit in zip(self.labels, self.inference.units)]
        over_true, residuals = (
            [
                {"title": title, "x": x, "y": y, "line": line, "band": margin[k],
                 "points": {"x": xs[chosen, k].tolist(), "y": ys[chosen, k].tolist()}}
                for k, title in enumerate(titles[:MAX_PANELS])
            ]
            for x, y, line, xs, ys in (
                ("true", "predicted", "diagonal", truth, values),
                ("predicted", "predicted - true", "zero", values, values - truth),
            )
        )  # fmt: skip
        note = "The band is the interval around the line where predicted and true are the same."
        return [
            table,
            {"kind": "scatter", "title": "Predicted over true", "panels": over_true, "note": note},
            {"kind": "scatter", "title": "Residuals", "panels": residuals},
        ]

    def decode(self, outputs: torch.Tensor) -> tuple[str, torch.Tensor, torch.Tensor]:
        answers = self.inference.answers(outputs.to(self.inference.target_std.device))[0].cpu()
        return self._texts(answers[None, :, 0].numpy())[0], answers[:, 0], answers

    def _texts(self, values: np.ndarray) -> np.ndarray:
        """Return numbers (N, K) as people read them, (N,): to a hundredth of what is usual to differ."""
        names = [""] if len(self.labels) == 1 else [f"{name} " for name in self.labels]
        ends = [f" {unit}" if unit else "" for unit in self.inference.units]
        digits = [int(np.clip(2 - np.floor(np.log10(std)), 0, 12)) for std in self.inference.config["target_std"]]
        columns = [
            [f"{name}{np.format_float_positional(round(x, n), trim='-')}{end}" for x in column]
            for name, column, n, end in zip(names, values.T.tolist(), digits, ends, strict=True)
        ]
        return np.array([", ".join(row) for row in zip(*columns, strict=True)], dtype=object)
