"""`schema`: the JSON Schema of the lines that --json prints. Loads no torch."""

import json
from importlib.resources import files
from typing import Annotated, Any

import typer

from auto_train.cli.options import Debug, Json, OfflineAnyway
from auto_train.cli.output import SCHEMA_VERSION, emit
from auto_train.errors import UsageError, did_you_mean

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def schema(
    line: Annotated[
        str | None, typer.Argument(metavar="[TYPE]", help="Of this type of line alone, such as run. Default: of all.")
    ] = None,
    offline: OfflineAnyway = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Print the JSON Schema of the lines that --json prints; that of INIs is in `config schema`."""
    types = line_types()
    if line is not None and line not in types:
        raise UsageError(f"there is no line of type '{line}'", allowed=did_you_mean(line, types, limit=len(types)))
    wanted = [line] if line else types
    if as_json:
        for name in wanted:
            emit("schema", line=name, schema=line_schema(name))
        return
    text = line_schema(line) if line else {"oneOf": [line_schema(name) for name in types]}
    typer.echo(json.dumps(text, indent=2, ensure_ascii=False))


def line_types() -> list[str]:
    """Return the types of line there are."""
    return sorted(file.name.removesuffix(".json") for file in (files("auto_train.cli") / "lines").iterdir())


def line_schema(type: str) -> dict[str, Any]:
    """Return what a line of a type holds; fields may be added without another ``schema_version``."""
    found = json.loads((files("auto_train.cli") / "lines" / f"{type}.json").read_text(encoding="utf-8"))
    if type == "prediction":
        found["properties"] |= _answer_fields()
    head = {"schema_version": {"const": SCHEMA_VERSION}, "type": {"const": type}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": type,
        "type": "object",
        **found,
        "properties": {**head, **found["properties"]},
        "required": [*head, *found["required"]],
    }


def _answer_fields() -> dict[str, Any]:
    """Return the fields of the answers of each task; where tasks share a name, one field that tells of all."""
    from auto_train.answers import built_in_forms

    found: dict[str, tuple[list[str], list[dict[str, Any]]]] = {}
    for task, form in built_in_forms().items():
        whole = form.Schema.model_json_schema()
        for name, field in _inlined(whole, whole.get("$defs", {}))["properties"].items():
            text = field.pop("description", "") if name == "model" else f"{task}: {field.pop('description', '')}"
            texts, kinds = found.setdefault(name, ([], []))
            texts.extend([text] if text not in texts else [])
            kinds.extend([field] if field not in kinds else [])
    return {
        name: {"description": "; ".join(texts), **(kinds[0] if len(kinds) == 1 else {"anyOf": kinds})}
        for name, (texts, kinds) in found.items()
    }


def _inlined(schema: Any, parts: dict[str, Any]) -> Any:
    """Return a schema with its ``$defs`` in the places that name them, and without titles."""
    if isinstance(schema, list):
        return [_inlined(item, parts) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(parts[schema["$ref"].rpartition("/")[2]], parts)
    return {key: _inlined(value, parts) for key, value in schema.items() if key not in ("title", "$defs")}
