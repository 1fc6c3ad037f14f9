"""Predict many images with a trained model."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auto_train.actions.models import load
from auto_train.types import Listener, to_absolute

if TYPE_CHECKING:
    from auto_train.serving.batch import BatchResult, Input


def predict(
    model: Path | str,
    inputs: Sequence[Path | str],
    *,
    output: Path | str | None = None,
    draw: Path | str | None = None,
    force: bool = False,
    trust_code: bool = False,
    on_answer: "Callable[[Input, Any], None] | None" = None,
    progress: Listener | None = None,
) -> "BatchResult":
    """Predict images, each with its answer or its error in a row of a table.

    Args:
        model: an INI, a run folder, a bundle folder or an exported .onnx file.
        inputs: files, folders, archives (.zip, .tgz, …), patterns such as ``photos/*.jpg``, or tables of paths (.csv,
            .parquet, .txt).
        output: a .csv, .jsonl or .parquet file. After an interruption the same call goes on where it was.
        draw: folder for the images with their answers drawn on them.
        force: replace files that are there.
        trust_code: run Python code that the bundle brings along.
        on_answer: told each answer, or the AutoTrainError in its place.
        progress: told how far it is.

    Raises:
        MissingError: no such model or input. UsageError: files are there already, or cannot be written.
        DataError: nothing to predict, or not one image could be answered. BundleError: incomplete or altered.
    """
    from auto_train.serving.batch import check_output, find_inputs, predict_all

    predictor, table = load(model, trust_code=trust_code), to_absolute(output) if output else None
    if table:
        check_output(table, force=force)  # before large archives are unpacked
    with tempfile.TemporaryDirectory(prefix="auto-train-") as unpacked:
        return predict_all(
            predictor,
            find_inputs(inputs, Path(unpacked)),
            output=table,
            pictures=to_absolute(draw) if draw else None,
            force=force,
            on_answer=on_answer,
            progress=progress,
        )
