"""From a folder, a file or a source to Samples, by the reader that its format asks for."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from auto_train.data.samples import Samples, without
from auto_train.errors import DataError, format_list
from auto_train.types import normalise_text, to_absolute

if TYPE_CHECKING:
    from auto_train.data.fetch.source import Source
    from auto_train.data.readers import Options


def read_samples(
    source: "Source | Path | str",
    format: str = "auto",
    *,
    target: str = "label",
    train_dir: Path | str | None = None,
    validation_dir: Path | str | None = None,
    test_dir: Path | str | None = None,
    images_dir: Path | str | None = None,
    annotations_file: Path | str | None = None,
    labels_file: Path | str | None = None,
    path_column: str = "path",
    label_column: Sequence[str] | str | None = None,
    group_column: str | None = None,
    labels: Sequence[str] | None = None,
    exclude: Iterable[str] = (),
) -> Samples:
    """Return the data as one table, splits as far as the data gives them.

    Args:
        source: what :func:`acquire` returned, a folder, or ``builtin:digits``.
        format: name of a reader, or ``auto`` to look at the folder.
        target: kind of the annotations: label (one class name), labels (any number of them), values (numbers), boxes,
            mask.
        train_dir, validation_dir, test_dir: folders of the splits; None: found in the data folder.
        images_dir, annotations_file: folder of the images, and file or folder of the annotations; None: found there.
        labels_file: table of labels, relative to the data folder; None: found in it.
        path_column, group_column: its columns.
        label_column: further ones, of labels or numbers; None: those with a usual name, or all that fit.
        labels: class names in the wanted order; None: sorted names found in the data.
        exclude: paths as in the table, or absolute, of images to leave out.

    Raises:
        DataError: nothing readable, wrong or missing labels, less than two classes; all problems at once.
        UsageError: an unknown format or target, or a format without such annotations.
    """
    from auto_train.data.readers import Options, check_splits, describe_format, detect, get_reader
    from auto_train.data.readers.groups import check_group_column

    folder, builtin = _place(source)
    labels = [normalise_text(name) for name in labels or ()]
    columns = (label_column,) if isinstance(label_column, str) else tuple(label_column or ())
    options = Options(
        target=target,
        train_dir=to_absolute(train_dir) if train_dir else None,
        validation_dir=to_absolute(validation_dir) if validation_dir else None,
        test_dir=to_absolute(test_dir) if test_dir else None,
        images_dir=to_absolute(images_dir) if images_dir else None,
        annotations_file=to_absolute(annotations_file) if annotations_file else None,
        labels_file=Path(labels_file).expanduser() if labels_file else None,
        path_column=normalise_text(path_column),
        label_columns=tuple(map(normalise_text, columns)),
        group_column=group_column and normalise_text(group_column),
        classes=tuple(labels),
    )
    try:
        _check_places(options)
        name = builtin or (detect(folder, options) if format == "auto" else format)
        samples = get_reader(name, target).read(folder, options)
        samples = samples.warn(*check_splits(name, folder, options, samples))
        samples = samples.warn(*check_group_column(samples, name, group_column))
        if not builtin and format == "auto":
            samples = replace(samples, notes=(describe_format(name, folder, options), *samples.notes))
    except PermissionError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(error.filename)) from error
    return _with_labels(without(samples, set(exclude)), labels)


def _check_places(options: "Options") -> None:
    """Pass if the folders that are named are there.

    Raises:
        DataError: one is not.
    """
    named = {"images_dir": options.images_dir, "annotations_file": options.annotations_file}
    for key, path in named.items():
        if path and not (path.is_dir() if key == "images_dir" else path.exists()):
            what = "folder" if key == "images_dir" else "file or folder"
            raise DataError(f"no such {what}", where=str(path), hint=f"correct [training.data] {key}")


def _place(source: "Source | Path | str") -> tuple[Path, str | None]:
    if isinstance(source, str) and source.startswith("builtin:"):
        return Path(), source.removeprefix("builtin:")
    if isinstance(source, Path | str):
        return to_absolute(source), None
    return source.folder or Path(), source.builtin


def _with_labels(samples: Samples, labels: Sequence[str] | None) -> Samples:
    """Fix the order of the classes and check that there are at least two; readers of other targets have done so."""
    if samples.targets is not None:
        return samples
    found = sorted(set(samples.table["label"]))
    where = str(samples.root or "")
    if labels and (unknown := sorted(set(found) - set(labels))):
        hint = "add them to [project] classes, or remove that line to have the classes found"
        allowed = ", ".join(labels)
        raise DataError(
            format_list("labels that are not among the classes", unknown), where=where, allowed=allowed, hint=hint
        )
    if len(found) < 2:
        names = f"one class only, '{found[0]}'" if found else "no image with a label"
        raise DataError(
            f"the data has {names}", where=where, allowed="at least two classes", hint=_one_class_hint(samples)
        )
    if labels and (unused := [label for label in labels if label not in found]):
        samples = samples.warn(format_list("classes without any image", unused))
    return replace(samples, labels=list(labels) if labels else found)


def _one_class_hint(samples: Samples) -> str:
    """Return the kind of annotations there is instead, or the folder that was probably meant, one level up."""
    from auto_train.data.readers import describe_annotations

    if samples.root and (others := describe_annotations(samples.root)):
        return f"the data has {others}"
    paths = [Path(path).parts for path in samples.table["path"]]
    below = {parts[1] for parts, label in zip(paths, samples.table["label"], strict=True) if parts[0] == label}
    if samples.root and len(below & {parts[1] for parts in paths if len(parts) > 2}) > 1:
        return f"set [training] dir = {samples.root / paths[0][0]}"
    return "each class is a folder of images, or a value of the label column"
