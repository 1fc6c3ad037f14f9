"""Files in a multipart form: each in its place, or the error that takes it. Client file names are dropped here."""

import logging
import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from auto_train.errors import RequestError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

# It warns of each damaged form: clients could fill the log.
logging.getLogger("python_multipart").addHandler(logging.NullHandler())

MULTIPART = b"multipart/form-data"
MAX_PARTS = 1000
# filename*=utf-8''…, and its parts filename*0=…: parse_options_header leaves them out (python-multipart 0.0.30)
_EXTENDED_NAME = re.compile(rb";\s*filename\*\d*\*?\s*=", re.IGNORECASE)
_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"')


def find_boundary(content_type: str) -> bytes | None:
    """Return the boundary of a multipart form, b"" where it names none; None for a body of another type."""
    kind, options = parse_options_header(content_type.encode("latin-1"))
    return options.get(b"boundary", b"") if kind.lower() == MULTIPART else None


async def read_files(
    body: AsyncIterator[bytes], boundary: bytes, *, field: str, max_files: int, hint: str
) -> list[bytes | RequestError]:
    """Return the bytes of each part of a field; a part that is not a file has its error in its place.

    Args:
        body: of the request.
        field: name of the field that holds the files; other fields are ignored.
        max_files: parts of this field; one more is refused.
        hint: how to send such a form.

    Raises:
        RequestError: 400, the form is malformed or its closing boundary is missing; 413, too many files.
    """
    form = _Form(field, max_files, hint)
    try:
        parser = MultipartParser(boundary, form.callbacks())
        async for chunk in body:
            parser.write(chunk)
    except FormParserError as error:
        raise _malformed_error("its parts are not separated as its Content-Type says", hint) from error
    if not form.has_ended:
        raise _malformed_error("its closing boundary is missing: it was cut off", hint)
    return form.files


class _Form:
    """What the parser tells of the parts, one after another."""

    def __init__(self, field: str, max_files: int, hint: str):
        self.field, self.max_files, self.hint = field.encode(), max_files, hint
        self.files: list[bytes | RequestError] = []
        self.has_ended = False
        self._num_parts = 0
        self._begin()

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self._name = self._value = self._disposition = b""
        self._data: list[bytes] | None = None
        self._is_ours = False

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value
        self._name = self._value = b""

    def _headers_finished(self) -> None:
        self._num_parts += 1
        if self._num_parts > MAX_PARTS:
            raise _malformed_error(f"it has more than {MAX_PARTS} parts", self.hint)
        _, options = parse_options_header(self._disposition)
        if b"name" not in options:
            raise _malformed_error(f"part {self._num_parts} has no name", self.hint)
        self._is_ours = options[b"name"] == self.field
        if not self._is_ours:
            return
        if len(self.files) == self.max_files:
            raise RequestError(
                f"the form has more than {self.max_files} files",
                status=413,
                type="too_large",
                hint="send them in several requests",
            )
        if b"filename" in options or _EXTENDED_NAME.search(_QUOTED.sub(b'""', self._disposition)):
            self._data = []

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._data is not None:
            self._data.append(data[start:end])

    def _part_end(self) -> None:
        if self._is_ours:
            self.files.append(self._not_a_file() if self._data is None else b"".join(self._data))
        self._data = None

    def _end(self) -> None:
        self.has_ended = True

    def _not_a_file(self) -> RequestError:
        return RequestError(
            f"part {self._num_parts} of the form, '{self.field.decode()}', is not a file: it has no file name",
            status=422,
            type="bad_field",
            hint=self.hint,
        )


def _malformed_error(reason: str, hint: str) -> RequestError:
    return RequestError(f"the form cannot be read: {reason}", status=400, type="malformed", hint=hint)
