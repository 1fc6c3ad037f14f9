"""Templates to responses, with the headers that keep a page to itself, and errors as pages."""

from collections.abc import Callable, Coroutine
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.routing import APIRoute
from starlette.staticfiles import StaticFiles

from auto_train.api.access import api_keys
from auto_train.api.errors import as_body
from auto_train.durations import as_duration
from auto_train.errors import AutoTrainError
from auto_train.version import __version__

if TYPE_CHECKING:
    from jinja2 import Environment

STATIC = Path(__file__).parent / "static"
# Scripts and styles are files of ours alone: text that was not escaped would still do nothing.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Assets(StaticFiles):
    """Files whose address holds their hash."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


class PageRoute(APIRoute):
    """A route whose errors are pages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def shown(request: Request) -> Response:
            try:
                return await handler(request)
            except AutoTrainError as error:
                return sign_in(request) if error.http_status == 401 else error_page(request, error)

        return shown


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a template filled in.

    Args:
        template: name of a file in ``templates``; one that begins with ``_`` is a part of a page.
        values: escaped where the template names them.
    """
    text = (
        _environment()
        .get_template(template)
        .render(root=root_of(request), path=path_of(request), has_keys=bool(api_keys()), **values)
    )
    return HTMLResponse(text, status, headers=HEADERS)


def root_of(request: Request) -> str:
    """Return the prefix under which a proxy has put the service, "" without one."""
    root: str = request.scope.get("root_path", "")
    return root


def path_of(request: Request) -> str:
    """Return the path that is asked for, without that prefix."""
    path: str = request.scope["path"]
    return path.removeprefix(root_of(request))


def is_htmx(request: Request) -> bool:
    """Tell whether a part of a page is asked for, by the page's script."""
    return "hx-request" in request.headers


def error_page(request: Request, error: AutoTrainError) -> HTMLResponse:
    """Return what went wrong and what to do next, for people."""
    template = "_error.html" if is_htmx(request) else "error.html"
    response = page(request, template, status=error.http_status, error=as_body(error))
    response.headers.update(getattr(error, "headers", {}))
    return response


def sign_in(request: Request) -> Response:
    """Send a visitor to the page that asks for a key, and from there back."""
    after = path_of(request) if request.method == "GET" and not is_htmx(request) else "/"
    url = f"{root_of(request)}/ui/login?{urlencode({'next': after})}"
    if is_htmx(request):
        return Response(status_code=401, headers={**HEADERS, "HX-Redirect": url})
    return RedirectResponse(url, 303, headers=HEADERS)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("auto_train.api.pages"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {
        "percent": as_percent,
        "value": as_value,
        "when": as_date,
        "seconds": as_duration,
        "sentence": as_sentence,
    }
    environment.globals |= {"asset": _asset, "program_version": __version__}
    return environment


@cache
def _asset(name: str) -> str:
    return f"/ui/static/{name}?v={sha256((STATIC / name).read_bytes()).hexdigest()[:10]}"


def as_percent(share: float) -> str:
    """Return a probability for people: 97.3 %, < 0.1 %, > 99.9 %."""
    if 0 < share < 0.0005:
        return "<\u202f0.1\u202f%"
    return ">\u202f99.9\u202f%" if 0.9995 <= share < 1 else f"{100 * share:.1f}\u202f%"


def as_sentence(text: str) -> str:
    """Return a text with a large first letter."""
    return text[:1].upper() + text[1:]


def as_value(number: float | None) -> str:
    """Return a metric with four digits after the point."""
    if number is None:
        return "–"
    return f"{number:.4f}" if abs(number) < 1000 else f"{number:.4g}"


def as_date(time: datetime) -> str:
    """Return a date and time without seconds: 21 Nov 2026, 14:34 UTC."""
    return f"{time.day} {time:%b %Y, %H:%M} UTC"
