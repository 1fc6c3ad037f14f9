"""The service's OpenAPI text, with the answer of the model it serves."""

from typing import Any

from fastapi import FastAPI

from auto_train.serving.service import Service

_REF = "#/components/schemas/{model}"


def describe_served(app: FastAPI, service: Service) -> None:
    """Let the OpenAPI text name the served model's answer where its task does not come with the program."""
    built_in = app.openapi

    def openapi() -> dict[str, Any]:
        text = built_in()
        if service.is_ready:
            _add_answer(text, service)
        return text

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation has it


def _add_answer(text: dict[str, Any], service: Service) -> None:
    schemas = text["components"]["schemas"]
    own = service.predictor.form.Schema.model_json_schema(ref_template=_REF)
    parts = own.pop("$defs", {})
    name = own["title"]
    if schemas.get(name, own) != own:  # a task's own class may have a name that is taken
        name = f"{service.predictor.model.task}.{name}"
    if name in schemas:
        return
    schemas.update({name: own} | {key: part for key, part in parts.items() if key not in schemas})
    for path, methods in text["paths"].items():
        if path.endswith("/validate/"):
            content = methods["post"]["responses"]["200"]["content"]
            content["application/json"]["schema"]["anyOf"].insert(0, {"$ref": _REF.format(model=name)})
