"""Web pages: try the model, follow runs, start trainings. Rendered here, also without scripts."""

from fastapi import FastAPI

from auto_train.api.pages import answer, docs, jobs, runs, session
from auto_train.api.pages.render import STATIC, Assets


def install(app: FastAPI) -> None:
    """Give an application its pages: ``/``, and everything else below ``/ui``."""
    for routes in (session.router, answer.router, runs.router, jobs.router, docs.router):
        app.include_router(routes)
    app.mount("/ui/static", Assets(directory=STATIC), name="static")
