"""Data that the INI's own ``@download_function`` brings (F2.3), in place of ``project.data_source_url``."""

from pathlib import Path

from auto_train.config import AttrDict, Config
from auto_train.data import Source
from auto_train.data.cache import lock_path
from auto_train.data.fetch.install import has_content
from auto_train.errors import AutoTrainError, DownloadError, TaskContractError
from auto_train.types import to_absolute

KIND = "@download_function"


def download_section(config: Config) -> str:
    """Return the section that names a download_function; "" where none does."""
    found = [key.rpartition(".")[0] for key in config.keys() if key.endswith(f".{KIND}")]  # noqa: SIM118
    return found[0] if found else ""


def call_download(config: Config, *, offline: bool = False) -> Source:
    """Return the data folder, brought by the download_function unless it is there.

    The function is called with the config's values. One that was interrupted is called again by the next run: a mark
    beside the folder says so.

    Raises:
        DownloadError: offline; or nothing lies in the folder afterwards.
        TaskContractError: what is named gives no function, or the function fails.
    """
    folder, section = to_absolute(config.training.dir), download_section(config)
    if _is_whole(folder):
        return Source(folder=folder, origin="folder")
    require_called(config, offline=offline)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with lock_path(folder.resolve()):
        if not _is_whole(folder):  # another process may have been faster
            _mark(folder).touch()
            _call(config, section)
            if not has_content(folder):
                raise DownloadError(
                    "the download_function has ended and brought nothing",
                    where=str(folder),
                    hint="it must fill the folder [training] dir",
                )
            _mark(folder).unlink()
    return Source(folder=folder, origin="url")


def require_called(config: Config, *, offline: bool) -> None:
    """Pass if the function may be called or the data is there.

    Raises:
        DownloadError: it may not, and the data is not.
    """
    folder = to_absolute(config.training.dir)
    if offline and not _is_whole(folder):
        raise DownloadError(
            f"the data is not here, and [{download_section(config)}] {KIND} is not called offline",
            where=str(folder),
            hint="run it once with network, or copy the data there",
        )


def _is_whole(folder: Path) -> bool:
    return has_content(folder) and not _mark(folder).exists()


def _mark(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.downloading")


def _call(config: Config, section: str) -> None:
    download = config.resolve(section)
    where = str(config.origin(f"{section}.{KIND}"))
    if not callable(download):
        raise TaskContractError(
            f"the download_function returned {type(download).__name__}",
            where=where,
            allowed="a function that takes the config and fills training.dir",
        )
    try:
        download(AttrDict(config.to_dict()))
    except AutoTrainError:
        raise
    except Exception as error:  # a user's function may fail in any way
        message = f"the download_function fails: {type(error).__name__}: {error}"
        raise TaskContractError(message, where=where) from error
