"""Train the INI of this service in the background."""

from collections.abc import Mapping
from typing import Any

from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, ValidationError

from auto_train import actions
from auto_train.api.access import require_key, require_same_origin
from auto_train.api.body import read_body
from auto_train.api.errors import responses
from auto_train.api.jobs import jobs_of
from auto_train.api.overrides import check_overrides
from auto_train.errors import RequestError
from auto_train.serving.service import Service

MAX_BYTES = 64 * 1024
# Jobs that may be queued or running when another is asked for.
MAX_OPEN = 100


class TrainRequest(BaseModel):
    """What is to be different from the INI."""

    model_config = ConfigDict(extra="forbid")
    overrides: dict[str, Any] = {}


class TrainAnswer(BaseModel):
    """Which job trains; GET /jobs/{id} tells how far it is."""

    message: str
    job: int


router = APIRouter(tags=["train"], dependencies=[Depends(require_key), Depends(require_same_origin)])
_BODY = {"content": {"application/json": {"schema": TrainRequest.model_json_schema()}}}


@router.post("/train", status_code=202, include_in_schema=False)
@router.post(
    "/train/",
    status_code=202,
    responses=responses(400, 401, 403, 409, 413, 421, 422, 429, 503),
    openapi_extra={"requestBody": _BODY},
)
async def train(request: Request) -> TrainAnswer:
    """Train the INI this service was started with, in a process of its own; overrides change values of it."""
    service: Service = request.app.state.service
    wanted = await _read(request)
    return await to_thread.run_sync(start_training, service, wanted.overrides)


async def _read(request: Request) -> TrainRequest:
    """Return the body, of which no more is read than allowed."""
    too_long = RequestError(f"the body is larger than {MAX_BYTES} bytes", status=413, type="too_large")
    body = await read_body(request, too_long, MAX_BYTES)
    try:
        return TrainRequest.model_validate_json(body) if body.strip() else TrainRequest()
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'body'}: {item['msg']}" for item in error.errors())
        hint = 'send {"overrides": {"training.scheme.epochs": 3}}, or nothing'
        raise RequestError(problems, status=422, type="bad_field", hint=hint) from None


def start_training(service: Service, overrides: Mapping[str, Any]) -> TrainAnswer:
    """Start the training of a service's INI in the background.

    Args:
        overrides: values by dotted key, from outside.

    Raises:
        RequestError: 403, one that may not be given from outside; 409, there is no INI.
    """
    config = service.config
    if config.path is None:
        service.require_ready()  # a service that has no model either says why
        raise RequestError(
            "this service was started with a model and has no INI to train",
            status=409,
            type="no_config",
            hint="start it with --config=INI",
        )
    words = check_overrides(config, overrides)
    if sum(not job.is_over for job in jobs_of(service).list(MAX_OPEN)) == MAX_OPEN:
        raise RequestError(
            f"{MAX_OPEN} jobs are queued or running",
            status=429,
            type="queue_full",
            hint="wait for some of them, or stop them: DELETE /jobs/{id}",
            headers={"Retry-After": "60"},
        )
    job = actions.detach(config.path, words, task=config.recipe.name)
    return TrainAnswer(message="Model training has started", job=job.id)
