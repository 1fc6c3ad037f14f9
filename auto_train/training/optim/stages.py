"""Stages: parts of a training with an optimizer and a schedule of their own (F3.22); frozen → unfrozen is two."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from auto_train.training.fastai_core import norm_bias_params
from auto_train.training.optim.schedule import Constant, OneCycle, Schedule

MakeOptimizer = Callable[[nn.Module], torch.optim.Optimizer]
Splitter = Callable[[nn.Module], Sequence[Sequence[nn.Parameter]]]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A part of the training.

    Attributes:
        name: for logs and checkpoints.
        epochs: full passes; 0 skips the stage.
        schedule: moves learning rate and momentum; of this stage alone.
        frozen: train the last part of the model only, and the norms of the others.
        optimizer: makes the stage's optimizer; none: the learner's own, made anew.
        keeps_optimizer: go on with the optimizer of the stage before.
        settings: what the task's on_stage_start gets: loss weights and the like.
    """

    name: str
    epochs: int
    schedule: Schedule = field(default_factory=Constant)
    frozen: bool = False
    optimizer: MakeOptimizer | None = None
    keeps_optimizer: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)


def fine_tune_stages(
    epochs: int, learning_rate: float, *, freeze_epochs: int = 1, pretrained: bool = True, lr_mult: float = 100.0
) -> list[Stage]:
    """Return fastai's fine_tune as stages: the head alone, then everything with a slower body.

    A body of random weights gets the full rate: there is nothing in it to keep.
    """
    # As fastai, whose slice(lr) gives a frozen body's norms, which learn all the same, a tenth.
    head = OneCycle([learning_rate / 10, learning_rate], pct_start=0.99)
    frozen = Stage(name="frozen", epochs=freeze_epochs, frozen=True, schedule=head)
    if not pretrained:
        return [frozen, Stage(name="all", epochs=epochs, schedule=OneCycle([learning_rate]))]
    half = learning_rate / 2
    return [frozen, Stage(name="unfrozen", epochs=epochs, schedule=OneCycle([half / lr_mult, half], div=5.0))]


def parameter_groups(parts: Iterable[Sequence[nn.Parameter]], weight_decay: float) -> list[dict[str, Any]]:
    """Return an optimizer's groups: each part of the model twice, since norms and biases are not decayed.

    Every group says in ``part`` which part it is of. Frozen parameters are in none.
    """
    groups = []
    for number, part in enumerate(parts):
        trained = [p for p in part if p.requires_grad]
        for is_decayed in (True, False):
            if params := [p for p in trained if (p.ndim > 1) == is_decayed]:
                groups.append({"params": params, "part": number, "weight_decay": weight_decay if is_decayed else 0.0})
    return groups


class Freezer:
    """Freezes and unfreezes a model's parts; what was frozen from the start stays so.

    Args:
        splitter: gives the model's parts, the head last.
        keep_norms: the norms of frozen parts are frozen too.
    """

    def __init__(self, model: nn.Module, splitter: Splitter, *, keep_norms: bool):
        self.model, self.splitter, self.keep_norms = model, splitter, keep_norms
        self.trained = [p for p in model.parameters() if p.requires_grad]

    def freeze_to(self, number: int) -> None:
        """Train the parts from this number on; negative ones count from the end, as in fastai."""
        for parameter in self.trained:
            parameter.requires_grad_(True)
        norms = set() if self.keep_norms else {id(p) for p in norm_bias_params(self.model, with_bias=False)}
        for part in self.splitter(self.model)[:number]:
            for parameter in part:
                if id(parameter) not in norms:
                    parameter.requires_grad_(False)
