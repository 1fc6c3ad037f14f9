"""`data check`: the examination that every training begins with, made alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from auto_train.common.read_data import examine_data, fetch_data, read_exclude_list
from auto_train.config import Config
from auto_train.data.doctor import Examination, write_data_report, write_exclude
from auto_train.errors import UsageError
from auto_train.types import Listener, to_absolute


@dataclass(frozen=True, kw_only=True)
class DataCheck:
    """What was found.

    Attributes:
        examination: the findings, and counts of images by split and class.
        report: the page; ``data_report.json`` is beside it.
        exclude: the list of images to leave out, where one was asked for.
        left_out: number of images in it.
        warnings: what the user should know.
    """

    examination: Examination
    report: Path
    exclude: Path | None = None
    left_out: int = 0
    warnings: tuple[str, ...] = ()


def check_data(
    config: Config, exclude: Path | str | None = None, *, offline: bool = False, listener: Listener | None = None
) -> DataCheck:
    """Examine the data; see :func:`auto_train.actions.check_data`.

    Raises:
        UsageError: one of the files cannot be written.
    """
    source = fetch_data(config, listener=listener, offline=offline)
    read = examine_data(config, source, listener=listener)
    path, location, left_out = to_absolute(exclude) if exclude else None, to_absolute(config.project.location), 0
    if path:
        with _explain_failed_read(path, "name another file with --exclude"):
            left_out = write_exclude(read.examination.findings, read.samples, path, before=read_exclude_list(config))
    with _explain_failed_read(location, "correct [project] location, or the rights of that folder"):
        report = write_data_report(read.examination, location)
    return DataCheck(
        examination=read.examination,
        report=report,
        exclude=path,
        left_out=left_out,
        warnings=(*filter(None, [source.warning]), *read.samples.warnings),
    )


@contextmanager
def _explain_failed_read(path: Path, hint: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=str(path), hint=hint) from error
