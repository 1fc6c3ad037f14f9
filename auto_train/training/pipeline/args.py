"""prepare_cmd_args: the arguments of a script, from a YAML file and the command line (F3.1)."""

import argparse
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from auto_train.config import load_yaml
from auto_train.errors import AutoTrainError, Interrupted, UsageError
from auto_train.training.pipeline.overrides import apply_overrides, parse_bool, take_overrides
from auto_train.training.pipeline.qdict import qDict
from auto_train.training.pipeline.schema import complete_args, is_standard, validate_args

# Options that are no keys of the result, or are by rules of their own.
BASIC = ("config", "ckp_file", "test", "local_rank")

UpdateParser = Callable[[argparse.ArgumentParser], argparse.ArgumentParser]


def prepare_cmd_args(updateParser: UpdateParser | None = None) -> qDict:  # noqa: N803 - the name is contract F3.1
    """Return the content of the file of ``--config``, changed by what the command line says.

    The keys of the file, ``test``, ``ckp_file`` if it is given, and one key per further option. An option replaces a
    key of the file only where it was given; last come dotted ones: ``--optim.optimizer_params.lr 1e-4``. A file that
    has all keys a training requires is checked at once; any other is the script's own until QPipeline takes it. From
    here on an AutoTrainError that nobody catches ends the script with its message and exit code, without a traceback.

    Args:
        updateParser: takes the ArgumentParser, adds options to it and returns it.

    Raises:
        UsageError: the file is no YAML, or an override cannot be applied.
        ConfigError: the file means a training, and something in it is wrong.
    """
    if sys.excepthook is sys.__excepthook__:  # else it is a debugger's, or a notebook's
        sys.excepthook = _end_script
    parser = _extend(_basic_parser(), updateParser)
    # argparse tells neither the names it knows nor what was given: hence its private attributes, here and in _given
    overrides, words = take_overrides(sys.argv[1:], parser._option_string_actions)
    options = parser.parse_args(words)
    given = _list_given(parser, words)
    owned = set(vars(options))

    args = _load(options.config)
    if options.ckp_file is not None:
        args["ckp_file"] = options.ckp_file
    args["test"] = options.test if "test" in given else bool(args.test)
    for key, value in vars(options).items():
        if key not in BASIC and (key in given or key not in args):
            args[key] = value
    apply_overrides(args, overrides, owned)
    object.__setattr__(args, "_options", frozenset(owned - set(BASIC)))
    if is_standard(args):
        validate_args(args)
        complete_args(args)
    return args


def _end_script(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not isinstance(error, AutoTrainError):
        return sys.__excepthook__(kind, error, trace)
    sys.stderr.write(f"{'stopped' if isinstance(error, Interrupted) else 'error'}: {error}\n")
    raise SystemExit(error.exit_code)


def _basic_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="further options change single keys of the file: --runner.max_epochs 20 --task.threshold=-0.5",
    )
    parser.add_argument("-c", "--config", metavar="FILE", help="YAML file of the arguments")
    parser.add_argument("--ckp", "--ckp-file", dest="ckp_file", metavar="FILE", help="checkpoint to go on from")
    parser.add_argument("--test", action="store_true", help="evaluate only")
    parser.add_argument(
        "--ddp-detect", "--ddp", dest="ddp_detect", nargs="?", const=True, default=False, type=parse_bool,
        metavar="yes|no", help="train on all processes that the launcher started",
    )  # fmt: skip
    parser.add_argument("--local-rank", type=int, help="ignored; some launchers give it")
    return parser


def _extend(parser: argparse.ArgumentParser, update: UpdateParser | None) -> argparse.ArgumentParser:
    if update is None:
        return parser
    updated = update(parser)
    if not isinstance(updated, argparse.ArgumentParser):
        raise UsageError(
            f"updateParser returned '{updated}'", allowed="the parser it was given", hint="end it with: return parser"
        )
    return updated


def _list_given(parser: argparse.ArgumentParser, words: list[str]) -> set[str]:
    """Return the keys that the command line itself sets: what is left when no option has a default."""
    parser._defaults.clear()
    for action in parser._actions:
        action.default = argparse.SUPPRESS
    return set(vars(parser.parse_args(words)))


def _load(config: str | None) -> qDict:
    if config is None or not Path(config).expanduser().exists():
        warnings.warn(f"{config or '--config'} not found, config file will be ignored.", UserWarning, stacklevel=3)
        return qDict()
    if Path(config).suffix.lower() == ".ini":
        raise UsageError(
            "this is an INI, and a script takes YAML", where=config, hint=f"python main.py train --config={config}"
        )
    content: dict[str, Any] = load_yaml(Path(config).expanduser())
    return qDict(content)
