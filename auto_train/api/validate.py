"""POST an image, get its answer."""

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from auto_train.api.access import require_key
from auto_train.api.errors import FIELD, as_body, responses
from auto_train.api.upload import read_images
from auto_train.errors import AutoTrainError, RequestError
from auto_train.serving.service import Service
from auto_train.types import as_plain


class ClassificationAnswer(BaseModel):
    """The answer for one image, unless the INI's testing.postprocess makes another of it."""

    prediction: str
    confidence: str
    probabilities: dict[str, float]
    model: str


_FORM = {
    "type": "object",
    "required": [FIELD],
    "properties": {FIELD: {"type": "array", "items": {"type": "string", "format": "binary"}}},
}
_ROUTE: dict[str, Any] = {
    "responses": {
        200: {"model": ClassificationAnswer | list[Any]},
        **responses(400, 401, 404, 413, 415, 422, 429, 503),
    },
    "openapi_extra": {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}}},
}
router = APIRouter(tags=["validate"], dependencies=[Depends(require_key)])


@router.post("/validate", include_in_schema=False)
@router.post("/validate/", **_ROUTE)
async def validate(request: Request) -> JSONResponse:
    """Predict the image in field img; several img fields give a list, with an error in place of each that failed."""
    service: Service = request.app.state.service
    _ = service.predictor  # 503 before a byte of the body is read
    with service.slots.take():
        answers = await service.answer(await read_images(request, service.max_bytes))
    if len(answers) > 1:
        return JSONResponse(
            [{"error": as_body(one)} if isinstance(one, AutoTrainError) else as_plain(one) for one in answers]
        )
    if isinstance(answers[0], AutoTrainError):
        raise answers[0]
    return JSONResponse(as_plain(answers[0]))


@router.post("/{task}/validate", include_in_schema=False)
@router.post("/{task}/validate/", **_ROUTE)
async def validate_task(task: str, request: Request) -> JSONResponse:
    """Predict as /validate/ does, after making sure that the model served is of this task."""
    served = request.app.state.service.predictor.model.task
    if task != served:
        raise RequestError(
            f"no model for '{task}' here", status=404, type="not_found", hint=f"POST /{served}/validate/"
        )
    return await validate(request)
