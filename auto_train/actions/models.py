"""Use a trained model: measure it, load it, serve it."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auto_train.actions.config import open_config, recipe_module
from auto_train.errors import UsageError
from auto_train.types import Listener, to_absolute

if TYPE_CHECKING:
    from auto_train.config import Config
    from auto_train.serving.predictor import Predictor


@dataclass(frozen=True, kw_only=True)
class Validation:
    """What ``validate`` found: the answer for one image, or the metrics of a split.

    Args:
        answer: of the image, after ``testing.postprocess``; none: a split was measured.
        metrics: by metric name, e.g. ``valid/accuracy``; empty: an image was predicted.
        warnings: what the user should know.
    """

    answer: Any = None
    metrics: dict[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def validate(
    config: "Config | Path | str | None" = None,
    overrides: Sequence[str] = (),
    *,
    image: Path | str | None = None,
    split: str = "valid",
    task: str | None = None,
    offline: bool = False,
    progress: Listener | None = None,
) -> Validation:
    """Predict one image with what the INI trained, or measure it on a split.

    Args:
        config, overrides, task, offline, progress: as in :func:`train`.
        image: file to predict; none: measure.
        split: ``valid`` or ``test``.

    Raises:
        MissingError: nothing was trained yet. ImageError: no image we decode.
    """
    loaded = open_config(config, overrides, task=task)
    if image is None:
        if offline:
            from auto_train.actions.offline import require_for_evaluation

            require_for_evaluation(loaded)
        metrics = recipe_module(loaded, "validate").evaluate(loaded, split=split, offline=offline, progress=progress)
        return Validation(metrics=metrics, warnings=metrics.warnings)
    from auto_train.serving.predictor import get_predictor

    predictor = get_predictor(loaded)
    return Validation(answer=predictor(image), warnings=predictor.warnings)


def load(source: Path | str, overrides: Sequence[str] = (), *, trust_code: bool = False) -> "Predictor":
    """Return a trained model as a function of an image.

    Args:
        source: an INI, a run folder, a bundle folder or an exported .onnx file.
        overrides: of the INI.
        trust_code: run Python code that the bundle brings along; an INI's own functions are always trusted.

    Raises:
        MissingError: nothing there, or nothing trained yet. BundleError: incomplete or altered.
        UsageError: overrides without an INI.
    """
    from auto_train.bundle.find import find_at
    from auto_train.serving.predictor import get_predictor, open_predictor

    if to_absolute(source).suffix == ".ini":
        return get_predictor(open_config(source, overrides))
    if overrides:
        raise UsageError(
            f"the model at '{source}' takes no overrides: {', '.join(overrides)}", hint="name the INI that trained it"
        )
    return open_predictor(find_at(source), trust_code=trust_code)


def serve(
    config: "Config | Path | str | None" = None,
    overrides: Sequence[str] = (),
    *,
    model: Path | str | None = None,
    host: str | None = None,
    port: int | None = None,
    root_path: str | None = None,
    task: str | None = None,
    trust_code: bool = False,
    on_ready: Callable[[str, "Predictor"], None] | None = None,
) -> bool:
    """Answer predictions over REST until SIGINT or SIGTERM.

    Args:
        config, overrides, task: as in :func:`train`; ``[serve]`` holds address and limits.
        model: a run folder, bundle folder or .onnx file to serve instead of what an INI trained; of an INI, if one is
            given, only ``[serve]`` counts then.
        host, port, root_path: instead of those in ``[serve]``; port 0 takes a free one.
        trust_code: run Python code that the bundle brings along.
        on_ready: called with the URL and the model once requests are answered.

    Returns:
        Whether nothing runs any more. A thread that still decodes an image or asks the model ends with the process.

    Raises:
        ServingError: the port is in use or not ours to open.
    """
    from auto_train.bundle.find import resolve_link
    from auto_train.serving.predictor import get_predictor, open_named
    from auto_train.serving.server import bind, run
    from auto_train.serving.service import Service

    if model is None:
        loaded = open_config(config, overrides, task=task)
        opened = partial(get_predictor, loaded)
    else:
        loaded = _find_config(config, overrides, task=task)
        model = resolve_link(model)
        opened = partial(open_named, model, loaded, trust_code=trust_code)
    with bind(host or loaded.serve.host, loaded.serve.port if port is None else port) as listener:
        location = _project_around(model)
        service = Service(loaded, opened, location=location, host=host, root_path=root_path)
        predictor = service.load()
        return run(service, listener, on_ready=lambda url: on_ready(url, predictor) if on_ready else None)


def _find_config(config: "Config | Path | str | None", overrides: Sequence[str], *, task: str | None) -> "Config":
    """Return the config whose ``[serve]`` counts for a model named by path: the INI's, else the defaults."""
    from auto_train.config import default_config
    from auto_train.config.load import DEFAULT_TASK

    if not (config or os.environ.get("CONFIG")):
        return default_config(task or DEFAULT_TASK, overrides)
    return open_config(config, overrides, task=task)


def _project_around(model: Path | str | None) -> Path | None:
    """Return the project folder whose run a model named by path is, if it is one's."""
    parents = to_absolute(model).parents if model else ()
    return next((at.parent for at in parents if at.name == "runs"), None)
