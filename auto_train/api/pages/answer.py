"""The first page: what the model is, and what it says about an image."""

import time
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from auto_train.api.errors import as_body
from auto_train.api.pages.answer_view import show_answer, show_error
from auto_train.api.pages.model import collect_facts
from auto_train.api.pages.render import PageRoute, is_htmx, page
from auto_train.api.pages.session import require_visitor
from auto_train.api.upload import MAX_IMAGES, receive_images
from auto_train.errors import AutoTrainError, ServingError
from auto_train.serving.service import Service

router = APIRouter(route_class=PageRoute, include_in_schema=False, dependencies=[Depends(require_visitor)])


@router.get("/")
async def index(request: Request) -> HTMLResponse:
    """Show the model, and ask for an image."""
    return _render_first_page(request)


@router.post("/")
async def ask(request: Request) -> HTMLResponse:
    """Answer the images of the form: the answers alone where the page's script asks, else the page with them."""
    service: Service = request.app.state.service
    async with receive_images(request) as uploads:
        began = time.perf_counter()
        answers = await service.pictures(uploads, show_answer)
        seconds = time.perf_counter() - began
    shown = [show_error(one) if isinstance(one, AutoTrainError) else one for one in answers]
    status = answers[0].http_status if len(answers) == 1 and isinstance(answers[0], AutoTrainError) else 200
    if is_htmx(request):
        return page(request, "_answers.html", status=status, answers=shown, seconds=seconds)
    return _render_first_page(request, status=status, answers=shown, seconds=seconds)


def _render_first_page(request: Request, *, status: int = 200, **values: Any) -> HTMLResponse:
    service: Service = request.app.state.service
    limits = {"max_mb": service.max_bytes / 1e6, "max_images": MAX_IMAGES}
    try:
        model = collect_facts(service.predictor, service.location)
    except ServingError as error:
        return page(request, "index.html", status=error.http_status, model=None, error=as_body(error), **limits)
    return page(request, "index.html", status=status, model=model, **limits, **({"answers": [], "seconds": 0} | values))
