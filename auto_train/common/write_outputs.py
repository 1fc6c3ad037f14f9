"""What leaves a run: the weights at output_path with the record that names their bundle, and the checked export."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.bundle.filelist import sha256_of
from auto_train.common.evaluation import load_some_images
from auto_train.errors import GateError, UsageError
from auto_train.exports import converter
from auto_train.exports.check import check_export
from auto_train.files import write_atomically, write_file
from auto_train.locks import hold
from auto_train.models.inference import InferenceModel
from auto_train.models.state_dict import save_torch_model_weights_from
from auto_train.runs.folder import RunFolder
from auto_train.types import to_absolute

if TYPE_CHECKING:
    from auto_train.common.task import Task

EXPORT_CHECK_IMAGES = 32


def check_output_path(path: Path) -> None:
    """Find out now, not after hours, that the weights can go nowhere.

    Raises:
        UsageError: it is a folder, or its folder cannot be made.
    """
    where = "[training.scheme] output_path"
    if path.is_dir():
        raise UsageError(f"'{path}' is a folder", where=where, allowed="a file", hint=f"for example: {path}/model.pth")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"the folder of '{path}' cannot be made: {error.strerror}", where=where) from error


def save_weights(folder: RunFolder, task: "Task") -> None:
    """Write output_path and its record together, also when two trainings of a project end at once."""
    path = to_absolute(task.config.training.scheme.output_path)
    with hold(path.with_name(f".{path.name}.lock"), wait_s=-1):
        save_torch_model_weights_from(task.model, path)
        record = {"sha256": sha256_of(path), "run": str(folder.path), "bundle": str(folder.bundle)}
        write_atomically(Path(f"{path}.json"), (json.dumps(record, indent=2) + "\n").encode())


def write_export(folder: RunFolder, task: "Task", inference: InferenceModel, format: str) -> None:
    """Write an export of a run's bundle.

    Raises:
        GateError: it answers otherwise than the model; an event says so too.
        MissingError: a library of the format is not installed.
    """
    export = converter(format)
    images = load_some_images(task.samples.of("valid"), EXPORT_CHECK_IMAGES)
    weights_sha256 = sha256_of(folder.bundle / "model" / inference.__weight__)
    limit = task.config.export.max_difference
    # Only what has passed gets the name under which a server looks for it.
    with write_file(folder.path / "exports" / format / f"model{export.SUFFIX}") as part:
        export.convert(inference, part, weights_sha256=weights_sha256)
        try:
            worst = check_export(inference, export.open_export(part), images, limit=limit, where=str(part))
        except GateError as error:
            folder.event("export_refused", format=format, error=str(error))
            raise
    folder.event("export", format=format, max_difference=worst, images=len(images))
