"""What there is to know about the model that is served, as it was when the model was loaded."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from auto_train.api.paths import without_paths
from auto_train.runs.listing import number, time_in
from auto_train.serving.predictor import Predictor


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """The facts the first page shows.

    Attributes:
        metrics: by name, then by split: ``{"accuracy": {"valid": 0.98}}``.
        splits: those that were measured, in the order of the metrics.
        trained: when its run began; None: the name of its folder does not say it.
        run: name of its run, where that is one of the project that is served.
        notes: what the user should know, such as that other data was used.
    """

    name: str
    task: str
    engine: str
    labels: tuple[str, ...]
    metrics: dict[str, dict[str, float]]
    splits: tuple[str, ...]
    trained: datetime | None
    run: str
    notes: tuple[str, ...]


def collect_facts(predictor: Predictor, location: Path) -> ModelFacts:
    """Return the facts of a model.

    Args:
        location: of the project that is served.
    """
    model, bundle = predictor.model, predictor.bundle
    facts = predictor.facts
    metrics = _by_name(facts.get("metrics"))
    run = bundle.parent if bundle else None
    data = facts.get("data")
    warning = data.get("warning") if isinstance(data, dict) else None
    return ModelFacts(
        name=model.name,
        task=model.task,
        engine=model.engine,
        labels=model.labels,
        metrics=metrics,
        splits=tuple(dict.fromkeys(split for values in metrics.values() for split in values)),
        trained=time_in(run.name) if run else None,
        run=run.name if run and run.parent.resolve() == (location / "runs").resolve() else "",
        notes=tuple(without_paths(str(note)) for note in (warning, *predictor.warnings) if note),
    )


def _by_name(metrics: Any) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for key, text in metrics.items() if isinstance(metrics, dict) else ():
        split, _, name = key.partition("/")
        value = number(text)
        if name and value is not None:
            found.setdefault(name, {})[split] = value
    return found
