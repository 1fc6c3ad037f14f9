"""Two runs beside each other: what differs in config, data and metrics, and which images changed sides."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auto_train.errors import DataError, MissingError, UsageError
from auto_train.files import replace_file
from auto_train.metrics.intervals import Statistics, differences, is_lower_better
from auto_train.metrics.measures import MEASURES
from auto_train.reports.collect import picture_of
from auto_train.reports.data_change import DataChange, data_change
from auto_train.reports.state import state_of
from auto_train.runs.read import RunFiles, replace_undecodable

if TYPE_CHECKING:
    import pandas as pd


# Flipped images on a page, of each kind and split.
MAX_SHOWN = 48


@dataclass(frozen=True, kw_only=True)
class KeyChange:
    """One key of the config whose value differs; "" where a run has no such key."""

    key: str
    a: str
    b: str


@dataclass(frozen=True, kw_only=True)
class MetricChange:
    """One metric on the rows that both runs have.

    Attributes:
        difference: b - a, with the ends of its paired 95 % bootstrap interval.
        verdict: what the interval allows to say of b: better, worse, or no clear difference.
    """

    name: str
    a: float
    b: float
    difference: float
    low: float
    high: float
    verdict: str


@dataclass(frozen=True, kw_only=True)
class Flip:
    """One image whose answer is right in one run and wrong in the other.

    Attributes:
        label: its class, or what else is known of it; "" for tasks without.
        a, b: the answers with their confidences, "" where a task has none.
        picture: of the run where it is wrong, relative to that run; None: only the worst answers have one.
    """

    path: str
    label: str
    a: str
    b: str
    is_fixed: bool
    picture: str | None


@dataclass(frozen=True, kw_only=True)
class SplitChange:
    """One split of both runs.

    Attributes:
        images_a, images_b, common: rows of each run, and those that are the same image with the same label.
        flips: the surest of the answers that are wrong first.
    """

    split: str
    images_a: int
    images_b: int
    common: int
    metrics: list[MetricChange]
    flips: list[Flip]

    @property
    def note(self) -> str:
        """What the numbers are of, where that is not everything."""
        if self.images_a == self.images_b == self.common:
            return ""
        found = f"the runs were measured on different images: {self.images_a:,} in A, {self.images_b:,} in B; "
        if not self.common:
            return f"{found}none is in both with the same label, so nothing is compared"
        return f"{found}the numbers are of the {self.common:,} that are in both with the same label"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Run A and run B.

    Attributes:
        a, b: the run folders.
        statements: what a reader must know first: runs that are not finished, splits that cannot be compared.
    """

    a: Path
    b: Path
    statements: list[str]
    config: list[KeyChange]
    data: DataChange
    splits: list[SplitChange]


def compare_runs(a: Path, b: Path) -> Comparison:
    """Return what differs between two runs.

    Raises:
        MissingError: no such run, or the predictions of a finished one are gone.
        DataError: a file is damaged, or the runs are of different tasks.
    """
    runs = RunFiles(a), RunFiles(b)
    _check_tasks(*runs)
    statements = [
        f"{name}: {state['statement']}" for name, run in zip("AB", runs) if (state := state_of(run))["statement"]
    ]
    for run in runs:
        _check_predictions(run)
    names = [run.measured for run in runs]
    for name, own, other in zip("AB", names, reversed(names)):
        statements += [f"only {name} was measured on {split}" for split in own if split not in other]
    both = [split for split in names[0] if split in names[1]]
    if not both:
        statements.append("no split was measured image by image by both: config and data are all that can be compared")
    return Comparison(
        a=runs[0].path,
        b=runs[1].path,
        statements=statements,
        config=_config_changes(*runs),
        data=data_change(runs[0].manifest(), runs[1].manifest()),
        splits=[_compare_split(*runs, split) for split in both],
    )


def _check_tasks(a: RunFiles, b: RunFiles) -> None:
    tasks = [run.evaluation.get("task") or run.config.get("project.type") for run in (a, b)]
    if None not in tasks and tasks[0] != tasks[1]:
        raise DataError(
            f"is a run of {tasks[1]}; A is one of {tasks[0]}", where=str(b.path), hint="name two of one task"
        )


def _check_predictions(run: RunFiles) -> None:
    if run.lacking:
        raise MissingError(
            "the predictions of this run are missing: there is nothing to compare image by image",
            where=str(run.path / run.lacking[0]),
            hint="put the file back; runs of earlier versions have none",
        )


def _config_changes(a: RunFiles, b: RunFiles) -> list[KeyChange]:
    keys = dict.fromkeys([*a.config, *b.config])
    found = [KeyChange(key=key, a=a.config.get(key, ""), b=b.config.get(key, "")) for key in keys]
    return [change for change in found if change.a != change.b]


def _compare_split(a: RunFiles, b: RunFiles, split: str) -> SplitChange:
    first, second = a.predictions(split), b.predictions(split)
    assert first is not None and second is not None  # _check_predictions
    pairs = _match_rows(first, second)
    one, two = first.iloc[pairs["a"]], second.iloc[pairs["b"]]
    return SplitChange(
        split=split,
        images_a=len(first),
        images_b=len(second),
        common=len(pairs),
        metrics=_metric_changes((a, one), (b, two), split) if len(pairs) else [],
        flips=_flips((a, one), (b, two), split, lower_is_better=a.evaluation["score"]["better"] == "min"),
    )


def _match_rows(a: "pd.DataFrame", b: "pd.DataFrame") -> "pd.DataFrame":
    """Return the numbers ``a`` and ``b`` of the rows with the same content and label, in the order of a.

    Copies of an image are told apart by how many of them came before.
    """
    keyed = []
    for name, table in (("a", a), ("b", b)):
        keys = table[["sha256"]].assign(label=table.get("label", ""))
        keyed.append(keys.assign(copy=keys.groupby(["sha256", "label"]).cumcount(), **{name: range(len(table))}))
    return keyed[0].merge(keyed[1], on=["sha256", "label", "copy"])


def _metric_changes(
    a: tuple[RunFiles, "pd.DataFrame"], b: tuple[RunFiles, "pd.DataFrame"], split: str
) -> list[MetricChange]:
    score, has_classes = a[0].evaluation["score"], {"label", "predicted"} <= set(a[1].columns)
    classes = _labels(a[1], b[1]) if has_classes else None
    before, after = (_statistics(*one, split, classes, score["name"]) for one in (a, b))
    found = differences(before, after, len(a[1]))
    return [
        MetricChange(name=name, **values, verdict=_verdict(name, score, **values)) for name, values in found.items()
    ]


def _statistics(run: RunFiles, table: "pd.DataFrame", split: str, classes: list[str] | None, score: str) -> Statistics:
    """Return the metrics of some rows of a split; the table's index says which."""
    of_all = run.arrays(split, MEASURES, run.evaluation["splits"][split]["images"])
    arrays = {name: values[table.index] for name, values in of_all.items()}
    return Statistics(table, run.evaluation["labels"] if classes is None else classes, score, arrays)


def _labels(*tables: "pd.DataFrame") -> list[str]:
    """Return every class that occurs: two runs need not know the same ones."""
    return sorted({label for table in tables for name in ("label", "predicted") for label in table[name].unique()})


def _verdict(name: str, score: dict[str, str], *, low: float, high: float, **_: float) -> str:
    is_lower = score["better"] == "min" if name == score["name"] else is_lower_better(name)
    if low <= 0 <= high:
        return "no clear difference"
    return "better" if (high < 0) == is_lower else "worse"


def _flips(
    a: tuple[RunFiles, "pd.DataFrame"], b: tuple[RunFiles, "pd.DataFrame"], split: str, *, lower_is_better: bool
) -> list[Flip]:
    """Return the images whose score changed by more than a half: of a classifier, those that changed sides."""
    change = b[1]["score"].to_numpy(float) - a[1]["score"].to_numpy(float)
    change = -change if lower_is_better else change
    found: list[tuple[float, Flip]] = []
    for at in (abs(change) > 0.5).nonzero()[0]:
        is_fixed = bool(change[at] > 0)
        run, table = a if is_fixed else b
        row, other = table.iloc[at], (b if is_fixed else a)[1].iloc[at]
        before, after = (row, other) if is_fixed else (other, row)
        flip = Flip(
            path=replace_undecodable(row["path"]),
            label=row.get("label", ""),
            a=_answer(before),
            b=_answer(after),
            is_fixed=is_fixed,
            picture=picture_of(run, split, int(str(row.name))),
        )
        found.append((-float(row.get("confidence", 0)), flip))
    return [flip for _, flip in sorted(found, key=lambda pair: (not pair[1].is_fixed, pair[0], pair[1].path))]


def _answer(row: Any) -> str:
    confidence = f" {100 * row['confidence']:.1f} %" if "confidence" in row else ""
    return f"{row.get('predicted', row.get('answer', ''))}{confidence}".strip()


def write_comparison(found: Comparison, path: Path) -> Path:
    """Write a comparison as a page that opens offline, and return its path.

    Raises:
        UsageError: there can be no such file.
    """
    from auto_train.reports.page import render

    page = render("compare.html", {**vars(found), "most": MAX_SHOWN}, found.a, found.b)
    try:
        with replace_file(path) as part:
            part.write_text(page, encoding="utf-8")
    except OSError as error:
        hint = "name a file, such as -o compare.html"
        raise UsageError(f"cannot be written: {error.strerror}", where=str(path), hint=hint) from error
    return path
