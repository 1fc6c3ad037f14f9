"""`config`: lint, show, explain, fill, diff and schema. Loads no torch."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auto_train.cli.options import ConfigPath, Debug, Json, OfflineAnyway, Subverbs
from auto_train.cli.output import emit
from auto_train.cli.overrides import OVERRIDE, OverridesCommand
from auto_train.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from auto_train.config import Config, Problem

app = typer.Typer(cls=Subverbs, rich_markup_mode=None, add_completion=False, help="Check, show and explain INIs.")


class ConfigCommand(OverridesCommand):
    """A command that takes INIs as plain words, before or between the overrides."""

    takes_names = True


Words = Annotated[
    list[str] | None, typer.Argument(metavar="[INI] [section.key=value]…", help="The INI and changes to it.")
]
TaskOption = Annotated[str, typer.Option("--task", help="The recipe whose keys are meant.")]


@app.command(cls=ConfigCommand)
def lint(
    words: Words = None,
    config: ConfigPath = None,
    offline: OfflineAnyway = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Report every problem of one or more INIs with file and line; exit code 2 where one is an error."""
    from auto_train.config import lint_config

    names, overrides = _split(words)
    files: list[Path | None] = [*([config] if config else []), *map(Path, names)] or [None]
    problems = [problem for file in files for problem in lint_config(file, overrides)]
    errors = [problem for problem in problems if problem.level == "error"]
    _print_problems([problem for problem in problems if as_json or problem.level == "warning"], as_json=as_json)
    if errors:
        raise ConfigError(errors)
    if not as_json:
        typer.echo(f"{', '.join(map(str, files))}: no errors" if files != [None] else "no errors")


@app.command(cls=ConfigCommand)
def show(
    words: Words = None,
    config: ConfigPath = None,
    offline: OfflineAnyway = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Print the INI with all values final: defaults, bases and overrides in, variables filled in."""
    found = _load(words, config, as_json=as_json)
    emit("config", path=found.path, values=found.to_dict()) if as_json else typer.echo(found.to_ini(), nl=False)


@app.command(cls=ConfigCommand)
def fill(
    words: Words = None,
    config: ConfigPath = None,
    offline: OfflineAnyway = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Print the INI with every default written out and variables kept."""
    found = _load(words, config, as_json=as_json)
    text = found.to_ini(resolved=False)
    emit("config", path=found.path, ini=text) if as_json else typer.echo(text, nl=False)


@app.command(cls=ConfigCommand)
def explain(
    key: Annotated[str, typer.Argument(metavar="KEY", help="A dotted path, such as training.scheme.epochs.")],
    words: Words = None,
    config: ConfigPath = None,
    task: TaskOption = "classification",
    offline: OfflineAnyway = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Say what a key means, which values it takes, and which file or override set it."""
    from auto_train.config import default_config

    names, overrides = _split(words)
    found = _load(words, config, as_json=as_json) if names or config else default_config(task, overrides)
    about = found.explain(key)
    if as_json:
        emit("explanation", **{name: getattr(about, name) for name in about.__dataclass_fields__})
        return
    typer.echo(f"{key}\n  {about.meaning}" if about.meaning else key)
    lines = {"allowed": about.spec, "value": about.shown, "written": about.written, "default": about.default}
    for name, text in {**lines, "set by": about.origin, "resume": about.resume}.items():
        if text is not None and not (name == "written" and text == about.shown):
            typer.echo(f"  {name:<9}{text}")


@app.command(cls=ConfigCommand)
def diff(
    left: Annotated[Path, typer.Argument(metavar="A", help="An INI.")],
    right: Annotated[Path, typer.Argument(metavar="B", help="Another.")],
    overrides: Annotated[list[str] | None, typer.Argument(metavar="[section.key=value]…", help="Changes to B.")] = None,
    offline: OfflineAnyway = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Print every key whose final value differs: first A's value, then B's."""
    from auto_train.config import diff_configs, load_config

    for found in diff_configs(load_config(left), load_config(right, overrides or ())):
        if as_json:
            emit("difference", **{name: getattr(found, name) for name in found.__dataclass_fields__})
        else:
            typer.echo(f"{found.key}: {found.shown_left} → {found.shown_right}")


@app.command()
def schema(
    task: TaskOption = "classification",
    markdown: Annotated[bool, typer.Option("--markdown", help="Print docs/config.md, which covers all tasks.")] = False,
    offline: OfflineAnyway = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Print the JSON Schema of a task's INI, made from the same lines as the checks."""
    import json

    from auto_train.config import json_schema
    from auto_train.config import markdown as write_markdown

    if markdown:
        typer.echo(write_markdown(), nl=False)
    elif as_json:
        emit("schema", task=task, schema=json_schema(task))
    else:
        typer.echo(json.dumps(json_schema(task), indent=2, ensure_ascii=False))


def _split(words: list[str] | None) -> tuple[list[str], list[str]]:
    """Return (names, overrides)."""
    given = words or []
    overrides = [word for word in given if OVERRIDE.fullmatch(word)]
    return [word for word in given if word not in overrides], overrides


def _load(words: list[str] | None, config: Path | None, *, as_json: bool) -> "Config":
    from auto_train.config import load_config

    names, overrides = _split(words)
    if len(names) + bool(config) > 1:
        raise UsageError(f"one INI is meant, not {' and '.join([*names, *([str(config)] if config else [])])}")
    found = load_config(names[0] if names else config, overrides)
    if not as_json:
        _print_problems(found.warnings, as_json=False)
    return found


def _print_problems(problems: "list[Problem] | tuple[Problem, ...]", *, as_json: bool) -> None:
    for problem in problems:
        if as_json:
            emit("problem", **{name: getattr(problem, name) for name in problem.__dataclass_fields__})
        else:
            typer.echo(str(problem), err=True)
