"""The lines of --json, each held against its schema; a field it does not name is a mistake here, not for users."""

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from auto_train.cli.schema import line_schema, line_types


def checked(stdout: str) -> list[dict[str, Any]]:
    """Return the objects on stdout after checking each of them."""
    objects = [json.loads(line) for line in stdout.splitlines()]
    for found in objects:
        kind = found.get("type")
        assert kind in line_types(), f"write auto_train/cli/lines/{kind}.json: what these lines hold: {found}"
        wrong = [f"{error.json_path}: {error.message}" for error in _validator(kind).iter_errors(found)]
        assert not wrong, f"auto_train/cli/lines/{kind}.json: {wrong}"
    return objects


@cache
def _validator(kind: str) -> Draft202012Validator:
    return Draft202012Validator(_closed(line_schema(kind)))


def _closed(schema: Any) -> Any:
    """Return a schema that takes no field beside those it names."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _closed(value) for key, value in schema.items()}
    # a property may itself be called "properties": then its value is a schema, with a type
    return {"additionalProperties": False, **found} if isinstance(found.get("properties"), dict) else found
