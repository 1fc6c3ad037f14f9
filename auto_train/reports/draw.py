"""Pictures for a page: charts as inline SVG in the page's own colours, dark or light; a confusion matrix as PNG."""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np

# matplotlib draws in these, the page replaces them by its own: series 0 to 10, text, lines.
SERIES = [f"#0a0c{i:02x}" for i in range(11)]
INK, LINE = "#0a0b0c", "#0a0b0d"
THEME = {INK: "currentColor", LINE: "var(--line)", **{colour: f"var(--s{i})" for i, colour in enumerate(SERIES)}}
STYLE: Any = {
    "svg.fonttype": "none",  # text stays text: small, and in the page's font
    "text.parse_math": False,
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "xtick.color": LINE,
    "xtick.labelcolor": INK,
    "ytick.color": LINE,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.6,
    "lines.markersize": 4,
}
# Right answers blue, wrong ones orange, the more the less transparent: readable on dark and light ground.
RIGHT, WRONG = (47, 111, 219), (224, 96, 32)
# Numbers along an axis that are written as 10k.
LARGE = 10_000
# Classes of a matrix in numbers; of a larger one each cell is a pixel.
MAX_NUMBERS = 25


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart with what its lines are; names stay out of the SVG, where nothing of the data shall be.

    Attributes:
        svg: for the page as it is.
        legend: name and number of the colour of each line.
    """

    title: str
    svg: str
    legend: list[tuple[str, int]]


# Name, xs, ys, and what the areas of its dots are proportional to.
Line = tuple[str, Sequence[float], Sequence[float | None]] | tuple[str, Sequence[float], Sequence[float], Sequence[int]]


def line_chart(
    title: str, lines: Sequence[Line], *, x: str, y: str = "", diagonal: bool = False, unit_square: bool = False
) -> Chart:
    """Draw lines (name, xs, ys); a y of None leaves a gap.

    Args:
        x, y: names of the axes.
        diagonal: draw the line where both are equal.
        unit_square: both axes run from 0 to 1.
    """
    from matplotlib.ticker import MaxNLocator

    def paint(axes: Any) -> None:
        if diagonal:
            axes.plot([0, 1], [0, 1], color=LINE, linestyle="--")
        for i, (_, xs, ys, *sizes) in enumerate(lines):
            values = [float("nan") if value is None else value for value in ys]
            colour = SERIES[i % len(SERIES)]
            axes.plot(xs, values, color=colour, marker="." if len(values) <= 30 and not sizes else "")
            if sizes:
                axes.scatter(xs, values, s=6 + 90 * np.array(sizes[0]) / max(sizes[0]), color=colour)
        axes.set(xlabel=x, ylabel=y)
        if x == "epoch":
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if unit_square:
            axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))

    legend = [(name, i % len(SERIES)) for i, (name, *_) in enumerate(lines)]
    return Chart(title=title, svg=_svg(title, paint), legend=legend)


def scatter_chart(panel: Mapping[str, Any]) -> Chart:
    """Draw a panel of a part ``scatter``: points, the line they should lie on, and a band around that."""
    from matplotlib.ticker import EngFormatter

    def paint(axes: Any) -> None:
        points, band = panel["points"], panel.get("band")
        ends = np.array([min(points["x"]), max(points["x"])])
        line = ends if panel.get("line", "diagonal") == "diagonal" else 0 * ends
        axes.plot(ends, line, color=LINE, linestyle="--")
        if band:
            axes.fill_between(ends, line - band, line + band, color=LINE, alpha=0.5, linewidth=0)
        axes.plot(points["x"], points["y"], color=SERIES[0], linestyle="", marker=".", alpha=0.7)
        axes.set(xlabel=panel.get("x", ""), ylabel=panel.get("y", ""))
        for axis, name in ((axes.xaxis, "x"), (axes.yaxis, "y")):
            if max(map(abs, points[name])) >= LARGE:
                axis.set_major_formatter(EngFormatter(sep=""))

    title = str(panel["title"])
    return Chart(title=title, svg=_svg(f"{title}: {panel.get('y', '')}", paint), legend=[(title, 0)])


def _svg(title: str, paint: Callable[[Any], None]) -> str:
    """Return what is painted on matplotlib's axes; the title makes its ids others than those of another chart."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({**STYLE, "svg.hashsalt": title}):
        figure = Figure(figsize=(4, 2.9))
        paint(figure.add_axes((0.15, 0.16, 0.83, 0.8)))  # a layout engine would draw everything twice
        file = StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    return _apply_theme(file.getvalue())


def _apply_theme(svg: str) -> str:
    """Return the SVG element alone, in the page's colours; ids that several charts would share are left out."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' id="[a-zA-Z.0-9]+_\d+"', "", svg)
    return re.sub("|".join(THEME), lambda found: THEME[found[0]], svg)


def training_charts(epochs: Sequence[dict[str, Any]]) -> list[Chart]:
    """Return a chart for every quantity of a pass, loss first; none where there are less than two epochs."""
    keys = dict.fromkeys(key for row in epochs for key, value in row.items() if "/" in key and _is_number(value))
    names = sorted({key.split("/", 1)[1] for key in keys}, key=lambda name: (name != "loss", name))
    if len(epochs) < 2:
        return []
    numbers = [row["epoch"] for row in epochs]
    return [
        line_chart(name, [(key, numbers, [row.get(key) for row in epochs]) for key in keys if key.endswith(f"/{name}")],
                   x="epoch")
        for name in names
    ]  # fmt: skip


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def curve_charts(curves: dict[str, list[dict[str, Any]]]) -> list[Chart]:
    """Return the ROC and the precision-recall chart."""
    axes = {
        "roc": ("ROC: found over false alarms", "share of the others that is mistaken for it", "share found", "AUC"),
        "pr": ("Precision over recall", "recall", "precision", "AP"),
    }
    return [
        line_chart(
            title,
            [(f"{line['name']} · {area} {line['area']:.4f}", line["x"], line["y"]) for line in curves[kind]],
            x=x,
            y=y,
            diagonal=kind == "roc",
            unit_square=True,
        )
        for kind, (title, x, y, area) in axes.items()
        if kind in curves
    ]


def calibration_chart(calibration: dict[str, Any]) -> Chart:
    """Return accuracy over confidence, after the temperature and before; on the diagonal both are the same."""
    lines = [
        (
            f"{name} temperature · ECE {found['ece']:.4f}",
            [bin["confidence"] for bin in found["bins"]],
            [bin["accuracy"] for bin in found["bins"]],
            [bin["images"] for bin in found["bins"]],
        )
        for name in ("after", "before")
        if (found := calibration.get(name))
    ]
    return line_chart("Calibration", lines, x="confidence", y="accuracy", diagonal=True, unit_square=True)


def part_charts(part: dict[str, Any]) -> list[Chart]:
    """Return the charts of a part ``curves`` or ``scatter`` that a recipe has written (docs/recipes.md)."""
    if part["kind"] == "scatter":
        return [scatter_chart(panel) for panel in part["panels"]]
    lines = [(str(line["name"]), line["x"], line["y"]) for line in part["lines"]]
    return [line_chart(part["title"], lines, x=part.get("x", ""), y=part.get("y", ""))]


def matrix_png(counts: np.ndarray) -> str:
    """Return the data URI of a picture of (C, C) counts, a pixel each: the share of each row, the stronger the more."""
    from PIL import Image

    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    pixels = np.zeros((*counts.shape, 4), np.uint8)
    pixels[..., :3] = WRONG
    pixels[range(len(counts)), range(len(counts)), :3] = RIGHT
    pixels[..., 3] = np.where(counts > 0, 40 + 215 * np.sqrt(shares), 0)  # the root shows single mistakes too
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return data_uri(file.getvalue(), "image/png")


def picture(path: Path) -> str | None:
    """Return the data URI of a picture of the run, None where there is none."""
    kinds = {".png": "image/png", ".webp": "image/webp", ".jpg": "image/jpeg"}
    return data_uri(path.read_bytes(), kinds[path.suffix]) if path.is_file() and path.suffix in kinds else None


def data_uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
