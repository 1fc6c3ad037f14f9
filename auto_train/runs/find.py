"""Which run a user means: its folder, a checkpoint in it, ``latest`` or its name. Reads no checkpoint."""

import os
from dataclasses import dataclass
from pathlib import Path

from loguru import logger

from auto_train.config import Config, load_config
from auto_train.errors import MissingError, UsageError
from auto_train.runs.changes import find_changes, flat
from auto_train.runs.folder import RunFolder
from auto_train.runs.read import RunFiles
from auto_train.types import to_absolute


@dataclass(frozen=True, kw_only=True)
class FoundRun:
    """A run to go on with.

    Attributes:
        folder: where it is.
        checkpoint: from which it goes on; the file may not be there yet.
    """

    folder: RunFolder
    checkpoint: Path

    @property
    def is_last(self) -> bool:
        """Whether it goes on where it ended."""
        return self.checkpoint == self.folder.checkpoints / "last.ckpt"

    @property
    def path(self) -> Path:
        """What names it: the folder, or another checkpoint than the last."""
        return self.folder.path if self.is_last else self.checkpoint


def find_run(name: Path | str, config: Config | Path | str | None = None, *, option: str = "--resume ") -> FoundRun:
    """Return the run of a name.

    Args:
        name: a run folder, a checkpoint in its ``checkpoints``, or what a run is called in its project's ``runs``:
            ``latest`` or the name of its folder.
        config: an INI of that project; none: the one CONFIG names, else the projects below ``./projects``.
        option: what stands before the name on the command line; for hints.

    Raises:
        MissingError: there is no such run.
        UsageError: it is no run, or several are meant.
    """
    path = to_absolute(name)
    if not os.path.exists(path):  # noqa: PTH110 - Path's own raises for a name the system refuses
        if Path(name).name != str(name):
            raise MissingError("there is no such run", where=str(path), hint="name a folder below <location>/runs/")
        path = _find_by_name(str(name), config, option)
    if path.is_file():
        run = _run_of(path, option)
        return FoundRun(folder=run, checkpoint=run.checkpoints / path.name)
    folder = RunFolder.open(path)
    return FoundRun(folder=folder, checkpoint=folder.checkpoints / "last.ckpt")


def _run_of(checkpoint: Path, option: str) -> RunFolder:
    if checkpoint.suffix == ".ini":
        raise UsageError("this is an INI", where=str(checkpoint), hint=f"write --config={checkpoint} {option}latest")
    if checkpoint.parent.name != "checkpoints":
        raise UsageError(
            "this is no checkpoint of a run",
            where=str(checkpoint),
            allowed="<run>/checkpoints/last.ckpt or best.ckpt",
            hint=f"weights alone are a start: training.scheme.resume_training_from={checkpoint}" if option else "",
        )
    return RunFolder.open(checkpoint.parent.parent)


def _find_by_name(name: str, config: Config | Path | str | None, option: str) -> Path:
    """Look a run up in the project of an INI, or else in every project below the working directory."""
    if config or os.environ.get("CONFIG"):
        loaded = config if isinstance(config, Config) else load_config(config)
        runs = to_absolute(loaded.project.location) / "runs"
        hint = f"this is the project of {loaded.path}: train it first, or name the run's folder"
        return _choose_run([runs / name], name, str(runs), option, hint)
    places = [runs / name for runs in sorted(Path.cwd().glob("projects/*/runs"))]
    hint = f"name its INI, --config=INI {option}{name}, or its folder"
    return _choose_run(places, name, str(Path.cwd() / "projects"), option, hint)


def _choose_run(places: list[Path], name: str, where: str, option: str, hint: str) -> Path:
    found = [place for place in places if os.path.isdir(place)]  # noqa: PTH112 - as in find_run
    if len(found) == 1:
        return found[0]
    if not found:
        raise MissingError(f"there is no run '{name}'", where=where, hint=hint)
    found.sort(key=lambda place: place.resolve().name, reverse=True)  # the newest first: names begin with the time
    listed = "".join(f"\n  - {place.relative_to(Path.cwd())}" for place in found)
    raise UsageError(
        f"{len(found)} projects have a run '{name}', the newest first:{listed}",
        where=where,
        hint=f"name one of them: {option}{found[0].relative_to(Path.cwd())}",
    )


def warn_of_edits(found: FoundRun, config: Config) -> None:
    """Warn where an INI says otherwise than the run that goes on: its own config counts, and the overrides."""
    run = load_config(found.folder.path / "config.ini")
    overridden = RunFiles(found.folder.path).json("overrides.json")
    edits = [change for change in find_changes(flat(run), config) if change.key not in overridden]
    if edits:
        values = " ".join(f"{change.key}={change.after}" for change in edits)
        logger.warning(
            f"{config.path} is not what this run was started with; the run's own config counts. To take its values "
            f"over, add: {values}"
        )
