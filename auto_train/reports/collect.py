"""report.json: everything a report says, as data (its form: report.schema.json)."""

from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from auto_train.metrics.intervals import Statistics, intervals
from auto_train.metrics.measures import MEASURES
from auto_train.reports.classes import calibration, confusion, curves, matrix, per_class
from auto_train.reports.slices import slices
from auto_train.reports.state import commands, export_of, list_start_commands, state_of
from auto_train.runs.read import RunFiles, in_order, replace_undecodable

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SCHEMA_VERSION = 1
MAX_MISTAKES = 24


@dataclass(frozen=True, kw_only=True)
class Split:
    """One split, and what its classes are taken for.

    Attributes:
        counts: (C, C) images of class i taken for class j; None where the task has no classes.
        said: its part of report.json.
    """

    said: dict[str, Any]
    counts: "np.ndarray | None" = None


def collect(run: RunFiles) -> tuple[dict[str, Any], dict[str, Split]]:
    """Return report.json of a run, finished or not, and the splits it was measured on.

    Raises:
        DataError: a file of the run is damaged.
    """
    evaluation = run.evaluation
    splits = {name: _split(run, name) for name in evaluation.get("splits", {})}
    metrics = {
        f"{split}/{name}": value
        for split, part in evaluation.get("splits", {}).items()
        for name, value in part["metrics"].items()
    } or {name: value for name, value in run.final.items() if "/" in name}
    state = state_of(run)
    report = {
        "schema_version": SCHEMA_VERSION,
        "run": {"name": run.path.name, "path": str(run.path), **state, **_times(run)},
        "project": _text(run, "project.name"),
        "task": evaluation.get("task") or _text(run, "project.type"),
        "model": _model(run),
        "metrics": metrics,
        "intervals": {
            f"{s}/{name}": ends for s, found in splits.items() for name, ends in found.said["intervals"].items()
        },
        "score": evaluation.get("score"),
        "splits": {name: found.said for name, found in splits.items()},
        "epochs": run.epochs,
        "data": _data(run),
        "resumes": [event for event in run.events if event.get("event") == "resume"],
        "environment": run.json("env.json"),
        "reproduce": {"commands": commands(run), "started_with": list_start_commands(run), "config": run.config},
        "notes": _notes(run),
    }
    return report, splits


def _text(run: RunFiles, key: str) -> str:
    return run.config.get(key, "")


def _times(run: RunFiles) -> dict[str, Any]:
    """Return when the run was first started and what its epochs took."""
    seconds = sum(row.get("seconds") or 0 for row in run.epochs)
    return {"started": run.events[0].get("time") if run.events else None, "epoch_seconds": seconds}


def _model(run: RunFiles) -> dict[str, Any]:
    """Return what the model is; of a run that left none, what its config says."""
    built, facts = run.json("bundle/model/config.json"), run.json("bundle/facts.json")
    return {
        "backbone": built.get("backbone", {}).get("arch") or _text(run, "architecture.backbone.model"),
        "image_size": built.get("image_size") or int(_text(run, "architecture.image_size") or 0),
        "labels": built.get("labels") or run.evaluation.get("labels", []),
        "label_noun": run.evaluation.get("label_noun", "classes"),
        "temperature": built.get("temperature", run.evaluation.get("temperature", 1.0)),
        "licences": facts.get("licences", {}),
        "precision": run.last_event("precision").get("chosen"),
        "export": export_of(run) or None,
    }


def _data(run: RunFiles) -> dict[str, Any]:
    facts, manifest = run.json("bundle/facts.json"), run.path / "manifest.csv"
    said, event, table = facts.get("data", {}), run.last_event("data"), run.manifest()
    doctor = run.json("data_report.json")
    return {
        "origin": said.get("origin") or event.get("source"),
        "warning": said.get("warning") or event.get("warning"),
        "folder": _text(run, "training.dir"),
        "source": _text(run, "project.data_source_url"),
        "splits": in_order(Counter(table["split"])),
        # What stands in the manifest is a class name for one kind of annotations only.
        "classes": len(doctor["classes"]) if "classes" in doctor else int(table["label"].nunique()),
        "manifest_sha256": sha256(manifest.read_bytes()).hexdigest() if manifest.is_file() else None,
        "evaluation_hash": facts.get("evaluation_hash"),
        "findings": doctor.get("findings") if doctor else None,
    }


def _split(run: RunFiles, split: str) -> Split:
    """Return what the predictions of a split say; where there are none, what the recipe says alone."""
    part, table = run.evaluation["splits"][split], run.predictions(split)
    said: dict[str, Any] = {
        "images": part["images"],
        "intervals": {},
        "slices": [],
        "mistakes": [],
        "parts": part["parts"],
    }
    if table is None or not len(table):
        return Split(said=said)
    labels, score = run.evaluation["labels"], run.evaluation["score"]
    lower_is_better = score["better"] == "min"
    arrays = run.arrays(split, MEASURES, len(table))
    ends = intervals(Statistics(table, labels, score["name"], arrays), len(table))
    said |= {
        "intervals": {name: {"low": e[0], "high": e[1]} for name, e in ends.items() if name in part["metrics"]},
        "slices": slices(table, lower_is_better=lower_is_better),
        "mistakes": _mistakes(run, split, table, lower_is_better=lower_is_better),
    }
    if not {"label", "predicted"} <= set(table.columns):
        return Split(said=said)
    counts = matrix(table, labels)
    said |= {"classes": per_class(counts, labels), "confusion": confusion(counts, labels)}
    said["curves"] = curves(table, labels, run.path / "predictions" / f"{split}.npz")
    if "confidence" in table:
        said["calibration"] = calibration(table)
    return Split(said=said, counts=counts)


def _mistakes(run: RunFiles, split: str, table: "pd.DataFrame", *, lower_is_better: bool) -> list[dict[str, Any]]:
    """Return the worst answers, the most confident first, with their pictures where there are some."""
    worst = table[table["score"] > 0] if lower_is_better else table[table["score"] < 1]
    keys = ["score", "confidence"] if "confidence" in table else ["score"]
    worst = worst.sort_values(keys, ascending=[not lower_is_better, False][: len(keys)], kind="stable")
    columns = [name for name in ("path", "label", "predicted", "answer", "confidence", "score") if name in table]
    rows: Any = worst[columns].head(MAX_MISTAKES).to_dict("records")
    return [
        {name: replace_undecodable(value) if isinstance(value, str) else value for name, value in row.items()}
        | {"row": int(str(at)), "picture": picture_of(run, split, int(str(at)))}
        for at, row in zip(worst.index[:MAX_MISTAKES], rows)
    ]


def picture_of(run: RunFiles, split: str, row: int) -> str | None:
    """Return the picture of a row, relative to the run folder; only the worst answers have one."""
    name = f"predictions/{split}/{row}.webp"
    return name if (run.path / name).is_file() else None


def _notes(run: RunFiles) -> list[str]:
    """Return what the reader would look for and not find, and why."""
    notes = [f"{name} is missing: the metrics alone are left, without the images behind them" for name in run.lacking]
    epochs = run.epochs[-1]["epoch"] if run.epochs else 0
    if run.evaluation and run.evaluation["epoch"] != epochs:
        notes.append(f"the metrics are of the model after epoch {run.evaluation['epoch']}; the run has gone on since")
    return notes
