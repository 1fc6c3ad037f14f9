"""`serve`: a trained model as a REST service, until Ctrl-C or SIGTERM."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from auto_train.cli.options import ConfigPath, Debug, Json, OfflineAnyway, Overrides, Task, TrustCode
from auto_train.cli.overrides import OverridesCommand

if TYPE_CHECKING:
    from auto_train.serving.predictor import Predictor

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(cls=OverridesCommand)
def serve(
    overrides: Overrides = None,
    config: ConfigPath = None,
    model: Annotated[
        Path | None,
        typer.Option(help="Serve this run folder, bundle folder or .onnx file; of an INI only [serve] counts then."),
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: [serve] host.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0: a free one. Default: [serve] port.")
    ] = None,
    root_path: Annotated[
        str | None,
        typer.Option(help="Path prefix under which a reverse proxy publishes it. Default: [serve] root_path."),
    ] = None,
    task: Task = None,
    trust_code: TrustCode = False,
    offline: OfflineAnyway = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Answer predictions over REST: POST an image as multipart field img to /validate/."""
    from auto_train import actions
    from auto_train.cli.output import emit, warn
    from auto_train.cli.progress import Console, log_warnings_to

    log_warnings_to(Console().warn)

    def ready(url: str, predictor: "Predictor") -> None:
        facts = predictor.model
        warn(predictor.warnings, as_json=as_json)
        if as_json:
            emit("serving", url=url, model=facts.name, task=facts.task, engine=facts.engine)
        else:
            typer.echo(
                f"serving {facts.name} ({facts.task}, {facts.engine}) at {url}\n  curl -F img=@IMAGE {url}/validate/"
            )

    has_ended = actions.serve(
        config,
        overrides or (),
        model=model,
        host=host,
        port=port,
        root_path=root_path,
        task=task,
        trust_code=trust_code,
        on_ready=ready,
    )
    if not has_ended:
        sys.stdout.flush()
        os._exit(0)  # a thread is in C code still: the libraries it uses must not be taken down around it
