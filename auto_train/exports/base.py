"""The contract of a converter: a module of this folder, named like its format."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np

    from auto_train.models.inference import InferenceModel

# (N, H, W, 3) uint8 RGB → the model's final answers (N, …)
Run = Callable[["np.ndarray"], "np.ndarray"]


class Converter(Protocol):
    """Write a trained model in one format.

    Attributes:
        SUFFIX: of its files, e.g. ``.onnx``; a run keeps them as ``exports/<format>/model<SUFFIX>``.
        LIBRARIES: what it imports beyond the core install, and the extra that installs them; empty: nothing.
    """

    SUFFIX: str
    LIBRARIES: dict[str, str]

    def convert(self, model: "InferenceModel", path: Path, *, weights_sha256: str = "") -> Path:
        """Write the file, with free batch size, height and width where the format has them.

        Labels and what else answers are read with travel in the file.

        Args:
            weights_sha256: of the weights file it is made from; lets a server see a stale export.
        """
        ...

    def open_export(self, path: Path) -> Run:
        """Return the file as a function, for the comparison with the model it was made from."""
        ...
