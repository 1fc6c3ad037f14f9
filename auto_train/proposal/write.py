"""From a folder to an INI: look at the data and the machine, let the recipe choose, write what it chose and why."""

import shlex
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from auto_train.config import lint_config
from auto_train.data.inspect.facts import Facts
from auto_train.data.inspect.recognise import Recognition
from auto_train.errors import UsageError
from auto_train.proposal.backbone import LARGE, SMALL, Weights, choose_starting_weights
from auto_train.proposal.choice import Choice
from auto_train.proposal.ini import render
from auto_train.proposal.machine import Machine, inspect_machine
from auto_train.proposal.target import list_other_tasks
from auto_train.types import to_absolute

SHOWN_CLASSES = 10
Propose = Callable[[Facts, Machine, Weights], list[Choice]]


@dataclass(frozen=True, kw_only=True)
class NewConfig:
    """What `init` has understood, chosen and written.

    Attributes:
        path: the INI.
        folder, format: where the data begins, and the name of its reader.
        target, task: kind of the annotations, and the recipe for it.
        splits: number of images by split, "" where the data gives none.
        labels: class names; of numbers those of their columns.
        width, height: of the usual image, pixels.
        machine: what was seen of this machine.
        choices: every line of the INI with its reason.
        notes, warnings: how the data was found; what the user should know.
        next: the command that tries the INI.
    """

    path: Path
    folder: Path
    format: str
    target: str
    task: str
    splits: dict[str, int]
    labels: list[str]
    width: int
    height: int
    machine: Machine
    choices: tuple[Choice, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    next: str


def write_config(
    path: Path,
    found: Recognition,
    facts: Facts,
    choices: Sequence[Choice],
    *,
    propose: Propose,
    force: bool = False,
    offline: bool = False,
) -> NewConfig:
    """Write an INI.

    Args:
        path: the INI.
        found, facts: the data and what it is like.
        choices: that tell where it is.
        propose: the recipe's, which makes the others.
        force: replace the INI if it is there.
        offline: touch no network.

    Raises:
        UsageError: the INI cannot be written.
    """
    machine = inspect_machine()
    weights = choose_starting_weights(LARGE if machine.gpu else SMALL, offline=offline)
    choices = _agreeing([*choices, *propose(facts, machine, weights)])
    _write(render(_title(found, facts, machine), choices), path, force=force)
    return NewConfig(
        path=path,
        folder=found.folder,
        format=found.format,
        target=found.target,
        task=next(choice.value for choice in choices if choice.key == "project.type"),
        splits=facts.splits,
        labels=found.samples.labels,
        width=facts.width,
        height=facts.height,
        machine=machine,
        choices=tuple(choices),
        notes=(*found.notes, *list_other_tasks(found)),
        warnings=(*found.samples.warnings, *_warnings(facts, weights)),
        next=shlex.join(["python", "main.py", "train", f"--config={path}"]),
    )


def _agreeing(choices: Sequence[Choice]) -> Sequence[Choice]:
    """Return the choices without a number of epochs where a time budget plans them."""
    has_budget = any(choice.key == "training.minutes" for choice in choices)
    return [choice for choice in choices if not (has_budget and choice.key == "training.scheme.epochs")]


def _title(found: Recognition, facts: Facts, machine: Machine) -> list[str]:
    labels = found.samples.labels
    names = ", ".join(labels[:SHOWN_CLASSES]) + (", …" if len(labels) > SHOWN_CLASSES else "")
    splits = ", ".join(f"{count:,} {split or 'in no split'}" for split, count in facts.splits.items())
    noun = "columns" if found.target == "values" else "classes"
    return [
        f"{found.folder}: {splits}; {len(labels)} {noun}: {names}.",
        f"For a machine of {machine}. Written by `init`: every line says why it is there and may be changed.",
        "What is not there has its default: `config explain KEY` tells it.",
    ]


def _warnings(facts: Facts, weights: Weights) -> list[str]:
    found = []
    if facts.broken:
        found.append(
            f"{len(facts.broken)} of {facts.looked_at} images looked at cannot be read; training will stop "
            f"until all that are like that are replaced or excluded: {facts.broken[0]}"
        )
    if not weights.model:
        found.append(
            "no pretrained weights are to be had, so training starts from random ones. Put a file of timm's "
            f"weights into a folder named in AUTO_TRAIN_MIRROR and run init again. Tried: {weights.why}"
        )
    if facts.num_train < 10 * len(facts.classes):
        found.append(f"{facts.num_train} training images of {len(facts.classes)} classes are few: do not expect much")
    return found


def _write(text: str, path: Path, *, force: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="auto-train-") as folder:
        trial = Path(folder) / "config.ini"
        trial.write_text(text, encoding="utf-8")
        problems = lint_config(trial)
        assert not problems, "\n".join(map(str, problems))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=str(to_absolute(path))) from error
