"""One page and one JSON file that say what a run did: metrics, curves, data, environment, how to do it again."""

import json
from pathlib import Path
from typing import Any

SCHEMA_VERSION = 1
CURVES = {"loss": ("train/loss", "valid/loss"), "accuracy": ("train/accuracy", "valid/accuracy")}


def write_report(run: Path) -> Path:
    """Write ``report.json`` and ``report.html`` into a finished run's folder and return the page's path.

    The page is one file that opens offline: pictures are inline SVG, nothing is fetched.
    """
    from jinja2 import Environment, PackageLoader

    report = collect(run)
    (run / "report.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    environment = Environment(loader=PackageLoader("auto_train.reports"), autoescape=True, trim_blocks=True)
    page = environment.get_template("report.html").render(
        **report, curves=[svg for name in CURVES if (svg := draw_curves(name, report["epochs"]))]
    )
    (run / "report.html").write_text(page, encoding="utf-8")
    return run / "report.html"


def collect(run: Path) -> dict[str, Any]:
    """Return what the run's files say, as report.json holds it."""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    events = [json.loads(line) for line in (run / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    facts = json.loads((run / "bundle" / "facts.json").read_text(encoding="utf-8"))
    model = json.loads((run / "bundle" / "model" / "config.json").read_text(encoding="utf-8"))
    by_kind = {event["event"]: event for event in events}
    return {
        "schema_version": SCHEMA_VERSION,
        "run": run.name,
        "project": model["name"],
        "task": model["task"],
        "backbone": model["backbone"]["arch"],
        "image_size": model["image_size"],
        "labels": model["labels"],
        "temperature": model["temperature"],
        "metrics": facts["metrics"],
        "evaluation_hash": facts["evaluation_hash"],
        "epochs": [row for row in rows if "epoch" in row],
        "splits": by_kind["data"]["splits"],
        "data": facts["data"],
        "precision": by_kind["precision"]["chosen"],
        "export": by_kind.get("export"),
        "environment": facts["environment"],
        "licences": facts["licences"],
        "reproduce": f"auto-train train --config={run / 'config.ini'}",
    }


def draw_curves(name: str, epochs: list[dict[str, Any]]) -> str:
    """Return an SVG of one quantity over the epochs, training and validation; "" where there is nothing to draw."""
    lines = {key: [row.get(key) for row in epochs] for key in CURVES[name]}
    if len(epochs) < 2 or not any(value is not None for values in lines.values() for value in values):
        return ""
    from io import StringIO

    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    # Text stays text: smaller, and it takes the colour of the page, dark or light.
    with rc_context({"svg.fonttype": "none"}):
        figure = Figure(figsize=(5, 3), layout="constrained")
        axes = figure.add_subplot()
        for key, values in lines.items():
            axes.plot(
                range(1, len(values) + 1), [float("nan") if v is None else v for v in values], label=key, marker="."
            )
        axes.set(xlabel="epoch", title=name)
        axes.legend(frameon=False)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        file = StringIO()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    return file.getvalue()[file.getvalue().index("<svg") :]
