"""The first page: what the model is, and what it says about an image."""

import base64
import io
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import anyio.to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from auto_train.api.errors import FIELD, as_body
from auto_train.api.pages.model import facts_of
from auto_train.api.pages.render import PageRoute, is_htmx, page
from auto_train.api.pages.session import require_visitor
from auto_train.api.upload import MAX_IMAGES, read_images
from auto_train.data.image import decode_image
from auto_train.errors import AutoTrainError, ServingError
from auto_train.reports.runs import number
from auto_train.serving.service import Service
from auto_train.types import as_plain

PICTURE_SIDE = 320
MOST = 50  # classes shown when asked for more

router = APIRouter(route_class=PageRoute, include_in_schema=False, dependencies=[Depends(require_visitor)])


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One answer, ready for the page.

    Attributes:
        title: the prediction; "" where the answer names none.
        classes: the likeliest, (label, probability) each.
        text: the answer as JSON, where it has no probabilities.
        error: what went wrong instead, as ``type``, ``message``, ``hint``.
        picture: of the image, as a data URL.
        is_tiny: the image has so few pixels that it is shown as squares.
    """

    title: str = ""
    classes: tuple[tuple[str, float], ...] = ()
    num_classes: int = 0
    text: str = ""
    error: Mapping[str, str] | None = None
    picture: str = ""
    is_tiny: bool = False


@router.get("/")
async def index(request: Request) -> HTMLResponse:
    """Show the model, and ask for an image."""
    return _first_page(request)


@router.post("/")
async def ask(request: Request) -> HTMLResponse:
    """Answer the images of the form: the answers alone where the page's script asks, else the page with them."""
    service: Service = request.app.state.service
    _ = service.predictor  # 503 before a byte of the body is read
    with service.slots.take():
        uploads = await read_images(request, service.max_bytes)
        began = time.perf_counter()
        answers = await service.answer(uploads)
        seconds = time.perf_counter() - began
        shown = await anyio.to_thread.run_sync(_shown_all, answers, uploads)
    status = answers[0].http_status if len(answers) == 1 and isinstance(answers[0], AutoTrainError) else 200
    if is_htmx(request):
        return page(request, "_answers.html", status=status, answers=shown, seconds=seconds)
    return _first_page(request, status=status, answers=shown, seconds=seconds)


def _first_page(request: Request, *, status: int = 200, **values: Any) -> HTMLResponse:
    service: Service = request.app.state.service
    limits = {"max_mb": service.max_bytes / 1e6, "max_images": MAX_IMAGES}
    try:
        model = facts_of(service.predictor, service.location)
    except ServingError as error:
        return page(request, "index.html", status=error.http_status, model=None, error=as_body(error), **limits)
    return page(request, "index.html", status=status, model=model, **limits, **({"answers": [], "seconds": 0} | values))


def _shown_all(answers: list[Any], uploads: list[bytes]) -> list[Shown]:
    return [show_answer(answer, upload) for answer, upload in zip(answers, uploads)]


def show_answer(answer: Any, upload: bytes) -> Shown:
    """Return what the page shows of an answer or an error.

    Args:
        answer: as the service gives it; a postprocess function may have made anything of it.
        upload: bytes of the image file.
    """
    if isinstance(answer, AutoTrainError):
        return Shown(error=_told(answer))
    picture, is_tiny = thumbnail(upload)
    found = as_plain(answer)
    fields = found if isinstance(found, dict) else {}
    classes = _ranked(fields.get("probabilities"))
    title = fields.get("prediction", "")
    return Shown(
        title=title if isinstance(title, str) else json.dumps(title, ensure_ascii=False),
        classes=tuple(classes[:MOST]),
        num_classes=len(classes),
        text="" if classes else json.dumps(found, indent=2, ensure_ascii=False),
        picture=picture,
        is_tiny=is_tiny,
    )


def _told(error: AutoTrainError) -> dict[str, str]:
    """Return an error for people, who gave a file and no form field."""
    body = as_body(error)
    return body | {"message": re.sub(f"^{FIELD}: ", "This file ", body["message"])}


def _ranked(probabilities: Any) -> list[tuple[str, float]]:
    """Return labels and probabilities, the likeliest first; nothing where these are no probabilities."""
    if not isinstance(probabilities, dict):
        return []
    found = [(label, value) for label, text in probabilities.items() if (value := number(text)) is not None]
    if len(found) < len(probabilities) or not all(0 <= value <= 1 for _, value in found):
        return []
    return sorted(found, key=lambda one: -one[1])


def thumbnail(upload: bytes) -> tuple[str, bool]:
    """Return a small picture of an image file as a data URL, and whether the image is tiny itself."""
    from PIL import Image

    image = Image.fromarray(decode_image(upload, min_side=PICTURE_SIDE))
    is_tiny = max(image.size) <= 64
    image.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
    file = io.BytesIO()
    image.save(file, "WEBP", quality=80, lossless=is_tiny)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}", is_tiny
