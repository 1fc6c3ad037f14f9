"""Probes: is the process alive, is the model ready."""

from fastapi import APIRouter, Request

from auto_train.api.errors import responses

router = APIRouter(tags=["health"])


@router.get("/livez")
async def livez() -> dict[str, str]:
    """Answer as long as the process does."""
    return {"status": "alive"}


@router.get("/readyz", responses=responses(503))
async def readyz(request: Request) -> dict[str, str]:
    """Answer 200 once predictions are possible, 503 with the reason before."""
    model = request.app.state.service.predictor.model
    return {"status": "ready", "model": model.name, "task": model.task, "engine": model.engine}
