"""POST an image, get its answer, or a picture with the answer drawn on it."""

import io
from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from auto_train.answers import built_in_forms
from auto_train.api.access import require_key
from auto_train.api.errors import FIELD, as_body, responses
from auto_train.api.upload import receive_images
from auto_train.errors import AutoTrainError, RequestError
from auto_train.serving.service import Service
from auto_train.types import as_plain

if TYPE_CHECKING:
    from auto_train.answers.draw import Picture

# Of an answer: JSON, or the image with the answer drawn on it as PNG.
Format = Literal["json", "image"]


# Of each task that comes with the program; a service adds that of its model.
AnyAnswer = reduce(or_, (form.Schema for form in built_in_forms().values()))

_FORM = {
    "type": "object",
    "required": [FIELD],
    "properties": {FIELD: {"type": "array", "items": {"type": "string", "format": "binary"}}},
}
_ROUTE: dict[str, Any] = {
    "responses": {
        200: {
            "model": AnyAnswer | list[Any],
            "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
        },
        **responses(400, 401, 404, 413, 415, 421, 422, 429, 503, 504),
    },
    "openapi_extra": {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}}},
}
router = APIRouter(tags=["validate"], dependencies=[Depends(require_key)])


@router.post("/validate", include_in_schema=False)
@router.post("/validate/", **_ROUTE)
async def validate(request: Request, format: Format = "json") -> Response:
    """Predict the image in field img; several img fields give a list, with an error in place of each that failed.

    With `format=image` the answer to one image is a PNG of it, with boxes or mask drawn and the rest written below.
    """
    if unknown := sorted({*request.query_params} - {"format"}):
        hint = "the address may have format=json or format=image"
        raise RequestError(f"there is no parameter '{unknown[0]}'", status=422, type="bad_field", hint=hint)
    service: Service = request.app.state.service
    async with receive_images(request) as uploads:
        if format == "image":
            return await _picture(service, uploads)
        answers = await service.answer(uploads)
    if len(answers) > 1:
        return JSONResponse(
            [{"error": as_body(one)} if isinstance(one, AutoTrainError) else as_plain(one) for one in answers]
        )
    if isinstance(answers[0], AutoTrainError):
        raise answers[0]
    return JSONResponse(as_plain(answers[0]))


@router.post("/{task}/validate", include_in_schema=False)
@router.post("/{task}/validate/", **_ROUTE)
async def validate_task(task: str, request: Request, format: Format = "json") -> Response:
    """Predict as /validate/ does, after making sure that the model served is of this task."""
    served = request.app.state.service.predictor.model.task
    if task != served:
        raise RequestError(
            f"no model for '{task}' here", status=404, type="not_found", hint=f"POST /{served}/validate/"
        )
    return await validate(request, format)


async def _picture(service: Service, uploads: Sequence[bytes | AutoTrainError]) -> Response:
    if len(uploads) > 1:
        raise RequestError(
            f"format=image answers one image, not {len(uploads)}",
            status=422,
            type="bad_field",
            hint="send one img field, or leave format out",
        )
    (found,) = await service.pictures(uploads, _as_png)
    if isinstance(found, AutoTrainError):
        raise found
    return Response(found, media_type="image/png")


def _as_png(picture: "Picture") -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture.with_words()).save(file, "PNG", compress_level=3)
    return file.getvalue()
