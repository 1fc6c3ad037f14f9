"""`compare`: what differs between two runs, as text, JSON or a page."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auto_train.cli.options import ConfigPath, Debug, Json, OfflineAnyway

if TYPE_CHECKING:
    from auto_train.reports.compare import Comparison, SplitChange
    from auto_train.reports.data_change import DataChange

# Longest value of a config and most lines of one kind; a page and --json have everything.
MAX_SHOWN, MAX_LINES = 40, 10

Run = Annotated[str, typer.Argument(help="A run: its folder, its name, or latest of the project of --config.")]
Output = Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write a page as well (.html).")]

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def compare(
    run_a: Run,
    run_b: Run,
    config: ConfigPath = None,
    output: Output = None,
    offline: OfflineAnyway = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show what differs between two runs: config, data, metrics on the same images, and images that changed sides."""
    from auto_train import actions
    from auto_train.cli.output import emit, warn

    found = actions.compare(run_a, run_b, config, output=output)
    notes = [f"{split.split}: {split.note}" for split in found.splits if split.note]
    warn([*found.statements, *notes], as_json=as_json)
    if as_json:
        emit("comparison", **vars(found), page=output)
        return
    for line in _lines(found):
        typer.echo(line)
    if output:
        typer.echo(f"\npage  {output}")


def _lines(found: "Comparison") -> Iterator[str]:
    yield from (f"A  {found.a}", f"B  {found.b}")
    yield f"\nconfig  {_keys(len(found.config))}"
    yield from _align([(change.key, _shorten(change.a), "→", _shorten(change.b)) for change in found.config])
    yield f"\ndata    {'the same' if found.data.is_same else _counts(found.data)}"
    yield from _data(found.data)
    for split in found.splits:
        yield f"\n{split.split:7} {split.common:,} images"
        yield from _metrics(split)
        yield from _flips(split)


def _keys(count: int) -> str:
    return f"{count} key{'s differ' if count > 1 else ' differs'}" if count else "the same"


def _counts(data: "DataChange") -> str:
    return ", ".join(f"{split} {a:,} → {b:,}" if a != b else f"{split} {a:,}" for split, (a, b) in data.splits.items())


def _data(data: "DataChange") -> Iterator[str]:
    kinds = {"only in B": data.added, "only in A": data.removed, "relabelled": data.relabelled, "moved": data.moved}
    for name, images in kinds.items():
        if images.count:
            yield f"  {images.count:,} {name}"
            yield from _limit_lines([f"    {text}" for text in images.examples], images.count)


def _metrics(split: "SplitChange") -> Iterator[str]:
    yield from _align(
        [
            (
                change.name,
                f"{change.a:.4f}",
                "→",
                f"{change.b:.4f}",
                f"{change.difference:+.4f}",
                f"[{change.low:+.4f}, {change.high:+.4f}]",
                change.verdict,
            )
            for change in split.metrics
        ]
    )


def _flips(split: "SplitChange") -> Iterator[str]:
    for word, is_fixed in (("fixed", True), ("broken", False)):
        flips = [flip for flip in split.flips if flip.is_fixed == is_fixed]
        if not flips:
            continue
        yield f"  {len(flips):,} {word}"
        rows = [(f"  {flip.path}", f"is {flip.label}" if flip.label else "", flip.a, "→", flip.b) for flip in flips]
        yield from _limit_lines(_align(rows[:MAX_LINES]), len(flips))


def _limit_lines(lines: Sequence[str], count: int) -> Iterator[str]:
    yield from lines[:MAX_LINES]
    if count > MAX_LINES:
        yield f"    … {count - MAX_LINES:,} more; -o FILE.html and --json show them"


def _align(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  " + "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths)).rstrip() for row in rows]


def _shorten(text: str) -> str:
    if not text:
        return "(absent)"
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN // 2 - 1]}…{text[-MAX_SHOWN // 2 :]}"
