"""The listening socket and uvicorn around the REST service, which is named by an import string."""

import math
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from auto_train.errors import ServingError
from auto_train.serving.http import http_protocol

if TYPE_CHECKING:
    from auto_train.serving.service import Service

APP = "auto_train.api:create_app"
SHUTDOWN_S = 10  # requests that run on when the service is told to stop


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket, before anything slow is done. Requests wait in its backlog until the model is there.

    Args:
        port: 0 takes a free one.

    Raises:
        ServingError: the address is in use, not of this machine, or not ours to open.
    """
    listener = None
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
        return listener
    except OSError as error:
        if listener is not None:
            listener.close()
        raise ServingError(
            f"cannot listen on {host}:{port}: {str(error.strerror).lower()}",
            where="[serve] host, port",
            hint=f"stop what uses it, or take another port: --port={port % 65_535 + 1}",
        ) from error


def run(service: "Service", listener: socket.socket, *, on_ready: Callable[[str], None]) -> bool:
    """Serve until SIGINT or SIGTERM, then finish the requests that run, as far as that takes a few seconds.

    Returns:
        Whether nothing runs any more. Decoding an image is C code, which cannot be interrupted.

    Args:
        on_ready: called with the URL once requests are answered.
    """
    import uvicorn
    from uvicorn.importer import import_from_string

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            if self.started:
                on_ready(_url(listener))

    app = partial(import_from_string(APP), service=service)
    config = uvicorn.Config(
        app,
        factory=True,
        http=http_protocol(),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=math.ceil(min(SHUTDOWN_S, service.deadline_s)),
        ws="none",  # there is nothing to talk about
    )
    with suppress(KeyboardInterrupt):  # uvicorn raises the signal again after a clean end
        Server(config).run(sockets=[listener])
    return service.close()


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
