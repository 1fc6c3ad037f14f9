"""The verbs: plain values in, dataclasses out. Nothing here prints or exits; the CLI and the API do that."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auto_train.errors import ConfigError, UsageError, did_you_mean
from auto_train.types import Listener, absolute

if TYPE_CHECKING:
    from auto_train.config import Config
    from auto_train.serving.predictor import Predictor
    from auto_train.training.run_folder import TrainResult


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


def train(
    config: "Config | Path | str | None" = None,
    overrides: Sequence[str] = (),
    *,
    task: str | None = None,
    offline: bool = False,
    progress: Listener | None = None,
) -> "TrainResult":
    """Train the model an INI describes.

    Args:
        config: an INI, or a config already loaded; none: the INI that CONFIG names.
        overrides: ``section.key=value`` each.
        task: the recipe, where the INI names none.
        offline: touch no network.
        progress: told how far it is.

    Raises:
        ConfigError: every problem of the INI. DataError, TrainingError, MissingError, Interrupted: see errors.py.
    """
    loaded = open_config(config, overrides, task=task)
    result: TrainResult = _recipe(loaded, "train").train_model(loaded, offline=offline, progress=progress)
    return result


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
        metrics = _recipe(loaded, "validate").evaluate(loaded, split=split, offline=offline, progress=progress)
        return Validation(metrics=metrics)
    from auto_train.serving.predictor import predictor_of

    predictor = predictor_of(loaded)
    return Validation(answer=predictor(image), warnings=predictor.warnings)


def load(source: Path | str, overrides: Sequence[str] = (), *, trust_code: bool = False) -> "Predictor":
    """Return a trained model as a function of an image.

    Args:
        source: an INI, a run folder, a bundle folder or an exported .onnx file.
        overrides: of the INI.
        trust_code: run Python code that the bundle brings along; an INI's own functions are always trusted.

    Raises:
        MissingError: nothing there, or nothing trained yet. BundleError: incomplete or altered.
    """
    from auto_train.bundle.find import find_at
    from auto_train.serving.predictor import open_predictor, predictor_of

    if absolute(source).suffix == ".ini":
        return predictor_of(open_config(source, overrides))
    return open_predictor(find_at(source), trust_code=trust_code)


def serve(
    config: "Config | Path | str | None" = None,
    overrides: Sequence[str] = (),
    *,
    model: Path | str | None = None,
    host: str | None = None,
    port: int | None = None,
    task: str | None = None,
    trust_code: bool = False,
    on_ready: Callable[[str, "Predictor"], None] | None = None,
) -> None:
    """Answer predictions over REST until SIGINT or SIGTERM.

    Args:
        config, overrides, task: as in :func:`train`; ``[serve]`` holds address and limits.
        model: a run folder, bundle folder or .onnx file to serve instead of what an INI trained; ``[serve]`` is then
            the default.
        host, port: instead of those in ``[serve]``; port 0 takes a free one.
        trust_code: run Python code that the bundle brings along.
        on_ready: called with the URL and the model once requests are answered.

    Raises:
        ServingError: the port is in use or not ours to open.
    """
    from auto_train.bundle.find import find_at
    from auto_train.config import default_config
    from auto_train.serving.predictor import open_predictor, predictor_of
    from auto_train.serving.server import bind, run
    from auto_train.serving.service import Service

    if model is None:
        loaded = open_config(config, overrides, task=task)
        opened = partial(predictor_of, loaded)
    else:
        loaded = default_config(overrides=overrides)
        pixels = int(loaded.serve.max_megapixels * 1e6)
        opened = partial(open_predictor, find_at(model), trust_code=trust_code, max_pixels=pixels)
    with bind(host or loaded.serve.host, loaded.serve.port if port is None else port) as listener:
        service = Service(loaded, opened)
        predictor = service.load()
        run(service, listener, on_ready=lambda url: on_ready(url, predictor) if on_ready else None)


def open_config(
    config: "Config | Path | str | None", overrides: Sequence[str] = (), *, task: str | None = None
) -> "Config":
    """Load an INI and check that its recipe is the one asked for.

    Raises:
        UsageError: an unknown task, or one that contradicts the INI; overrides of a config already loaded.
    """
    from auto_train.config import Config, load_config

    names = _recipe_names()
    if task is not None and task not in names:
        raise UsageError(f"there is no recipe '{task}'", where="--task", allowed=did_you_mean(task, names))
    if isinstance(config, Config):
        if overrides:
            raise UsageError("a config already loaded takes no overrides", hint="give them to load_config")
        loaded = config
    else:
        added = [f"project.type={task}"] if task and not _says_type(config, overrides) else []
        loaded = load_config(config, [*overrides, *added])
    if task in (None, loaded.project.type):
        return loaded
    raise UsageError(
        f"--task={task} contradicts project.type = {loaded.project.type}",
        where=str(loaded.origin("project.type")),
        hint="leave --task out, or change the INI",
    )


def _says_type(config: Path | str | None, overrides: Sequence[str]) -> bool:
    """Tell whether the INI, one of its bases or an override sets project.type: its defaults depend on it."""
    from auto_train.config.read import override_layer, project_type, read_layers

    path = config or os.environ.get("CONFIG")
    layers = read_layers(Path(path), "ini")[0] if path else []
    return project_type([*layers, override_layer(overrides)[0]]) is not None


def _recipe_names() -> list[str]:
    from auto_train.registry import recipes

    return sorted(recipes())


def _recipe(config: "Config", module: str) -> Any:
    """Import one file of the config's recipe; a recipe is found by name, never imported by one above it."""
    from auto_train.registry import recipes

    known = recipes()
    name = config.project.type
    if name not in known:
        raise ConfigError([f"[project] type: there is no recipe '{name}' ({did_you_mean(name, sorted(known))})"])
    return import_module(f"{known[name].package}.{module}")
