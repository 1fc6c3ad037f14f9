"""Where a model is worse than elsewhere: its score by image size, brightness and source folder."""

from typing import TYPE_CHECKING, Any

import numpy as np

from auto_train.metrics.intervals import LEVEL, mean_interval
from auto_train.runs.read import replace_undecodable

if TYPE_CHECKING:
    import pandas as pd

PARTS = 4
MAX_FOLDERS = 20
# Fewer images than this say too little to call a slice worse.
MIN_IMAGES = 20


def slices(table: "pd.DataFrame", *, lower_is_better: bool = False) -> list[dict[str, Any]]:
    """Return the mean score, its interval and the number of images of every slice.

    ``is_worse`` marks those that differ from all other images by more than chance explains, the number of slices looked
    at taken into account. What all images have in common makes no slices.
    """
    found = [
        (by, name, chosen)
        for by, groups in (
            ("image size", _sizes(table)),
            ("brightness", _quarters(table["brightness"].to_numpy(float), " of 255")),
            ("folder", _folders(table)),
        )
        for name, chosen in groups
        if len(groups) > 1
    ]
    score = table["score"].to_numpy(float)
    level = 1 - (1 - LEVEL) / max(len(found), 1)
    return [{"by": by, "name": name} | _measure(score, chosen, level, lower_is_better) for by, name, chosen in found]


def _measure(score: np.ndarray, chosen: np.ndarray, level: float, lower_is_better: bool) -> dict[str, Any]:
    """Measure one slice; it is worse where the interval of its difference to the rest leaves out zero.

    Source: Newcombe (1998), method 10, which makes that interval from those of both sides.
    """
    inside, rest = score[chosen], score[~chosen]
    sign = -1 if lower_is_better else 1
    value, elsewhere = float(inside.mean()), float(rest.mean())
    at_best = max(sign * end - sign * value for end in mean_interval(inside, level))
    at_worst = max(sign * elsewhere - sign * end for end in mean_interval(rest, level))
    is_worse = sign * (elsewhere - value) > float(np.hypot(at_best, at_worst))
    low, high = mean_interval(inside)
    is_share = not lower_is_better and score.max() <= 1
    return {
        "images": len(inside),
        "value": value,
        "low": max(low, 0.0) if score.min() >= 0 else low,
        "high": min(high, 1.0) if is_share else high,
        "rest": elsewhere,
        "is_worse": bool(is_worse and len(inside) >= MIN_IMAGES),
    }


Groups = list[tuple[str, np.ndarray]]


def _sizes(table: "pd.DataFrame") -> Groups:
    """Group by size where there are few of them, else by the side of a square of the same area."""
    width, height = table["width"].to_numpy(float), table["height"].to_numpy(float)
    sizes = sorted(set(zip(width, height, strict=True)))
    if len(sizes) > PARTS:
        return _quarters(np.sqrt(width * height), " px")
    return [(f"{w:.0f} × {h:.0f} px", (width == w) & (height == h)) for w, h in sizes]


def _quarters(values: np.ndarray, unit: str) -> Groups:
    """Cut values into parts of about the same number of images; ties stay together."""
    ends = np.unique(np.quantile(values, np.linspace(0, 1, PARTS + 1)))
    place = np.searchsorted(ends[1:-1], values, side="left")
    return [
        (f"{values[place == i].min():.0f} – {values[place == i].max():.0f}{unit}", place == i)
        for i in range(max(len(ends) - 1, 1))
        if (place == i).any()
    ]


def _folders(table: "pd.DataFrame") -> Groups:
    """Group by the folder an image came from, the part that names its class left out; the smallest ones together."""
    labels = table.get("label", [""] * len(table))
    folders = np.array([_folder(path, label) for path, label in zip(table["path"], labels, strict=True)])
    names, counts = np.unique(folders, return_counts=True)
    kept = names[np.argsort(-counts, kind="stable")][:MAX_FOLDERS]
    groups: Groups = [(replace_undecodable(str(name)) or ".", folders == name) for name in sorted(kept)]
    if len(names) > len(kept):
        groups.append((f"{len(names) - len(kept)} smaller folders", ~np.isin(folders, kept)))
    return groups


def _folder(path: str, label: str) -> str:
    return "/".join(part for part in path.split("/")[:-1] if part != label)
