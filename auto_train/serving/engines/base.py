"""The contract of an engine."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, Self

from auto_train.answers import ModelDescription
from auto_train.bundle.find import FoundModel

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, kw_only=True)
class Metadata(ModelDescription):
    """What is known about a model that an engine runs.

    Args:
        engine: name of the engine that runs it.
        weights_sha256: of the weights it was made from; empty: not recorded.
    """

    engine: str
    weights_sha256: str = ""


class Engine(Protocol):
    """Run one model. ``infer`` is called from several threads at a time.

    Attributes:
        rank: engines are tried in this order, the fastest first.
        reads: the format of the exports it runs; none: it runs the bundle itself.
    """

    rank: ClassVar[int]
    reads: ClassVar[str | None]
    metadata: Metadata

    @classmethod
    def can_run(cls, found: FoundModel) -> bool:
        """Tell whether it can run a model in the forms that were found. Loads nothing."""
        ...

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
            (N, …), as docs/recipes.md says for each task: for classification (N, num_classes) float32 probabilities.
        """
        ...
