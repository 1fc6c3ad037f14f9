"""Web pages: try the model, follow runs. Rendered by the server; they work without scripts too."""

from fastapi import FastAPI

from auto_train.api.pages import answer, docs, runs, session
from auto_train.api.pages.render import STATIC, Assets


def install(app: FastAPI) -> None:
    """Give an application its pages: ``/``, and everything else below ``/ui``."""
    for routes in (session.router, answer.router, runs.router, docs.router):
        app.include_router(routes)
    app.mount("/ui/static", Assets(directory=STATIC), name="static")
