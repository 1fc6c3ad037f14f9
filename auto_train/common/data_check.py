"""`data check`: the examination that every training begins with, made alone."""

from dataclasses import dataclass
from pathlib import Path

from auto_train.common.reading import examine_data, fetch_data, left_out_before
from auto_train.config import Config
from auto_train.data.doctor import Examination, write_data_report, write_exclude
from auto_train.types import Listener, absolute


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
    """Examine the data; see :func:`auto_train.actions.check_data`."""
    source = fetch_data(config, listener=listener, offline=offline)
    read = examine_data(config, source, listener=listener)
    path = absolute(exclude) if exclude else None
    left_out = 0
    if path:
        left_out = write_exclude(read.examination.findings, read.samples, path, before=left_out_before(config))
    return DataCheck(
        examination=read.examination,
        report=write_data_report(read.examination, absolute(config.project.location)),
        exclude=path,
        left_out=left_out,
        warnings=(*filter(None, [source.warning]), *read.samples.warnings),
    )
