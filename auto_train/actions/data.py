"""Look at data."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.actions.config import open_config
from auto_train.errors import UsageError
from auto_train.types import Listener

if TYPE_CHECKING:
    from auto_train.actions.data_check import DataCheck
    from auto_train.actions.data_preview import Preview
    from auto_train.config import Config
    from auto_train.data.convert import Conversion
    from auto_train.proposal.write import NewConfig


def check_data(
    config: "Config | Path | str | None" = None,
    overrides: Sequence[str] = (),
    *,
    exclude: Path | str | None = None,
    task: str | None = None,
    offline: bool = False,
    progress: Listener | None = None,
) -> "DataCheck":
    """Examine the data of an INI as every training does, and write data_report.html and .json into its project folder.

    Args:
        exclude: file to write, with the images to leave out so that nothing broken and no copy is left.

    Raises:
        DataError: no data that could be examined. MissingError: there is none. UsageError: a file cannot be written.
    """
    from auto_train.actions.data_check import check_data

    return check_data(open_config(config, overrides, task=task), exclude, offline=offline, listener=progress)


def preview(
    config: "Config | Path | str | None" = None,
    overrides: Sequence[str] = (),
    *,
    output: Path | str,
    count: int = 16,
    task: str | None = None,
    offline: bool = False,
    progress: Listener | None = None,
) -> "Preview":
    """Draw training samples as the network gets them: augmented, in its size, with boxes, masks and labels.

    Args:
        output: a .png, .jpg or .webp file.
        count: images on the sheet, 100 at most; as many as there are.

    Raises:
        UsageError: the file cannot be written. DataError, MissingError: of the data.
    """
    from auto_train.actions.data_preview import check_output, preview
    from auto_train.types import to_absolute

    loaded = open_config(config, overrides, task=task)
    check_output(to_absolute(output), count)
    recipe = getattr(import_module(f"{loaded.recipe.package}.model"), loaded.recipe.model_name)
    return preview(loaded, recipe, output, count=count, offline=offline, listener=progress)


def convert_data(
    to: str,
    output: Path | str,
    config: "Config | Path | str | None" = None,
    overrides: Sequence[str] = (),
    *,
    data: Path | str | None = None,
    copy: bool = False,
    task: str | None = None,
    offline: bool = False,
    progress: Listener | None = None,
) -> "Conversion":
    """Write data in another format into a new folder; the splits that the data gives are kept, none is drawn.

    Args:
        to: coco, csv, masks, voc or yolo.
        output: the new folder.
        config, overrides: whose data it is.
        data: a folder or a table in place of an INI's data; what it holds is found out.
        copy: copy the images; else they are hard links where that is possible.
        task: the recipe whose annotations are meant, where there are several.

    Raises:
        UsageError: the folder is not empty, the format does not hold such annotations, both an INI and data are named.
        DataError: no data that can be read. MissingError: there is none.
    """
    from auto_train.actions.data_convert import convert_data

    if data is None:
        config = open_config(config, overrides, task=task)
    elif config is not None or overrides:
        raise UsageError("an INI and data are both named", where="--data", hint="leave one of them out")
    return convert_data(to, output, config, data, copy=copy, task=task, offline=offline, listener=progress)


def init_config(
    data: Path | str,
    output: Path | None = None,
    *,
    task: str | None = None,
    force: bool = False,
    offline: bool = False,
) -> "NewConfig":
    """Look at data and machine, and write an INI that trains as it is.

    Args:
        data: a folder, or a table of labels.
        output: the INI; none: named after the folder, in the working directory.
        task: the recipe; none: the one for what the images are annotated with.
        force: replace an INI that is there.
        offline: touch no network.

    Raises:
        UsageError: the INI is there already, or cannot be written. DataError: no data that can be trained on.
    """
    from auto_train.data.inspect.facts import collect_facts
    from auto_train.data.inspect.recognise import recognise
    from auto_train.proposal.target import TASKS, data_choices, target, target_of
    from auto_train.registry import recipe

    named = recipe(task) if task else None
    name, path = target(data, output, force=force)
    found = recognise(data, target_of(named) if named else None)
    chosen = named or recipe(TASKS[found.target])
    facts = collect_facts(found.samples)
    choices = data_choices(data, found, name=name, task=chosen.name)
    from auto_train.proposal.write import write_config  # loads torch, which mistakes above need not wait for

    model = getattr(import_module(f"{chosen.package}.model"), chosen.model_name)
    return write_config(path, found, facts, choices, propose=model.propose, force=force, offline=offline)
