"""Read uploaded images into memory, and no more of them than allowed."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

from fastapi import Request

from auto_train.api.body import stream_body
from auto_train.api.errors import FIELD
from auto_train.api.form import find_boundary, read_files
from auto_train.errors import RequestError
from auto_train.serving.limits import Held
from auto_train.serving.service import Service

MAX_IMAGES = 64  # of one request; they are answered one after another
FRAMING = 64 * 1024  # bytes of boundaries and part headers on top of the images
HINT = f"send multipart/form-data with the image as field '{FIELD}': curl -F {FIELD}=@photo.jpg URL"


@asynccontextmanager
async def receive_images(request: Request) -> AsyncIterator[list[bytes | RequestError]]:
    """Yield the bytes of every ``img`` field, or the error of one that is not a file. They are counted until the end.

    A request takes no place in the queue here: one whose body trickles keeps nobody else from being answered.

    Raises:
        RequestError: 429, the queue or the memory for uploads is full; 413, too large or too many; 422, no such field
            or no form; 400, malformed, cut off or not finished in time; 503, no model is loaded.
    """
    service: Service = request.app.state.service
    service.require_ready()  # 503 and 429 before a byte of the body is read
    service.slots.require_free()
    with service.memory.hold() as held:
        yield await _read(request, service.max_bytes, held)


async def _read(request: Request, max_bytes: int, held: Held) -> list[bytes | RequestError]:
    boundary = find_boundary(request.headers.get("content-type", ""))
    if boundary is None:
        raise RequestError("the request is not a multipart form", status=422, type="bad_field", hint=HINT)
    if not boundary:
        text = "the form cannot be read: its Content-Type names no boundary"
        raise RequestError(text, status=400, type="malformed", hint=HINT)
    async with aclosing(_count_bytes(request, max_bytes, held)) as body:
        images = await read_files(body, boundary, field=FIELD, max_files=MAX_IMAGES, hint=HINT)
    if not images:
        raise RequestError(f"the form has no file in field '{FIELD}'", status=422, type="bad_field", hint=HINT)
    if sum(len(image) for image in images if isinstance(image, bytes)) > max_bytes:
        raise _too_large_error(max_bytes)
    return images


async def _count_bytes(request: Request, max_bytes: int, held: Held) -> AsyncGenerator[bytes, None]:
    async with aclosing(stream_body(request, _too_large_error(max_bytes), max_bytes + FRAMING)) as body:
        async for chunk in body:
            held.add(len(chunk))
            yield chunk


def _too_large_error(max_bytes: int) -> RequestError:
    return RequestError(
        f"the upload is larger than {max_bytes / 1e6:g} MB",
        status=413,
        type="too_large",
        hint="send a smaller image; the service's limit is [serve] max_mb",
    )
