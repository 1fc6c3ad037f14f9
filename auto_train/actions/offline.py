"""What a verb that may not touch the network lacks on this machine, all of it, before anything starts."""

from collections.abc import Callable

from auto_train.bundle.find import find_for_config
from auto_train.common.download import download_section, require_called
from auto_train.config import Config
from auto_train.data.fetch.pretrained import find_weights
from auto_train.data.fetch.source import require_here
from auto_train.errors import MissingError, OfflineError
from auto_train.models.backbone import find_starting_weights
from auto_train.training.loggers import open_loggers

Check = Callable[[Config], object]


def require_for_training(config: Config) -> None:
    """Pass if a training has here what it needs: data, weights to start from, the libraries of its loggers.

    Raises:
        OfflineError: names everything that is missing.
    """
    _require(config, _check_loggers, _check_weights, _check_data)


def require_for_evaluation(config: Config) -> None:
    """Pass if the model and the data to measure it on are here.

    Raises:
        OfflineError: names everything that is missing.
    """
    _require(config, find_for_config, _check_data)


def _require(config: Config, *checks: Check) -> None:
    problems = []
    for check in checks:
        try:
            check(config)
        except MissingError as error:
            problems.append(error)
    if problems:
        raise OfflineError(problems)


def _check_loggers(config: Config) -> None:
    open_loggers(config.training.loggers or (), offline=True)


def _check_weights(config: Config) -> None:
    if name := find_starting_weights(config.architecture.backbone):
        find_weights(name, offline=True)


def _check_data(config: Config) -> None:
    if download_section(config):
        require_called(config, offline=True)
        return
    require_here(
        config.project.data_source_url or [],
        config.training.dir,
        sha256s=config.project.data_sha256 or [],
        fallback=config.project.data.fallback,
    )
