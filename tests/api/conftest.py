"""The colours model behind a real uvicorn on loopback."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from auto_train.api import create_app
from auto_train.bundle.find import find_at
from auto_train.config import default_config
from auto_train.serving.predictor import open_predictor
from auto_train.serving.service import Service

Serving = Callable[..., Any]


@contextmanager
def running(config: uvicorn.Config) -> Iterator[tuple[str, int]]:
    """Yield host and port of a server that runs in a thread."""
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def listening(app: FastAPI) -> Iterator[httpx.Client]:
    """Yield a client of the app, which runs under uvicorn on a free port."""
    config = uvicorn.Config(app, port=0, log_level="critical", timeout_graceful_shutdown=2)
    with running(config) as (host, port), httpx.Client(base_url=f"http://{host}:{port}", timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def serving(colours: Path) -> Serving:
    """Return ``serving(*overrides, postprocess=None)``, a context that gives a client of the colours model."""

    def serve(*overrides: str, postprocess: Callable[[dict[str, Any]], Any] | None = None) -> Any:
        config = default_config(overrides=overrides)
        pixels = int(config.serve.max_megapixels * 1e6)
        load = partial(open_predictor, find_at(colours), postprocess=postprocess, max_pixels=pixels)
        return listening(create_app(service=Service(config, load)))

    return serve


@pytest.fixture(scope="session")
def client(serving: Serving) -> Iterator[httpx.Client]:
    """Return a client of the model under the default limits."""
    with serving() as client:
        yield client
