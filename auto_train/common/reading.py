"""From a config to checked samples: fetched, read, every image known to decode, every row with a split."""

from collections.abc import Mapping
from typing import Any

from auto_train.common.trial import running_trial
from auto_train.common.user_loaders import is_dataloaders, samples_of
from auto_train.config import Config
from auto_train.data import Samples, Source, acquire, assign_splits, check_readable, read_samples
from auto_train.data.check import read_exclude, require_readable, write_exclude
from auto_train.data.samples import without
from auto_train.errors import DataError, TaskContractError
from auto_train.types import Listener, Progress, absolute


def fetch_data(config: Config, *, listener: Listener | None = None, offline: bool = False) -> Source:
    """Fetch ``project.data_source_url`` if ``training.dir`` does not exist, and say where the data came from."""

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
    config: Config, source: Source, *, frozen: Mapping[str, str] | None = None, listener: Listener | None = None
) -> tuple[Samples, Any]:
    """Return the samples, and the fastai DataLoaders if the INI's load_function built some (else None).

    Args:
        source: where the data is.
        frozen: splits by path that an earlier run has drawn.
        listener: told about hashing and checking.

    Raises:
        DataError: files that do not decode, wrong labels, no images to train on or to validate with.
        TaskContractError: a load_function that returns something else.
    """
    dls = None
    if config.has_function("training.data.load_datablocks"):
        samples = config.resolve("training.data.load_datablocks")(config.resolved())
        if is_dataloaders(samples):
            dls, samples = samples, samples_of(samples, config.architecture.image_size)
        _check_type(samples)
    else:
        samples = _read_folders(config, source)
    if config.project.data.exclude:
        samples = without(samples, set(read_exclude(absolute(config.project.data.exclude))))
    ratio = config.training.train_ratio
    fraction = config.project.data.valid_fraction if ratio is None else 1 - ratio
    if trial := running_trial():
        return trial.few(samples, fraction, dls), dls
    samples = samples.hashed(told(listener, "hash"))
    _check_readable(config, samples, listener)
    return assign_splits(samples, fraction, frozen=frozen), dls


def check_trainable(config: Config, samples: Samples) -> None:
    """Pass if there is something to train on and to validate with, and as many classes as the INI states.

    Raises:
        DataError: says what is missing.
    """
    for split, least in (("train", 2), ("valid", 1)):
        if (found := len(samples.of(split))) < least:
            raise DataError(
                f"{found} images in the {split} split",
                where=str(absolute(config.training.dir)),
                allowed=f"at least {least}",
                hint="set [project.data] valid_fraction, or name the folders in [training.data]",
            )
    labels = samples.labels
    for key in ("project.num_classes", "project.meta.num_classes"):
        if config[key] not in (None, len(labels)):
            raise DataError(
                f"the INI states {config[key]} classes, the data has {len(labels)}: {', '.join(labels[:10])}",
                where=f"[{key.rpartition('.')[0]}] num_classes",
                hint="correct the number, or leave the key out",
            )


def check_known(samples: Samples, labels: list[str], split: str) -> None:
    """Pass if a trained model can be measured on these samples.

    Raises:
        DataError: no images, or classes the model does not know.
    """
    if not len(samples):
        raise DataError("there are no images", where=f"split {split}", hint="name another one with --split")
    if unknown := sorted(set(samples.table["label"]) - set(labels)):
        raise DataError(
            f"the model does not know the classes {', '.join(unknown)}",
            where=f"split {split}",
            allowed=", ".join(labels),
        )


def told(listener: Listener | None, stage: str) -> Any:
    """Return a (done, total) callback that tells the listener, None without one."""
    return (lambda done, total: listener(Progress(stage=stage, done=done, total=total))) if listener else None


def _read_folders(config: Config, source: Source) -> Samples:
    data, folders, training = config.project.data, config.training.data, config.training
    return read_samples(
        source,
        data.format,
        train_dir=folders.train_dir or training.train_dir,
        validation_dir=folders.validation_dir or training.validation_dir,
        test_dir=folders.test_dir or training.test_dir,
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


def _check_readable(config: Config, samples: Samples, listener: Listener | None) -> None:
    if findings := check_readable(samples, progress=told(listener, "check")):
        listing = absolute(config.project.location) / "unreadable.txt"
        write_exclude(findings, listing)
        require_readable(findings, samples.root, exclude_file=listing)
