"""From a config to examined samples: fetched, read, every image known to decode, every row with a split."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from auto_train.common.download import call_download, download_section
from auto_train.common.earlier_splits import find_earlier_splits
from auto_train.common.limit import limit_rows
from auto_train.common.user_loaders import get_samples, is_dataloaders
from auto_train.config import Config
from auto_train.data import Samples, Source, acquire, assign_splits, read_samples
from auto_train.data.doctor import Examination, examine, look_at_all, read_exclude, write_data_report, write_exclude
from auto_train.data.doctor.classes import check_splits
from auto_train.data.doctor.examine import CHECKS, ROW_CHECKS
from auto_train.data.draw import BACKGROUNDS
from auto_train.data.samples import without
from auto_train.data.targets import Boxes, Masks
from auto_train.errors import DataError, DataRefusedError, TaskContractError, format_list
from auto_train.types import Listener, Progress, to_absolute

# Keys that state the number of classes; n_classes is what older INIs call it, and lint says so.
NUM_CLASSES = tuple(
    f"{section}.{name}" for section in ("project", "project.meta") for name in ("num_classes", "n_classes")
)


@dataclass(frozen=True, kw_only=True)
class DataRead:
    """What a config's data is.

    Attributes:
        samples: with a split and a sha256 in every row; boxes cut at the edges of their images.
        dls: the fastai DataLoaders that the INI's load_function built, if it did.
        examination: what the data doctor found.
    """

    samples: Samples
    examination: Examination
    dls: Any = None


def fetch_data(config: Config, *, listener: Listener | None = None, offline: bool = False) -> Source:
    """Fetch the data if ``training.dir`` does not exist, and say where it came from.

    The INI's ``@download_function`` brings it, or ``project.data_source_url`` names it.
    """
    if download_section(config):
        return call_download(config, offline=offline)

    def tell(name: str, done: int, total: int | None) -> None:
        if listener:
            listener(Progress(stage=f"download {name}", done=done, total=total))

    return acquire(
        config.project.data_source_url or [],
        config.training.dir,
        sha256s=config.project.data_sha256 or [],
        fallback=config.project.data.fallback,
        offline=offline,
        progress=tell,
    )


def read_data(
    config: Config,
    source: Source,
    *,
    frozen: Mapping[str, str] | None = None,
    earlier: Mapping[str, str] | None = None,
    for_training: bool = False,
    listener: Listener | None = None,
) -> DataRead:
    """Return the data, checked.

    Args:
        source: where the data is.
        frozen: splits by path that stay, also where the data now gives others.
        earlier: splits by sha256 that the run which is resumed has drawn; None: those of the project's newest runs.
        for_training: make every check, not only whether the images can be used.
        listener: told about checking.

    Raises:
        DataRefusedError: errors of the data, with the examination; what to leave out is in ``exclude.txt`` of the
            project.
        DataError: wrong labels, another number of classes than the INI states, no image in a class folder.
        TaskContractError: a load_function that returns something else.
    """
    read = examine_data(config, source, frozen=frozen, earlier=earlier, for_training=for_training, listener=listener)
    if not read.examination.errors:
        return read
    if config.training.limit_batches:  # the other images may have errors too
        raise refusal(read.examination)
    listing = to_absolute(config.project.location) / "exclude.txt"
    is_avoidable = any(error.leave_out for error in read.examination.errors)
    if is_avoidable:
        write_exclude(read.examination.errors, read.samples, listing, before=read_exclude_list(config))
    raise refusal(read.examination, exclude=listing if is_avoidable else None)


def examine_data(
    config: Config,
    source: Source,
    *,
    frozen: Mapping[str, str] | None = None,
    earlier: Mapping[str, str] | None = None,
    for_training: bool = True,
    listener: Listener | None = None,
) -> DataRead:
    """Return the data and what is wrong with it, errors among it; arguments as :func:`read_data`."""
    samples, dls = _read_samples(config, source)
    samples = without(samples, set(read_exclude_list(config)))
    if for_training:
        check_num_classes(config, samples)
    limit = config.training.limit_batches
    if limit:
        samples = limit_samples(config, samples)
        for loader in (dls.train, dls.valid) if dls else ():
            loader.n = min(loader.n, limit * loader.bs)
    looks = look_at_all(samples, progress=make_progress_callback(listener, "check"))
    samples = samples.with_column("sha256", looks.sums)
    if looks.masks and isinstance(samples.targets, Masks):
        samples = replace(samples, targets=looks.masks.add_class_names(samples.targets))
    if not limit:
        samples = _split(samples, looks.whole, config, frozen=frozen, earlier=earlier)
    checks = (*ROW_CHECKS, check_splits) if limit else CHECKS if for_training else ROW_CHECKS
    examination = examine(samples, looks, checks=checks)
    if limit:  # what few images lack says nothing of the others
        examination = replace(examination, findings=examination.errors)
    if isinstance(samples.targets, Boxes):
        samples = replace(samples, targets=samples.targets.clean(looks.sizes))
    return DataRead(samples=samples, examination=examination, dls=dls)


def limit_samples(config: Config, samples: Samples) -> Samples:
    """Return the rows that ``limit_batches`` leaves of all, each with a split; all where it is none."""
    limit, batch_size = config.training.limit_batches, config.training.scheme.batch_size
    if not limit:
        return samples
    return limit_rows(samples, limit, batch_size=batch_size, fraction=valid_fraction_of(config))


def valid_fraction_of(config: Config) -> float:
    """Return the share of the training rows that is held out where the data has no valid split."""
    ratio = config.training.train_ratio
    fraction: float = config.project.data.valid_fraction if ratio is None else 1 - ratio
    return fraction


def read_only(config: Config, source: Source) -> Samples:
    """Return the data as the INI describes it, less what it leaves out; no image is looked at, no split drawn."""
    samples, _ = _read_samples(config, source)
    return without(samples, set(read_exclude_list(config)))


def read_exclude_list(config: Config) -> list[str]:
    """Return the paths in the INI's exclude list, if it names one."""
    exclude = config.project.data.exclude
    return read_exclude(to_absolute(exclude)) if exclude else []


def refusal(examination: Examination, *, exclude: Path | None = None) -> DataRefusedError:
    """Return the error that lists all errors of an examination.

    Args:
        exclude: file with the images to leave out.
    """
    errors = examination.errors
    texts = [format_list(str(one), one.items) for one in errors]
    hints = [one.advice for one in errors]
    if exclude:
        hints.append(f"to train without them: project.data.exclude={exclude}")
    where = str(examination.samples.root or "")
    return DataRefusedError("\n".join(texts), where=where, hint="\n  ".join(hints), examination=examination)


@contextmanager
def save_failed_examination(folder: Path | None) -> Iterator[None]:
    """Write the data report of a training that is refused for its data into its folder, and name it.

    Args:
        folder: of the run; None: nothing is to be changed.
    """
    try:
        yield
    except DataRefusedError as error:
        if folder:
            error.hint += f"\n  with pictures: {write_data_report(error.examination, folder)}"
        raise


def check_num_classes(config: Config, samples: Samples) -> None:
    """Pass if there are as many classes as the INI states; of masks, the background need not be counted.

    Raises:
        DataError: there are not.
    """
    labels = samples.labels
    has_background = isinstance(samples.targets, Masks) and labels[:1] and labels[0].lower() in BACKGROUNDS
    without_background = len(labels) - bool(has_background)
    for key in NUM_CLASSES:
        section, _, name = key.rpartition(".")
        stated = config.get(key)
        if stated is not None and str(stated) not in map(str, (len(labels), without_background)):
            raise DataError(
                f"the INI states {stated} classes, the data has {len(labels)}: {', '.join(labels[:10])}",
                where=f"[{section}] {name}",
                hint="correct the number, or leave the key out",
            )


def check_known(samples: Samples, labels: list[str], split: str) -> None:
    """Pass if a trained model can be measured on these samples.

    Raises:
        DataError: no images, or classes the model does not know.
    """
    if not len(samples):
        raise DataError("there are no images", where=f"split {split}", hint="name another one with --split")
    if unknown := sorted({label for row in samples.classes for label in row} - set(labels)):
        raise DataError(
            f"the model does not know the classes {', '.join(unknown)}",
            where=f"split {split}",
            allowed=", ".join(labels),
        )


def make_progress_callback(listener: Listener | None, stage: str) -> Any:
    """Return a (done, total) callback that tells the listener, None without one."""
    return (lambda done, total: listener(Progress(stage=stage, done=done, total=total))) if listener else None


def _read_samples(config: Config, source: Source) -> tuple[Samples, Any]:
    """Return the samples, and the DataLoaders if the INI's load_function built some (else None)."""
    if not config.has_function("training.data.load_datablocks"):
        return _read_folders(config, source), None
    loaded = config.resolve("training.data.load_datablocks")(config.resolve_all())
    if is_dataloaders(loaded):
        return get_samples(loaded, config.architecture.image_size), loaded
    _check_type(loaded)
    return loaded, None


def _split(
    samples: Samples,
    whole: np.ndarray,
    config: Config,
    *,
    frozen: Mapping[str, str] | None,
    earlier: Mapping[str, str] | None,
) -> Samples:
    """Return the samples with a split for every row that is whole; the others keep what the data says of them."""
    if not len(whole):
        return samples
    usable = samples.take(whole.tolist())
    if frozen is None and earlier is None and "valid" not in set(samples.table["split"]):
        runs = to_absolute(config.project.location) / "runs"
        earlier, names = find_earlier_splits(runs, valid_fraction_of(config), usable.table["sha256"])
        if earlier:
            shown = f"{names[0]}, …" if len(names) > 1 else names[0]
            note = f"{len(earlier):,} images stay in the split that they had in earlier runs ({shown})"
            samples = replace(samples, notes=(*samples.notes, note))
    drawn = assign_splits(usable, valid_fraction_of(config), frozen=frozen, earlier=earlier)
    splits = samples.table["split"].to_numpy(copy=True)
    splits[whole] = drawn.table["split"]
    return samples.with_column("split", splits.tolist()).warn(*drawn.warnings[len(samples.warnings) :])


def _read_folders(config: Config, source: Source) -> Samples:
    data, folders, training = config.project.data, config.training.data, config.training
    return read_samples(
        source,
        data.format,
        target=data.target,
        train_dir=folders.train_dir or training.train_dir,
        validation_dir=folders.validation_dir or training.validation_dir,
        test_dir=folders.test_dir or training.test_dir,
        images_dir=folders.images_dir or training.images_dir,
        annotations_file=folders.annotations_file or training.annotations_file,
        labels_file=data.labels_file,
        path_column=data.path_column,
        label_column=data.label_column,
        group_column=data.group_column,
        labels=config.project.classes,
    )


def _check_type(loaded: Any) -> None:
    if not isinstance(loaded, Samples):
        raise TaskContractError(
            f"the load_function returned {type(loaded).__name__}",
            where="[training.data.load_datablocks] @load_function",
            allowed="auto_train.data.Samples or fastai DataLoaders",
            hint="return read_samples(folder, …); see docs/recipes.md, load_function",
        )
