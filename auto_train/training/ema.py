"""Exponential moving average of the weights (F3.19), on torch's AveragedModel."""

from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from auto_train.training.fastai_core import Callback


class EmaWeights(Callback):
    """Average the weights after each optimizer step: shadow = decay·shadow + (1 - decay)·weight.

    The first update copies; buffers are copied always.

    Args:
        model: the trained model, on its device.
        decay: 0 follows the weights at once, 1 never.
    """

    order, state_key = 40, "ema_state_dict"

    def __init__(self, model: nn.Module, decay: float):
        self.averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay))
        self.averaged.requires_grad_(False)

    @property
    def module(self) -> nn.Module:
        """The model with the averaged weights."""
        module: nn.Module = self.averaged.module
        return module

    @torch.no_grad()
    def after_step(self) -> None:
        self.averaged.update_parameters(self.learn.model)

    def state_dict(self) -> dict[str, Any]:
        return {"weights": self.module.state_dict(), "updates": int(self.averaged.n_averaged)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.module.load_state_dict(state["weights"])
        self.averaged.n_averaged.fill_(state["updates"])
