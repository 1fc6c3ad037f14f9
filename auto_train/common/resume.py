"""Going on with a run: its checkpoint, what has changed since, whether it still has its data (train --resume)."""

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from torch import nn

from auto_train.common.next_step import command
from auto_train.config import Config, load_config
from auto_train.data import Samples
from auto_train.errors import CheckpointError, DataError, UsageError
from auto_train.files import write_atomically
from auto_train.runs.changes import ABSENT, Change, check_allowed, find_changes, flat
from auto_train.runs.find import FoundRun
from auto_train.runs.folder import RunFolder, environment
from auto_train.runs.read import METRICS, RunFiles, read_events, read_json
from auto_train.runs.tables import read_manifest
from auto_train.training.checkpoints.checkpoint import load_checkpoint
from auto_train.training.checkpoints.settle import settle_checkpoints
from auto_train.training.checkpoints.state import load_weights
from auto_train.training.epoch_log import truncate_after

Row = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Resume:
    """A run about to go on.

    Attributes:
        folder: the run.
        checkpoint: from which it goes on.
        config: with which it goes on.
        state: the checkpoint's content; None: the run was ended before its first one and starts over.
        changes: of the config since the checkpoint, all of them allowed.
        edits: of the config since the run was last started.
        warnings: what may surprise.
    """

    folder: RunFolder
    checkpoint: Path
    config: Config
    state: Mapping[str, Any] | None
    changes: list[Change]
    edits: list[Change]
    warnings: list[str]

    @classmethod
    def of(cls, found: FoundRun, config: Config) -> Self:
        """Open a run with the config it is to go on with; nothing is changed yet.

        Raises:
            UsageError: changes that a run cannot take; a finished run without any.
            CheckpointError: it is damaged, foreign or of a newer version.
        """
        folder = found.folder
        earlier = flat(load_config(folder.path / "config.ini"))
        edits = find_changes(earlier, config)
        check_allowed(edits, folder)
        state = load_checkpoint(found.checkpoint) if found.checkpoint.is_file() else None
        if folder.status == "done" and found.is_last and not edits:
            raise UsageError(
                "this run is finished" + (f": {state['runner']['epoch']} epochs are done" if state else ""),
                where=str(folder.path),
                hint=f"to train on, change something: {command(folder, 'training.scheme.epochs=…')}",
            )
        # A run that was killed between its start with a changed config and the next checkpoint has not trained with it.
        trained = state["plan"].get("config", earlier) if state else earlier
        changes = find_changes(trained, config)
        return cls(
            folder=folder,
            checkpoint=found.checkpoint,
            config=config,
            state=state,
            changes=changes,
            edits=edits,
            warnings=[*_warn_of_moved_paths(folder, config), *_warn_of_other_machine(folder, config)],
        )

    @property
    def keys(self) -> set[str]:
        """The dotted paths of all changed keys."""
        return {change.key for change in self.changes}

    @property
    def summary(self) -> str:
        """One sentence: where the run goes on."""
        if self.state is None:
            return f"Starting {self.folder.shown} over: it was ended before its first checkpoint"
        runner = self.state["runner"]
        steps = f" and {_format_count(runner['iter'], 'batch')} of the next" if runner["iter"] else ""
        best = f"; the best so far is epoch {runner['best_epoch']}" if runner["best_epoch"] else ""
        name = "" if self.checkpoint.name == "last.ckpt" else f" from {self.checkpoint.name}"
        return f"Resuming {self.folder.shown}{name}: {_format_count(runner['epoch'], 'epoch')}{steps} done{best}"

    def check_data(self, samples: Samples) -> None:
        """Pass if the images, their labels and splits are those of the run, in the same order.

        Raises:
            DataError: says how many are not.
        """
        file = self.folder.path / "manifest.csv"
        if not file.is_file():  # ended before it was written: nothing was trained on
            return
        before, now = _rows(read_manifest(file)), _rows(samples.fill_hashes().table)
        if before == now:
            return
        weights = f"training.scheme.resume_training_from={self.folder.checkpoints / 'best.ckpt'}"
        anew = shlex.join(["python", "main.py", "train", f"--config={self.folder.shown}/config.ini", weights])
        raise DataError(
            f"the data is not what this run was trained on: {', '.join(_differences(before, now))}",
            where=str(file),
            hint=f"put the images back as that file lists them, or train anew, from this run's weights: {anew}",
        )

    def check_weights(self, model: nn.Module) -> None:
        """Load the checkpoint's weights, so that those of another model are noticed before anything is written.

        Raises:
            CheckpointError: they do not fit.
        """
        if self.state is None:
            return
        try:
            load_weights(model, self.state["model"])
        except CheckpointError as error:
            error.where = str(self.checkpoint)
            error.hint = error.hint or f"go on from another one of {self.folder.checkpoints}"
            raise

    def commit(self) -> None:
        """Bring the run's files to where it goes on; the config before is kept as ``config.1.ini`` and so on."""
        self.folder.begin()
        self.folder.clean()
        if self.edits:
            self._write_config()
        if self.state is not None:
            settle_checkpoints(self.folder.checkpoints, self.checkpoint, self.state)
        runner = self.state["runner"] if self.state else {"epoch": 0, "iter": 0}
        truncate_after(self.folder.path / METRICS, runner["epoch"])
        changes = [{**vars(change), "effect": change.shown} for change in self.changes]
        self.folder.event(
            "resume",
            checkpoint=self.checkpoint.name if self.state else None,
            epoch=runner["epoch"],
            iter=runner["iter"],
            changes=changes,
        )

    def _write_config(self) -> None:
        path = self.folder.path
        number = 1 + len(list(path.glob("config.*.ini")))
        write_atomically(path / f"config.{number}.ini", (path / "config.ini").read_bytes())
        overrides = RunFiles(path).json("overrides.json")
        gone = {change.key for change in self.edits if change.after == ABSENT}
        new = {change.key: self.config[change.key] for change in self.edits if change.key not in gone}
        kept = {key: value for key, value in overrides.items() if key not in gone}
        self.folder.write_json("overrides.json", kept | new)
        write_atomically(path / "config.ini", self.config.to_ini().encode())


def _warn_of_moved_paths(folder: RunFolder, config: Config) -> list[str]:
    """Return a warning where relative paths of the config start elsewhere now."""
    before, here = _read_last_cwd(folder), str(Path.cwd())
    keys = [key for key in flat(config) if config.explain(key).spec.split(" ")[0] == "path"]
    relative = [key for key in keys if (path := config[key]) and not Path(path).expanduser().is_absolute()]
    if before in (None, here) or not relative:
        return []
    return [f"relative paths start at {here} now, not at {before}: {', '.join(relative)}"]


def _warn_of_other_machine(folder: RunFolder, config: Config) -> list[str]:
    """Return a warning where strict cannot keep its promise: other libraries, another system or processor."""
    before, now = read_json(folder.path / "env.json"), environment()
    if config.training.reproducible != "strict" or not before:
        return []
    before |= before.pop("libraries", {})
    now |= now.pop("libraries")
    found = [f"{name} {before[name]} → {now[name]}" for name in now if name in before and before[name] != now[name]]
    text = "the weights will not be those of an uninterrupted run, bit for bit: this is not where it began"
    return [f"{text}: {', '.join(found)}"] if found else []


def _read_last_cwd(folder: RunFolder) -> str | None:
    return read_events(folder.path).get("start", {}).get("cwd")


def _rows(table: Any) -> list[Row]:
    return list(table[["path", "split", "label", "sha256"]].itertuples(index=False, name=None))


def _differences(before: Sequence[Row], now: Sequence[Row]) -> list[str]:
    """Return how many images differ, and how."""
    old, new = {row[0]: row for row in before}, {row[0]: row for row in now}
    both = [(old[path], new[path]) for path in old.keys() & new.keys()]
    counts = {
        "gone": len(old.keys() - new.keys()),
        "new": len(new.keys() - old.keys()),
        "with other content": sum(a[3] != b[3] for a, b in both),
        "with another label": sum(a[2] != b[2] for a, b in both),
        "in another split": sum(a[1] != b[1] for a, b in both),
    }
    found = [f"{_format_count(count, 'image')} {text}" for text, count in counts.items() if count]
    if not found and Counter(before) != Counter(now):
        found = ["images listed a different number of times"]
    return found or ["the same images in another order"]


def _format_count(count: int, name: str) -> str:
    plural = f"{name}es" if name.endswith("tch") else f"{name}s"
    return f"{count:,} {name if count == 1 else plural}"
