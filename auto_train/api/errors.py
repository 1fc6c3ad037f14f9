"""Every error leaves as ``{"error": {"type", "message", "hint"}}``; nothing of the inside leaves with it."""

import re
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from auto_train.api.paths import place_name, without_paths
from auto_train.errors import AutoTrainError, ImageError, RequestError

FIELD = "img"  # of the form, holds the uploaded image
TYPES = {
    400: "malformed",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "no_config",
    413: "too_large",
    415: "not_an_image",
    421: "unknown_host",
    422: "bad_field",
    429: "queue_full",
    500: "internal",
    503: "not_ready",
    504: "deadline",
}


class ErrorBody(BaseModel):
    """What went wrong, for a program (type) and for a person."""

    type: str
    message: str
    hint: str = ""


class ErrorAnswer(BaseModel):
    """The body of every answer that is not 2xx."""

    error: ErrorBody


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI description of these error statuses."""
    return {status: {"model": ErrorAnswer, "description": TYPES[status]} for status in statuses}


def as_body(error: AutoTrainError) -> dict[str, str]:
    """Return an error as clients see it: without the paths of this machine."""
    where = place_name(error.where) or (FIELD if isinstance(error, ImageError) else "")
    message = f"{where}: {error.message}" if where else error.message
    message += f" (allowed: {error.allowed})" if error.allowed else ""
    kind = error.type if isinstance(error, RequestError) else TYPES.get(error.http_status, TYPES[500])
    return {"type": kind, "message": without_paths(message), "hint": without_paths(error.hint)}


def install(app: FastAPI) -> None:
    """Give an application its error handlers."""

    @app.exception_handler(AutoTrainError)
    async def _known(request: Request, error: AutoTrainError) -> JSONResponse:
        headers = error.headers if isinstance(error, RequestError) else None
        return _answer(error.http_status, headers=headers, **as_body(error))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        message = f"{request.method} {request.url.path}: {str(error.detail).lower()}"
        kind = TYPES.get(error.status_code) or re.sub(r"\W+", "_", str(error.detail)).lower()
        return _answer(error.status_code, type=kind, message=message, headers=error.headers, hint="see /docs")

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        return _answer(422, type=TYPES[422], message=problems, hint="see /docs")

    @app.exception_handler(Exception)
    async def _bug(request: Request, error: Exception) -> JSONResponse:  # the server's log has the traceback
        return _answer(500, type=TYPES[500], message="a bug of ours; the server's log says more")


def _answer(status: int, *, type: str, message: str, hint: str = "", headers: Any = None) -> JSONResponse:
    return JSONResponse({"error": {"type": type, "message": message, "hint": hint}}, status, headers=headers)
