"""Predict many images: answers as they come, into a table, and drawn."""

import itertools
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auto_train.data.parallel import create_pool, map_in_order
from auto_train.errors import AutoTrainError, DataError, UsageError
from auto_train.serving.batch.inputs import Input
from auto_train.serving.batch.rows import ERROR, PATH, PartFile, check_output, row_of, write_table
from auto_train.serving.predictor import Predictor
from auto_train.types import Listener, Progress

if TYPE_CHECKING:
    import numpy as np

# Images that may be decoded and waiting.
AHEAD = 8
QUALITY = 92

# An image and its answer, or why it has none.
OnAnswer = Callable[[Input, Any], None]


@dataclass(frozen=True, kw_only=True)
class BatchResult:
    """What became of many images.

    Attributes:
        images: how many.
        failed: those without an answer.
        before: those whose answers an interrupted prediction had left.
        output: the table; None: none was asked for.
        pictures: the folder of the annotated pictures; None: none were asked for.
        first_error: of the images that failed; "" where none did.
        warnings: what the user should know.
    """

    images: int
    failed: int
    before: int = 0
    output: Path | None = None
    pictures: Path | None = None
    first_error: str = ""
    warnings: tuple[str, ...] = ()


def predict_all(
    predictor: Predictor,
    images: Sequence[Input],
    *,
    output: Path | None = None,
    pictures: Path | None = None,
    force: bool = False,
    on_answer: OnAnswer | None = None,
    progress: Listener | None = None,
) -> BatchResult:
    """Answer images in their order; one that fails is counted, and its error stands in its row.

    Args:
        output: .csv, .jsonl or .parquet. What an interrupted prediction of the same model had answered is not asked
            for again.
        pictures: folder for the images with their answers drawn on them, as JPEG.
        force: replace files that are there.
        on_answer: told each answer, or the AutoTrainError in its place.
        progress: told how far it is.

    Raises:
        UsageError: files are there already, or cannot be written. DataError: not one image could be answered.
    """
    part = None
    if output:
        check_output(output, force=force)
        part = PartFile.beside(output, _identity(predictor))
    todo = [image for image in images if part is None or image.name not in part.places]
    before = len(images) - len(todo)
    targets = _targets(images, pictures, may_replace=force or before > 0) if pictures else {}
    errors: list[str] = []
    with closing(part) if part else nullcontext(), create_pool("predict") as pool:
        answers = map_in_order(pool, partial(_answer, predictor, targets), todo, ahead=AHEAD)
        for done, (image, answer) in enumerate(zip(todo, answers, strict=True), before + 1):
            is_error = isinstance(answer, AutoTrainError)
            if is_error:
                errors.append(f"{image.name}: {answer.message}")
            if part:
                part.add({PATH: image.name, ERROR: answer.message} if is_error else row_of(image.name, answer))
            if on_answer:
                on_answer(image, answer)
            if progress:
                progress(Progress(stage="predict", done=done, total=len(images)))
    if part and output:
        write_table(part, [image.name for image in images], output)
        part.remove()
    if len(errors) == len(images):
        raise DataError(f"not one of {len(images):,} images could be answered; the first: {errors[0]}")
    return BatchResult(
        images=len(images),
        failed=len(errors),
        before=before,
        output=output,
        pictures=pictures,
        first_error=next(iter(errors), ""),
        warnings=predictor.warnings,
    )


def _answer(predictor: Predictor, targets: dict[Path, Path], image: Input) -> Any:
    """Return the answer to an image, after it was drawn where a picture is wanted; or why there is none."""
    try:
        if image.path not in targets:
            return predictor(image.path)
        picture = predictor.picture(image.path)
    except AutoTrainError as error:
        return error
    _save(picture.with_words(), targets[image.path])
    return picture.answer


def _save(pixels: "np.ndarray", path: Path) -> None:
    from PIL import Image

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(
            path, "JPEG", quality=QUALITY, subsampling=0
        )  # lines of one pixel keep their colour
    except OSError as error:
        raise UsageError(f"the picture cannot be written: {error.strerror or error}", where=str(path)) from error


def _targets(images: Sequence[Input], folder: Path, *, may_replace: bool) -> dict[Path, Path]:
    """Return the file of each image's picture; no two are the same.

    Raises:
        UsageError: one is an image to predict, or is there already.
    """
    found: dict[Path, Path] = {}
    taken: set[Path] = set()
    sources = {image.path for image in images}
    for image in images:
        plain = folder / image.inside.with_suffix(".jpg")
        names = (plain if n == 1 else plain.with_stem(f"{plain.stem}-{n}") for n in itertools.count(1))
        target = next(name for name in names if name not in taken)
        if target in sources:
            raise UsageError(
                "the picture would replace an image", where=str(target), hint="name another folder: --draw"
            )
        if target.exists() and not may_replace:
            hint = "name another folder, or replace them with --force"
            raise UsageError("the picture is there already", where=str(target), hint=hint)
        taken.add(target)
        found[image.path] = target
    return found


def _identity(predictor: Predictor) -> dict[str, Any]:
    """Return what tells one model from another."""
    model = predictor.model
    named = {"task": model.task, "name": model.name, "labels": model.labels, "facts": model.facts}
    return {**named, "weights": model.weights_sha256, "bundle": predictor.bundle}
