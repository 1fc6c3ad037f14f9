"""The FastAPI application around one Service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio.to_thread
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from auto_train.api import errors, health, jobs, pages, train, validate
from auto_train.api.edge import HeadAsGet, OwnHosts, Prefix
from auto_train.api.openapi import describe_served
from auto_train.errors import AutoTrainError
from auto_train.serving.service import Service
from auto_train.version import __version__

if TYPE_CHECKING:
    from auto_train.config import Config


def create_app(config: "Config | Path | str | None" = None, *, service: Service | None = None) -> FastAPI:
    """Return the REST service as an ASGI application. It starts without a model too, and then says why it has none.

    Args:
        config: the INI to serve; none: the one CONFIG names.
        service: a model already opened, instead of ``config``.
    """
    service = service or Service.of(config)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if not service.is_ready:
            await anyio.to_thread.run_sync(_try_to_load, service)
        await anyio.to_thread.run_sync(jobs.settle, service)
        yield
        await anyio.to_thread.run_sync(service.close)

    app = FastAPI(title="AutoTrain", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.service = service
    app.include_router(health.router)
    app.include_router(train.router)
    app.include_router(jobs.router)
    app.include_router(validate.router)
    pages.install(app)
    errors.install(app)
    describe_served(app, service)
    if service.cors:
        app.add_middleware(CORSMiddleware, allow_origins=service.cors, allow_methods=["*"], allow_headers=["*"])
    app.add_middleware(HeadAsGet)
    app.add_middleware(Prefix, root_path=service.root_path)
    app.add_middleware(OwnHosts, service=service)  # the last is the first that a request meets
    return app


def _try_to_load(service: Service) -> None:
    try:
        service.load()
    except AutoTrainError as error:
        from loguru import logger

        logger.error("{}", error)
