"""Golden answers: a few images with what the model must answer to them, checked whenever a form of it is opened."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.errors import BundleError

if TYPE_CHECKING:
    import numpy as np

# Largest difference between a golden answer and what this machine computes: another processor sums in another order.
GOLDEN_TOLERANCE = 1e-3


def measure_difference(expected: "np.ndarray", found: "np.ndarray") -> float:
    """Return the largest difference between two numbers of two answers; NaN where one is NaN."""
    import numpy as np

    return float(np.abs(np.subtract(found, expected, dtype=float)).max(initial=0.0))


def compare_golden(
    folder: Path,
    infer: "Callable[[np.ndarray], np.ndarray]",
    difference: "Callable[[np.ndarray, np.ndarray], float]" = measure_difference,
) -> None:
    """Pass if a form of the model gives the answers that are recorded in a folder; if there are any.

    Args:
        infer: gets (1, H, W, 3) uint8 RGB and returns (1, …) final answers.
        difference: tells how far two of them are apart.

    Raises:
        BundleError: an answer differs, or cannot be read.
    """
    import numpy as np

    for path, image, expected in _read_golden(folder):
        answer = np.asarray(infer(image[None]))
        recorded = np.asarray(expected, dtype=answer.dtype)[None]
        apart = difference(recorded, answer) if answer.shape == recorded.shape else math.inf
        if not apart <= GOLDEN_TOLERANCE:  # written so that NaN fails too
            raise BundleError(
                f"the model's answer to {path} differs by {apart:.2g} from the recorded one",
                allowed=f"{GOLDEN_TOLERANCE:g}",
                hint="the libraries here compute differently than those of the training: see facts.json",
            )


def _read_golden(folder: Path) -> "list[tuple[Path, np.ndarray, np.ndarray]]":
    """Return path, pixels and recorded answer of each golden image."""
    import numpy as np
    from PIL import Image

    path = folder / "answers.json"
    if not path.is_file():
        return []
    try:
        answers = json.loads(path.read_text(encoding="utf-8")).items()
        return [
            (folder / name, np.array(Image.open(folder / name)), _load_recorded(folder, row)) for name, row in answers
        ]
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise BundleError(f"the golden answers cannot be read: {error}", where=str(path)) from error


def _load_recorded(folder: Path, answer: object) -> "np.ndarray":
    """Return a recorded answer: the numbers, or the .npy file that holds them."""
    import numpy as np

    if isinstance(answer, str):
        array: np.ndarray = np.load(folder / Path(answer).name, allow_pickle=False)
        return array
    if not isinstance(answer, list):
        raise ValueError(f"{answer!r} is no list of numbers")
    return np.asarray(answer, dtype=float)
