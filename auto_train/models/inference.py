"""InferenceModel: the whole way from uint8 pixels to final answers as one module, so preprocessing cannot differ."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
from torch import nn

from auto_train import registry
from auto_train.answers import ModelDescription, PlainForm, find_form
from auto_train.bundle.config_mixin import ConfigMixin, save_config
from auto_train.data.pixels.resize import resize_images
from auto_train.errors import BundleError
from auto_train.files import write_file
from auto_train.models.backbone import create_timm_model

if TYPE_CHECKING:
    import numpy as np

# Arguments of create_timm_model and timm that load weights; a bundle has its own, and may come from anyone.
OPENS_FILES = {"weights", "pretrained", "checkpoint_path", "pretrained_cfg", "pretrained_cfg_overlay"}


class InferenceModel(nn.Module, ConfigMixin):
    """Images in, answers out: resize → normalise → network → the task's last step.

    A recipe derives its own class and defines ``answers``; where these depend on the image's size, ``forward``. It may
    take further arguments in an ``__init__`` with ``@save_config``, and build another network.

    Args:
        task: name of the recipe.
        name: name of the project.
        labels: class names in the order of the outputs.
        backbone: arguments of ``create_timm_model``: arch, stem and what the timm model takes.
        head: ``{"@head": name, …}`` of a registered head; None means one linear layer.
        preprocess: ``{"@preprocess_function": name, …}`` called on (N, H, W, 3) uint8 before the resize, or None.
        image_size: side of the square the network sees, pixels.
        mean, std: channel statistics in [0, 1].
        temperature: divides the logits; 1 leaves them as trained.
    """

    __weight__ = "weights.safetensors"
    # What its exports call the answers.
    output_name: ClassVar[str] = "probabilities"
    # An image is of one of its labels, the likeliest.
    is_one_class: ClassVar[bool] = False
    # What its labels are, for sentences about it.
    label_noun: ClassVar[str] = "classes"
    mean: torch.Tensor
    std: torch.Tensor
    temperature: torch.Tensor
    network: nn.Sequential

    @save_config
    def __init__(
        self,
        *,
        task: str,
        name: str,
        labels: Sequence[str],
        backbone: dict[str, Any],
        image_size: int,
        mean: Sequence[float],
        std: Sequence[float],
        head: dict[str, Any] | None = None,
        preprocess: dict[str, Any] | None = None,
        temperature: float = 1.0,
    ):
        super().__init__()
        if named := sorted(OPENS_FILES & backbone.keys()):
            raise BundleError(f"a bundle's backbone names {', '.join(named)}: a config opens no files but its own")
        self.task, self.name, self.labels, self.image_size = task, name, list(labels), image_size
        if head or preprocess:
            registry.load_functions(registry.recipes().get(task))
        self.preprocess = registry.resolve(preprocess) if preprocess else None
        self.network = self.build_network(backbone, head)
        # Plain float32 buffers of the graph, not weights: config.json holds them.
        self.register_buffer("mean", 255 * torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("temperature", torch.tensor(float(temperature)), persistent=False)
        self.eval()

    def build_network(
        self, backbone: dict[str, Any], head: dict[str, Any] | None = None, weights: Path | None = None
    ) -> nn.Sequential:
        """Return ``nn.Sequential(body, rest)`` with new weights: the body's learns slower, and is frozen at first.

        Args:
            backbone, head: as of the class; called while it is made: of itself only the plain arguments are there.
            weights: file the body starts from; None: random ones.
        """
        return create_timm_model(
            n_out=len(self.labels),
            pretrained=False,
            weights=weights,
            image_size=self.image_size,
            custom_head=registry.resolve(head) if head else None,
            **backbone,
        )

    @property
    def facts(self) -> dict[str, Any]:
        """What an answer is read with beside the labels, for answers.py of the task: thresholds, units."""
        return {}

    @property
    def described(self) -> ModelDescription:
        """What the functions of auto_train/answers take."""
        return ModelDescription(task=self.task, name=self.name, labels=tuple(self.labels), facts=self.facts)

    def difference(self, expected: "np.ndarray", found: "np.ndarray") -> float:
        """Return how far two answers (N, …) are apart; 0: they are the same."""
        return (find_form(self.task) or PlainForm()).difference(expected, found)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return final answers.

        Args:
            images: (N, H, W, 3) uint8 RGB, any height and width.
        """
        return self.answers(self.network(self.prepare(images)))

    def prepare(self, images: torch.Tensor) -> torch.Tensor:
        """Map images (N, H, W, 3) uint8 to the network's input (N, 3, S, S) float32."""
        if self.preprocess is not None:
            images = self.preprocess(images)
        return self.normalise(resize_images(images, self.image_size))

    def normalise(self, pixels: torch.Tensor) -> torch.Tensor:
        """Map pixels (N, 3, S, S) in 0..255 to zero mean and unit deviation."""
        return (pixels - self.mean) / self.std

    def answers(self, outputs: torch.Tensor) -> torch.Tensor:
        """Turn the network's outputs into final answers."""
        raise NotImplementedError(f"{type(self).__name__} defines no answers()")

    def set_temperature(self, temperature: float) -> None:
        """Divide the logits by this from now on, in saved configs too."""
        self.temperature.fill_(temperature)
        self.set_config(temperature=temperature)

    def finish(self) -> Self:
        """Return itself as it answers from now on: in evaluation mode, in float32, on the CPU."""
        return self.float().cpu().eval()

    def save_weights(self, path: Path) -> None:
        from safetensors import SafetensorError
        from safetensors.torch import save_file

        # The format knows one layout. Changed in place, layer by layer, and written from where they lie, the weights
        # are not in memory twice.
        self.to(memory_format=torch.contiguous_format)
        with write_file(path) as part:
            try:
                save_file({name: tensor.contiguous() for name, tensor in self.state_dict().items()}, part)
            except SafetensorError as error:  # its sign of a full disk
                raise RuntimeError(str(error)) from error

    def load_weights(self, path: Path) -> None:
        from safetensors.torch import load_file

        self.load_state_dict(load_file(path))
