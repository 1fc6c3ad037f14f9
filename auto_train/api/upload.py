"""Read uploaded images into memory, and no more of them than allowed. Client file names are dropped here."""

import asyncio
import sys
from collections.abc import AsyncGenerator

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from auto_train.api.errors import FIELD
from auto_train.errors import RequestError

MAX_IMAGES = 64  # of one request; they are answered one after another
FRAMING = 64 * 1024  # bytes of boundaries and part headers on top of the images
TIMEOUT_S = 60  # a body that has not arrived by then holds a place in the queue for nothing
HINT = f"send multipart/form-data with the image as field '{FIELD}': curl -F {FIELD}=@photo.jpg URL"


class _InMemory(MultiPartParser):
    spool_max_size = sys.maxsize  # never rolled over to a file on disk; the size is bounded while it streams


async def read_images(request: Request, max_bytes: int) -> list[bytes]:
    """Return the bytes of every ``img`` field.

    Args:
        max_bytes: of all images together. Judged by Content-Length first, then while the body arrives.

    Raises:
        RequestError: 413 too large, 422 no such field or no form, 400 malformed or not finished in time.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise RequestError("the request is no multipart form", status=422, type="bad_field", hint=HINT)
    if int(request.headers.get("content-length", 0)) > max_bytes + FRAMING:
        raise _too_large(max_bytes)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            form = await _InMemory(request.headers, _bounded(request, max_bytes), max_files=MAX_IMAGES).parse()
    except (MultiPartException, ClientDisconnect, TimeoutError) as error:
        reason = getattr(error, "message", "") or f"not finished within {TIMEOUT_S} s"
        raise RequestError(f"the form cannot be read: {reason}", status=400, type="malformed", hint=HINT) from error
    images = [field.file.read() for field in form.getlist(FIELD) if isinstance(field, UploadFile)]
    await form.close()
    if not images:
        raise RequestError(f"the form has no file in field '{FIELD}'", status=422, type="bad_field", hint=HINT)
    if sum(map(len, images)) > max_bytes:
        raise _too_large(max_bytes)
    return images


async def _bounded(request: Request, max_bytes: int) -> AsyncGenerator[bytes, None]:
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > max_bytes + FRAMING:
            raise _too_large(max_bytes)
        yield chunk


def _too_large(max_bytes: int) -> RequestError:
    return RequestError(
        f"the upload is larger than {max_bytes / 1e6:g} MB",
        status=413,
        type="too_large",
        hint="send a smaller image; the service's limit is [serve] max_mb",
    )
