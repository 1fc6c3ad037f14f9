"""The routes for programs, from the service's own OpenAPI text: FastAPI's page would load scripts from elsewhere."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from auto_train.api.access import api_keys
from auto_train.api.pages.render import PageRoute, page

MULTIPART, JSON = "multipart/form-data", "application/json"

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@dataclass(frozen=True, kw_only=True)
class RouteDescription:
    """One route, ready for the page.

    Attributes:
        fields: of path, query and body: (name, where, what) each.
        answers: (status, what) each.
        example: a command to try it with.
    """

    method: str
    path: str
    tag: str
    text: str
    fields: tuple[tuple[str, str, str], ...]
    answers: tuple[tuple[str, str], ...]
    example: str


@router.get("/docs")
async def show_docs(request: Request) -> HTMLResponse:
    """Show the routes with a command for each; they are no secret, so nobody has to sign in."""
    url = str(request.base_url).rstrip("/")
    return page(request, "docs.html", routes=list(describe_routes(request.app.openapi(), url)), url=url)


def describe_routes(schema: Mapping[str, Any], url: str) -> Iterator[RouteDescription]:
    """Yield the routes of an OpenAPI description.

    Args:
        url: of the service, for the examples.
    """
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            bodies = operation.get("requestBody", {}).get("content", {})
            yield RouteDescription(
                method=method.upper(),
                path=path,
                tag=next(iter(operation.get("tags", [])), "other"),
                text=operation.get("description", operation.get("summary", "")),
                fields=tuple(_fields(operation, bodies)),
                answers=tuple((status, answer["description"]) for status, answer in operation["responses"].items()),
                example=_example(method.upper(), f"{url}{path}", bodies),
            )


def _fields(operation: Mapping[str, Any], bodies: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for field in operation.get("parameters", []):
        yield field["name"], field["in"], _kind(field.get("schema", {}))
    for content in bodies.values():
        for name, schema in content.get("schema", {}).get("properties", {}).items():
            yield name, "form" if MULTIPART in bodies else "JSON body", _kind(schema)


def _kind(schema: Mapping[str, Any]) -> str:
    kind = str(schema.get("type", "any value"))
    if kind == "array":
        return f"one or several: {_kind(schema.get('items', {}))}"
    return "file" if schema.get("format") == "binary" else kind


def _example(method: str, url: str, bodies: Mapping[str, Any]) -> str:
    implied = "POST" if bodies else "GET"
    words = ["curl", *([] if method == implied else ["-X", method])]
    words += ["-H 'X-API-Key: KEY'"] if api_keys() else []
    if MULTIPART in bodies:
        words += [f"-F {name}=@FILE" for name in bodies[MULTIPART]["schema"].get("required", [])]
    elif JSON in bodies:
        example = bodies[JSON].get("example", {})
        words += ["-H 'Content-Type: application/json'", f"-d '{json.dumps(example)}'"]
    return " ".join([*words, url])
