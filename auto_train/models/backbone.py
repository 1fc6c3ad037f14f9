"""timm backbones with a head: one function builds every network of every recipe."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from auto_train.config.timm_models import find_near_models
from auto_train.errors import MissingError, TaskContractError, UsageError
from auto_train.memory import is_out_of_memory

if TYPE_CHECKING:
    from pathlib import Path

Init = Callable[[torch.Tensor], Any]


class Backbone(nn.Module):
    """A timm model without its classifier.

    Gives unpooled features (N, F, h, w) where timm's own pooling is plain averaging. Where more follows the pooling
    (transformers, ConvNeXt's norm, MobileNetV3's last layer) those pretrained layers stay here and the output is
    pooled already, (N, F).
    """

    model: Any  # a timm model: more than nn.Module says

    def __init__(self, model: nn.Module, *, is_pooled: bool, num_features: int):
        super().__init__()
        self.model, self.is_pooled, self.num_features = model, is_pooled, num_features

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map images (N, C, H, W) to features (N, F, h, w) or (N, F)."""
        return self.model(images) if self.is_pooled else self.model.forward_features(images)


class Pool(nn.Module):
    """Pool features to (N, F): the mean, or the maximum and the mean side by side; pooled ones pass unchanged."""

    def __init__(self, *, concat: bool = False):
        super().__init__()
        self.concat = concat

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        if features.ndim == 2:
            return features
        mean = features.mean(dim=(2, 3))
        return torch.cat([features.amax(dim=(2, 3)), mean], dim=1) if self.concat else mean


def create_timm_model(
    arch: str,
    n_out: int,
    cut: int | Callable[[nn.Module], nn.Module] | None = None,
    pretrained: bool = True,
    n_in: int = 3,
    init: Init | None = nn.init.kaiming_normal_,
    custom_head: nn.Module | None = None,
    concat_pool: bool = False,
    *,
    image_size: int = 224,
    stem: str = "default",
    weights: "Path | None" = None,
    drop_rate: float = 0.0,
    **kwargs: Any,
) -> nn.Sequential:
    """Build ``nn.Sequential(body, head)`` around any timm model.

    Args:
        arch: timm model name.
        n_out: outputs of the head.
        cut: keep the first ``cut`` children of the timm model only, or a function that returns the body.
        pretrained: load the weights timm names for this model.
        n_in: input channels.
        init: called on every weight of the head with two or more axes; None leaves the module's own initialisation.
        custom_head: module on pooled features (N, F) in place of one linear layer.
        concat_pool: pool by maximum and mean side by side, which doubles F.
        image_size: side of the images; fixes the position embeddings of transformers.
        stem: "small" doubles the resolution of the first layers, for images under about 64 px.
        weights: file to load instead of the weights timm names.
        drop_rate: dropout before the linear layer.
        **kwargs: passed to ``timm.create_model``.

    Raises:
        UsageError: unknown model name, or arguments or an image size this model does not take.
        MissingError: pretrained weights that cannot be had.
        TaskContractError: a custom head that does not fit the features.

    Source: contract F2.6.
    """
    model = create_trunk(arch, pretrained, n_in, image_size, weights, kwargs)
    if stem == "small":
        widen_stem(model, arch)
    try:
        body = _make_body(model, cut, n_in, image_size)
    except Exception as error:  # each model has its own way to refuse a size
        if is_out_of_memory(error):
            raise
        raise UsageError(
            f"'{arch}' cannot see images of {image_size} px: {error}",
            where="[architecture] image_size",
            hint="take another size, or look at [architecture.backbone.args]",
        ) from error
    num_features = body.num_features * (2 if concat_pool and not body.is_pooled else 1)
    layers = custom_head or nn.Sequential(nn.Dropout(drop_rate), nn.Linear(num_features, n_out))
    if init is not None:
        for weight in layers.parameters():
            if weight.ndim >= 2:
                init(weight)
    _check_head(layers, num_features, n_out, arch)
    return nn.Sequential(body, nn.Sequential(Pool(concat=concat_pool), layers))


def default_split(model: nn.Sequential) -> list[list[nn.Parameter]]:
    """Return the parameters of the body and of the head, so that the body can be frozen."""
    return [list(model[0].parameters()), list(model[1].parameters())]


def zero_last_linear(head: nn.Module) -> None:
    """Let training start from even outputs: the head then moves first and the pretrained features stay whole."""
    linear = [layer for layer in head.modules() if isinstance(layer, nn.Linear)]
    if linear:
        nn.init.zeros_(linear[-1].weight)
        if linear[-1].bias is not None:
            nn.init.zeros_(linear[-1].bias)


def normalisation(arch: str) -> tuple[Sequence[float], Sequence[float]]:
    """Return the channel means and standard deviations, in [0, 1], the timm model was made for."""
    import timm

    config = timm.get_pretrained_cfg(arch)
    return (config.mean, config.std) if config else ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def find_pretrained_name(arch: str) -> str:
    """Return where timm's weights of a model are, as find_weights takes it: a hub name or a URL.

    Raises:
        MissingError: timm knows no weights for it.
    """
    import timm

    if not timm.is_model(arch):
        raise _unknown_error(arch)
    config = timm.get_pretrained_cfg(arch)
    if config and config.hf_hub_id:
        file = f"/{config.hf_hub_filename}" if config.hf_hub_filename else ""
        return f"hf://{config.hf_hub_id}{file}"
    if config and config.url:
        return str(config.url)
    raise MissingError(
        f"timm has no pretrained weights of '{arch}'",
        where="[architecture.backbone] pretrained",
        hint="name a file in [architecture.backbone] weights, or set pretrained = false",
    )


def find_starting_weights(backbone: Any) -> str | None:
    """Return the file, URL or hub name of the weights that ``[architecture.backbone]`` asks for; None: random ones."""
    return backbone.weights or (find_pretrained_name(backbone.model) if backbone.pretrained else None)


def _unknown_error(arch: str) -> UsageError:
    import timm

    return UsageError(
        f"timm has no model '{arch}'",
        where="[architecture.backbone] model",
        allowed=find_near_models(arch, timm.list_models()),
        hint="list them with: python -c \"import timm; print(timm.list_models('resnet*'))\"",
    )


def create_trunk(
    arch: str, pretrained: bool, n_in: int, image_size: int, weights: "Path | None", kwargs: dict[str, Any]
) -> nn.Module:
    """Return timm's own model without a classifier, with weights as create_timm_model's; see there for the rest."""
    import timm

    if not timm.is_model(arch):
        raise _unknown_error(arch)
    config = timm.get_pretrained_cfg(arch)
    options: dict[str, Any] = {"num_classes": 0, "in_chans": n_in, **kwargs}
    if config and config.fixed_input_size:
        options["img_size"] = image_size
    if weights is not None:
        options["pretrained_cfg_overlay"] = {"file": str(weights)}
    try:
        with _collect_missing_keys() as missing:
            model = timm.create_model(arch, pretrained=pretrained or weights is not None, **options)
    except Exception as error:  # whatever wrong arguments, or a file that holds no weights, run into
        if isinstance(error, TypeError) or not (pretrained or weights):
            raise _arguments_error(arch, error) from error
        lines = [line.strip()[:200] for line in str(error).strip().splitlines()]
        raise _weights_error(arch, weights, " ".join(lines[:2]) or type(error).__name__) from error
    if missing:
        raise _weights_error(arch, weights, f"{len(missing)} tensors are not in it: {', '.join(missing[:3])} …")
    return model


@contextmanager
def _collect_missing_keys() -> Iterator[list[str]]:
    """Collect the names of weights that a file lacks: timm loads what there is and only logs the rest."""
    found: list[str] = []

    def note(record: logging.LogRecord) -> bool:
        title, _, names = record.getMessage().partition(" (")
        found.extend(names.partition(")")[0].split(", ") if title == "Missing keys" else ())
        return False  # of the others, the classifier that is not wanted, nobody needs to hear

    log = logging.getLogger("timm.models._builder")
    level = log.level
    log.addFilter(note)
    log.setLevel(logging.INFO)
    try:
        yield found
    finally:
        log.removeFilter(note)
        log.setLevel(level)


def _arguments_error(arch: str, error: Exception) -> UsageError:
    return UsageError(
        f"'{arch}' does not take these arguments: {error}",
        where="[architecture.backbone.args]",
        hint="they go to timm.create_model as they are",
    )


def _weights_error(arch: str, weights: "Path | None", reason: str) -> MissingError:
    if weights is None:
        return MissingError(
            f"the pretrained weights of '{arch}' cannot be had: {reason}",
            where="[architecture.backbone] pretrained",
            hint="name a file in [architecture.backbone] weights, or set pretrained = false for random ones",
        )
    return MissingError(
        f"{weights} does not hold weights of '{arch}': {reason}",
        where="[architecture.backbone] weights",
        hint="name the model these weights were made for in [architecture.backbone] model, or leave weights out",
    )


def widen_stem(model: nn.Module, arch: str) -> None:
    """Double the resolution: drop the stem's max pool where there is one, else the stride of its first convolution."""
    if isinstance(getattr(model, "maxpool", None), nn.Module):
        model.maxpool = nn.Identity()
        return
    convolution = next((m for m in model.modules() if isinstance(m, nn.Conv2d)), None)
    if convolution is None or convolution.stride != (2, 2):
        raise UsageError(
            f"'{arch}' has no stem of stride 2 that could be widened",
            where="[architecture.backbone] stem",
            allowed="default, and small for convolutional nets",
        )
    convolution.stride = (1, 1)


def _make_body(model: Any, cut: Any, n_in: int, image_size: int) -> Any:
    # Not zeros: a norm after the pooling would go unnoticed on them.
    probe = torch.rand(1, n_in, image_size, image_size, generator=torch.Generator().manual_seed(0))
    was_training = model.training
    model.eval()
    with torch.no_grad():
        if cut is not None:
            body = cut(model) if callable(cut) else nn.Sequential(*list(model.children())[:cut])
            body.is_pooled, body.num_features = False, body(probe).shape[1]
            return body.train(was_training)
        features, pooled = model.forward_features(probe), model(probe)
        plain = features.ndim == 4 and features.shape[1] == pooled.shape[1]
        plain = plain and torch.allclose(features.mean(dim=(2, 3)), pooled, atol=1e-5)
    body = Backbone(model, is_pooled=not plain, num_features=pooled.shape[1])
    return body.train(was_training)


def _check_head(head: nn.Module, num_features: int, n_out: int, arch: str) -> None:
    was_training = head.training
    head.eval()
    try:
        with torch.no_grad():
            outputs = head(torch.zeros(2, num_features))
    except RuntimeError as error:
        raise TaskContractError(
            f"the head does not fit: '{arch}' gives {num_features} features ({error})",
            where="[architecture.head]",
            hint=f"set [architecture.backbone] vector_size = {num_features}, or leave the head out",
        ) from error
    if outputs.shape != (2, n_out):
        raise TaskContractError(
            f"the head gives {tuple(outputs.shape)[1:]} outputs for each image",
            where="[architecture.head]",
            allowed=f"({n_out},)",
            hint="one output for each class: num_classes of the head must be that of the data",
        )
    head.train(was_training)
