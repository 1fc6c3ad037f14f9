"""The contract of an engine."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from auto_train.bundle.find import FoundModel

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """What an answer needs to know about the model that gave it.

    Args:
        task: name of the recipe, e.g. ``classification``.
        name: name of the project.
        labels: class names in the order of the outputs.
        engine: name of the engine that runs it.
        weights_sha256: of the weights it was made from; empty: not recorded.
    """

    task: str
    name: str
    labels: tuple[str, ...]
    engine: str
    weights_sha256: str = ""


class Engine(Protocol):
    """Run one model. ``infer`` is called from several threads at a time."""

    metadata: Metadata

    @classmethod
    def open(cls, found: FoundModel, *, trust_code: bool = False) -> Self:
        """Load the model.

        Raises:
            BundleError: the files are incomplete or altered.
        """
        ...

    def infer(self, images: "np.ndarray") -> "np.ndarray":
        """Return the model's final answers.

        Args:
            images: (N, H, W, 3) uint8 RGB.

        Returns:
            For classification (N, num_classes) float32, probabilities.
        """
        ...
