"""`predict`: many images through a trained model, into a table and into annotated pictures."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from auto_train.cli.options import Debug, Json, OfflineAnyway, TrustCode

if TYPE_CHECKING:
    from auto_train.serving.batch import Input

Model = Annotated[
    Path,
    typer.Option("--model", metavar="PATH", help="A run, a bundle, an .onnx file, or the INI that trained it."),
]
Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT…", help="Images, folders, archives, patterns, tables of paths (.csv, .parquet, .txt)."
    ),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="A .csv, .jsonl or .parquet file. Default: stdout."),
]
Draw = Annotated[Path | None, typer.Option("--draw", metavar="DIR", help="Write the images with their answers drawn.")]
Force = Annotated[bool, typer.Option("--force", help="Replace files that are there.")]

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def predict(
    inputs: Inputs,
    model: Model,
    output: Output = None,
    draw: Draw = None,
    force: Force = False,
    trust_code: TrustCode = False,
    offline: OfflineAnyway = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Predict many images; one that fails is counted, and its error stands in its row."""
    from auto_train import actions
    from auto_train.cli.output import emit, warn
    from auto_train.cli.progress import show_progress

    tell = None if output else _emit_answer if as_json else _print_answer
    with show_progress() as console:
        found = actions.predict(
            model,
            inputs,
            output=output,
            draw=draw,
            force=force,
            trust_code=trust_code,
            on_answer=tell,
            progress=console,
        )
    texts = [*found.warnings]
    if found.failed:
        texts.append(f"{found.failed:,} of {found.images:,} images have no answer; the first: {found.first_error}")
    warn([text for text in texts if as_json or text not in console.warned], as_json=as_json)
    if as_json:
        emit("predictions", **vars(found))
        return
    if output:
        before = f", {found.before:,} of them answered before" if found.before else ""
        typer.echo(f"images    {found.images:,}{before}\nfailed    {found.failed:,}\nanswers   {found.output}")
    if draw:
        typer.echo(f"pictures  {found.pictures}", err=not output)


def _emit_answer(image: "Input", answer: Any) -> None:
    from auto_train.cli.output import emit

    emit("prediction", **_fields(image, answer))


def _print_answer(image: "Input", answer: Any) -> None:
    typer.echo(json.dumps(_fields(image, answer), ensure_ascii=False))


def _fields(image: "Input", answer: Any) -> dict[str, Any]:
    from auto_train.errors import AutoTrainError
    from auto_train.types import as_plain

    if isinstance(answer, AutoTrainError):
        return {"image": image.name, "error": answer.message}
    plain = as_plain(answer)
    return {"image": image.name, **(plain if isinstance(plain, dict) else {"answer": plain})}
