"""The pages: what report.json and a comparison hold, for people."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from auto_train.metrics.intervals import is_lower_better
from auto_train.reports import draw
from auto_train.reports.collect import Split

# Metrics at the top, by order; a task's own score comes before all.
TILES = (
    "miou",
    "dice",
    "pixel_accuracy",
    "map",
    "f1_micro",
    "mae",
    "rmse",
    "r2",
    "coverage",
    "f1_macro",
    "ece",
    "loss",
)
MAX_TILES = 4
# Of more classes the table begins with the worst.
FEW_CLASSES = 20


def report_page(report: dict[str, Any], splits: dict[str, Split], run: Path) -> str:
    """Return the page of a run: one text that fetches nothing."""
    main = next((name for name in ("test", "valid") if name in splits), next(iter(splits), None))
    context = {
        **report,
        "main": main,
        "said": splits[main].said if main else {},
        "tiles": _tiles(report, main),
        "matrix": _matrix(splits[main], report) if main else None,
        "classes": _classes(splits[main].said) if main else [],
        "measured": list(dict.fromkeys(name.partition("/")[0] for name in report["metrics"])),
        "names": list(dict.fromkeys(name.partition("/")[2] for name in report["metrics"])),
        "training": draw.training_charts(report["epochs"]),
        "curves": draw.curve_charts(splits[main].said.get("curves", {})) if main else [],
        "calibration_chart": _calibration(splits[main].said) if main else None,
        "lr_plot": draw.picture(run / "find_lr_plot.png"),
        "data_report": (run / "data_report.html").is_file(),
    }
    return render("report.html", context, run)


def _tiles(report: dict[str, Any], main: str | None) -> list[str]:
    """Return the metrics to begin with, as ``<split>/<name>``."""
    names = [name for name in report["metrics"] if main and name.startswith(f"{main}/")] or list(report["metrics"])
    first = [(report["score"] or {}).get("name"), *TILES]
    names.sort(key=lambda name: first.index(short) if (short := name.rpartition("/")[2]) in first else len(first))
    return names[:MAX_TILES]


def _matrix(split: Split, report: dict[str, Any]) -> dict[str, Any] | None:
    if split.counts is None:
        return None
    if len(split.counts) > draw.MAX_NUMBERS:
        return {"png": draw.matrix_png(split.counts)}
    rows = zip(report["model"]["labels"], split.counts.tolist(), strict=True)
    return {"rows": [(label, counts, max(sum(counts), 1)) for label, counts in rows]}


def _classes(said: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = said.get("classes", [])
    return rows if len(rows) <= FEW_CLASSES else sorted(rows, key=lambda row: (row["f1"] is None, row["f1"] or 0))


def _calibration(said: dict[str, Any]) -> draw.Chart | None:
    return draw.calibration_chart(said["calibration"]) if "calibration" in said else None


def render(template: str, context: dict[str, Any], *folders: Path) -> str:
    """Return a template filled in; text of the data is escaped everywhere.

    Args:
        folders: of the runs whose pictures are shown.
    """
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("auto_train.reports"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., Any]] = {"number": number, "share": share, "count": count, "metric": metric}
    environment.filters |= filters
    environment.globals |= {
        "picture": lambda name, which=0: draw.picture(folders[which] / name) if name else None,
        "part_charts": draw.part_charts,
    }
    # Names of files need not be UTF-8.
    return environment.get_template(template).render(**context).encode("utf-8", "replace").decode()


def number(value: float | None, digits: int = 4) -> str:
    """Return a number for people, – for none; of a large one fewer digits behind the point."""
    if value is None or not math.isfinite(value):
        return "–"
    large = max(math.floor(math.log10(abs(value))) - 1, 0) if value else 0
    return f"{value:,.{max(digits - large, 0)}f}"


def share(value: float | None, digits: int = 1) -> str:
    """Return a share as percent."""
    return "–" if value is None or not math.isfinite(value) else f"{100 * value:.{digits}f} %"


def count(value: int) -> str:
    return f"{value:,}"


def metric(value: float | None, name: str) -> str:
    """Return a metric as people read it: shares in percent, errors and losses as they are."""
    is_no_share = is_lower_better(name) or name.endswith("auc") or name.rpartition("/")[2].startswith("r2")
    is_share = value is not None and 0 <= value <= 1 and not is_no_share
    return share(value, 2) if is_share else number(value)
