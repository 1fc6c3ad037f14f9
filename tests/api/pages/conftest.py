"""The colours model with pages around it, over a project whose runs a test makes."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from auto_train.api import create_app
from auto_train.bundle.find import find_at
from auto_train.config import default_config
from auto_train.serving.predictor import open_predictor
from auto_train.serving.service import Service
from tests.api.conftest import listening
from tests.made_runs import make_run, row
from tests.serving.tiny import export

Pages = Callable[..., AbstractContextManager[httpx.Client]]

EVIL = "<img src=x onerror=alert(1)>'\"&"


@pytest.fixture(scope="session")
def pages(colours: Path) -> Pages:
    """Return ``pages(location, *overrides, model=None)``, a context that gives a client of the service."""

    def serve(location: Path, *overrides: str, model: Path = colours, **options: Any) -> Any:
        config = default_config(overrides=[f"project.location={location}", *overrides])
        load = partial(open_predictor, find_at(model), **options)
        return listening(create_app(service=Service(config, load)))

    return serve


@pytest.fixture(scope="session")
def odd_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the colours model under names that are HTML, and longer than a window is wide."""
    labels = [EVIL + "x" * 250, "green" * 40, "blue"]
    path = tmp_path_factory.mktemp("odd") / "model.onnx"
    return export(path, model=EVIL + "x" * 250, labels=json.dumps(labels))


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project with a finished run; its reports are those of a training, as far as the pages are concerned."""
    location = tmp_path_factory.mktemp("project")
    rows = [row(n) for n in range(1, 9)]
    run = make_run(location, rows=rows, final={"valid/accuracy": 0.85, "valid/f1_macro": 0.8}, log="Best epoch: 8\n")
    (run / "report.html").write_text("<!doctype html><style>p{color:red}</style><p>the report</p><script>1</script>")
    return location


@pytest.fixture(scope="session")
def site(pages: Pages, project: Path) -> Iterator[httpx.Client]:
    """Return a client of a service over that project."""
    with pages(project) as client:
        yield client


def address(client: httpx.Client) -> str:
    """Return where a client's service is, without a slash at the end."""
    return str(client.base_url).rstrip("/")
