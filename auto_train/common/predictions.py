"""What a report needs of every image: predictions/<split>.csv, its arrays, and pictures of the worst answers."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from auto_train.data import Samples
from auto_train.errors import TaskContractError

Draw = Callable[[np.ndarray], np.ndarray]

# Pictures of the worst answers: enough for a report, and for most images that differ between two runs.
MAX_PICTURES, PICTURE_SIDE = 200, 160
# Of these so many have the answer drawn on them, which takes the model's time: those that a report shows.
MAX_DRAWN = 24
# Values of one array: 20 MB in float16. Of larger ones rows are taken at even distances.
MAX_VALUES = 10_000_000


def write_predictions(
    folder: Path,
    split: str,
    samples: Samples,
    brightness: np.ndarray,
    rows: Mapping[str, np.ndarray],
    *,
    lower_is_better: bool = False,
    draw: Draw | None = None,
) -> None:
    """Write what a model answered to the images of a split.

    Args:
        folder: the run's ``predictions``.
        samples: the images, in the order of the rows.
        brightness: (N,) mean grey values, 0 to 255.
        rows: what the recipe tells of each image: ``score`` and other columns (N,) for the CSV file, arrays (N, …) for
            the .npz file.
        lower_is_better: a score is an error.
        draw: makes the picture of one of the MAX_DRAWN worst images from the image; None: it is shown as it is.

    Raises:
        TaskContractError: there is no score, or not one for each image.
    """
    import pandas as pd

    lengths = {name: len(values) for name, values in rows.items()}
    if "score" not in rows or set(lengths.values()) != {len(samples)}:
        raise TaskContractError(
            f"report_rows gives {lengths} for {len(samples)} images",
            allowed="a score and further columns, one value for each image",
            hint="see docs/recipes.md, What a report shows",
        )
    folder.mkdir(parents=True, exist_ok=True)
    sizes = np.array([samples.images.size(row) for row in range(len(samples))])
    table = samples.fill_hashes().table[["path", "sha256"]].assign(
        width=sizes[:, 0], height=sizes[:, 1], brightness=brightness.round(1),
        **{name: pd.Series(values, dtype=values.dtype) for name, values in rows.items() if values.ndim == 1},
    )  # fmt: skip
    table.to_csv(folder / f"{split}.csv", index=False, float_format="%.6g", errors="surrogateescape")
    if arrays := {name: values for name, values in rows.items() if values.ndim > 1}:
        _write_arrays(folder / f"{split}.npz", arrays)
    for rank, row in enumerate(_select_worst(rows, lower_is_better=lower_is_better)):
        is_drawn = draw is not None and rank < MAX_DRAWN
        picture = draw(samples.images[row]) if draw and is_drawn else samples.images.reduce(PICTURE_SIDE)[row]
        _write_picture(folder / split / f"{row}.webp", picture)


def _write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays as they are, or as many of their rows as MAX_VALUES allow; ``rows`` says which."""
    largest: Any = max(arrays.values(), key=lambda values: values.size)
    count = min(len(largest), max(MAX_VALUES * len(largest) // largest.size, 1))
    chosen = np.arange(count) * len(largest) // count
    np.savez_compressed(path, rows=chosen, **{name: values[chosen] for name, values in arrays.items()})


def _select_worst(rows: Mapping[str, np.ndarray], *, lower_is_better: bool) -> list[int]:
    """Return the rows whose answer is not wholly right, the worst first, of equal ones the surest."""
    badness = rows["score"] if lower_is_better else 1 - rows["score"]
    order = np.lexsort((-rows.get("confidence", badness), -badness))
    return [int(row) for row in order[:MAX_PICTURES] if badness[row] > 0]


def _write_picture(path: Path, image: np.ndarray) -> None:
    """Write a small picture of an image (H, W, 3) uint8; of a tiny one with its pixels enlarged, as they are."""
    from PIL import Image

    path.parent.mkdir(exist_ok=True)
    picture, side = Image.fromarray(image), max(image.shape[:2])
    if is_tiny := side <= PICTURE_SIDE // 2:
        picture = picture.resize([n * (PICTURE_SIDE // side) for n in picture.size], Image.Resampling.NEAREST)
    picture.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
    picture.save(path, "WEBP", quality=80, lossless=is_tiny)
