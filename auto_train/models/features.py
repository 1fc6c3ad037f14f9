"""timm backbones that give their feature maps: the body of networks that answer for places in an image."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from auto_train.errors import MissingError, UsageError
from auto_train.memory import is_out_of_memory
from auto_train.models.backbone import create_trunk, widen_stem

if TYPE_CHECKING:
    from pathlib import Path


class FeatureMaps(nn.Module):
    """A timm model without its classifier that gives the feature maps of several depths.

    Attributes:
        channels: of each map.
        strides: pixels of the image for one of each map, along a side.
        num_features: channels of the last map.
    """

    def __init__(self, model: nn.Module, *, channels: Sequence[int], strides: Sequence[int]):
        super().__init__()
        self.model, self.channels, self.strides = model, list(channels), list(strides)
        self.num_features = self.channels[-1]

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Map images (N, C, H, W) to maps (N, channels, H / stride, W / stride), the finest first."""
        return _maps(self.model, images)


def create_timm_features(
    arch: str,
    *,
    weights: "Path | None" = None,
    image_size: int = 224,
    out_indices: Sequence[int] | None = None,
    stem: str = "default",
    n_in: int = 3,
    **kwargs: Any,
) -> FeatureMaps:
    """Build any timm model that has feature maps.

    Args:
        arch: timm model name.
        weights: file to load, the same as for create_timm_model; None: random ones.
        image_size: side of the images; fixes the position embeddings of transformers.
        out_indices: which of timm's maps, the finest is 0, the coarsest -1; None: all that timm gives.
        stem: "small" doubles the resolution of the first layers, for images under about 64 px.
        n_in: input channels.
        **kwargs: passed to ``timm.create_model``.

    Raises:
        UsageError: unknown model name, a model without feature maps, or arguments or a size it does not take.
        MissingError: a file that does not hold this model's weights.
    """
    indices = {} if out_indices is None else {"out_indices": tuple(out_indices)}
    model = _create_trunk(arch, n_in, image_size, weights, kwargs, {"features_only": True, **indices})
    if stem == "small":
        widen_stem(model, arch)
    maps = _probe(model, arch, n_in, image_size)
    channels = [features.shape[1] for features in maps]
    strides = [2 ** round(math.log2(image_size / features.shape[-1])) for features in maps]
    return FeatureMaps(model, channels=channels, strides=strides)


def _create_trunk(
    arch: str, n_in: int, image_size: int, weights: "Path | None", kwargs: dict[str, Any], maps: dict[str, Any]
) -> nn.Module:
    try:
        return create_trunk(arch, False, n_in, image_size, weights, {**kwargs, **maps})
    except (UsageError, MissingError):
        # Wrong names and arguments are told as for models without maps; each model has its own way to have none.
        create_trunk(arch, False, n_in, image_size, None, kwargs)
        try:
            create_trunk(arch, False, n_in, image_size, None, {**kwargs, **maps})
        except UsageError as error:
            raise _no_maps(arch, str(error.__cause__)) from error
        raise


def _no_maps(arch: str, reason: str) -> UsageError:
    return UsageError(
        f"timm gives no feature maps of '{arch}': {reason}",
        where="[architecture.backbone] model",
        allowed="models with feature maps, as all usual convolutional nets",
        hint="take resnet18, mobilenetv3_large_100 or convnext_tiny, for example",
    )


def _maps(model: nn.Module, images: torch.Tensor) -> list[torch.Tensor]:
    """Return a timm model's maps, channels first: some transformers have them last."""
    maps: list[torch.Tensor] = model(images)
    is_last = getattr(getattr(model, "output_fmt", None), "value", "NCHW") == "NHWC"
    return [features.permute(0, 3, 1, 2) for features in maps] if is_last else maps


def _probe(model: nn.Module, arch: str, n_in: int, image_size: int) -> list[torch.Tensor]:
    """Return what the model makes of one image."""
    was_training = model.training
    try:
        with torch.no_grad():
            maps = _maps(model.eval(), torch.zeros(1, n_in, image_size, image_size))
    except Exception as error:  # each model has its own way to refuse a size
        if is_out_of_memory(error):
            raise
        raise UsageError(
            f"'{arch}' cannot see images of {image_size} px: {error}",
            where="[architecture] image_size",
            hint="take another size, or look at [architecture.backbone.args]",
        ) from error
    model.train(was_training)
    if any(features.ndim != 4 for features in maps):
        raise _no_maps(arch, f"it gives {[tuple(features.shape) for features in maps]}")
    return maps
