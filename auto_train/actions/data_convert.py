"""`data convert`: the data of an INI, or of a folder, in another format."""

from pathlib import Path

from auto_train.common.read_data import fetch_data, make_progress_callback, read_only
from auto_train.config import Config
from auto_train.data.convert import Conversion, convert
from auto_train.data.inspect.recognise import recognise
from auto_train.data.samples import Samples
from auto_train.data.writers import NAMES
from auto_train.proposal.target import target_of
from auto_train.registry import recipe
from auto_train.types import Listener


def convert_data(
    to: str,
    output: Path | str,
    config: Config | None,
    data: Path | str | None = None,
    *,
    copy: bool = False,
    task: str | None = None,
    offline: bool = False,
    listener: Listener | None = None,
) -> Conversion:
    """Write the data in another format; see :func:`auto_train.actions.convert_data`."""
    if data is None:
        assert config is not None
        samples = read_only(config, fetch_data(config, listener=listener, offline=offline))
    else:
        samples = _read_samples(data, to, task)
    return convert(samples, to, output, copy=copy, progress=make_progress_callback(listener, "convert"))


def _read_samples(data: Path | str, to: str, task: str | None) -> Samples:
    """Return what lies in a folder, of several kinds of annotations the one that is meant or that the format holds."""
    if task:
        return recognise(data, target_of(recipe(task))).samples
    kinds = NAMES.get(to, ())
    return recognise(data, kinds[0] if len(kinds) == 1 else None).samples
