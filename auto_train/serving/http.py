"""What uvicorn leaves open: how large the headers of a request may be, and how long they may take."""

import asyncio
from typing import Any

# Bytes of a request's line and headers, as h11 and most proxies have it; seconds for all of them to arrive.
MAX_HEADER_BYTES, HEADERS_S = 64 * 1024, 20.0


def http_protocol(*, headers_s: float = HEADERS_S) -> Any:
    """Return uvicorn's HTTP protocol with both limits: its faster one where httptools is installed, else h11's."""
    try:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    except ImportError:
        return "h11"  # which has a limit of size of its own

    class BoundedHeaders(HttpToolsProtocol):
        _in_headers, _header_bytes = True, 0
        _timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._begin_headers()

        def connection_lost(self, exc: Exception | None) -> None:
            self._end_headers()
            super().connection_lost(exc)

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._begin_headers()

        def on_headers_complete(self) -> None:
            self._end_headers()
            super().on_headers_complete()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self._in_headers and not self.transport.is_closing():
                self._header_bytes += len(data)
                if self._header_bytes > MAX_HEADER_BYTES:
                    self.send_400_response(f"The headers are larger than {MAX_HEADER_BYTES} bytes.")

        def _begin_headers(self) -> None:
            self._in_headers, self._header_bytes = True, 0
            if self._timer is None:
                self._timer = self.loop.call_later(headers_s, self.transport.close)

        def _end_headers(self) -> None:
            self._in_headers = False
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    return BoundedHeaders
