"""What a training by arguments has around it: workers, device, seed, its log folder, its lines on the console."""

import atexit
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from loguru import logger

from auto_train.errors import UsageError
from auto_train.files import put_in_place, write_atomically
from auto_train.runs.folder import RunFolder, environment
from auto_train.runs.read import METRICS
from auto_train.training.average import Averages
from auto_train.training.checkpoints.settle import drop_kept, settle_checkpoints
from auto_train.training.epoch_log import truncate_after
from auto_train.training.pipeline.qdict import qDict
from auto_train.training.workers.distributed import is_main, process_group, rank, world_size
from auto_train.training.workers.rank_info import RankInfo
from auto_train.types import Progress, as_plain

# Settings of the original that this program has no use for: the value that changes nothing, and why others do neither.
UNUSED: dict[str, tuple[Any, str]] = {
    "optim.ema_params.auto_offload": (False, "both sets of weights stay on the device"),
    "render_type": (None, "there is one form"),
}


def join_workers(args: qDict) -> None:
    """Join the other processes of a data-parallel start until this one ends, where the arguments ask for it (F3.18)."""
    place = RankInfo.from_environment() if args.ddp_detect else None
    if place:
        stack = ExitStack()
        stack.enter_context(process_group())
        atexit.register(stack.close)
    elif args.ddp_detect:
        logger.info("Not using distributed mode")
    args["distributed"] = place is not None
    args["rank"], args["world_size"] = (rank(), world_size()) if place else (0, 1)
    args["local_rank"] = place.local_rank if place else 0


def choose_device(args: qDict) -> torch.device:
    """Return the device of the arguments, else the best there is, and keep it in ``args.device``.

    Raises:
        UsageError: there is no such device.
    """
    try:
        device = torch.device(args.device) if args.device is not None else _choose_device(args.local_rank)
    except (RuntimeError, TypeError) as error:
        raise UsageError(f"'{args.device}' is no device", where="device", allowed="cpu, cuda, cuda:0, …") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UsageError(f"'{device}': no GPU can be used here", where="device", hint="leave it out, or write cpu")
    args["device"] = device
    return device


def _choose_device(number: int) -> torch.device:
    return torch.device("cuda", number) if torch.cuda.is_available() else torch.device("cpu")


def open_log_dir(args: qDict, name: str, content: str) -> RunFolder:
    """Make the folder of a training and put its arguments there.

    Args:
        name: of the file.
        content: the arguments as they were given.

    Raises:
        UsageError: it cannot be made.
    """
    folder = RunFolder(Path(args.log_dir).expanduser().absolute())
    try:
        folder.checkpoints.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"'{args.log_dir}' cannot be made: {error.strerror}", where="log_dir") from error
    if is_main():
        write_atomically(folder.path / name, content.encode())
    return folder


def as_yaml(args: qDict) -> str:
    """Return arguments as text; what YAML has no form for, such as a function, as Python shows it."""
    import yaml

    text: str = yaml.safe_dump(as_plain(args.to_dict()), sort_keys=False, allow_unicode=True)
    return text


def prepare_folder(folder: RunFolder, args: qDict, state: Mapping[str, Any] | None) -> None:
    """Bring the files of a log folder to where the training begins: at a checkpoint's epoch, or at its start."""
    folder.clean()
    metrics, last = folder.path / METRICS, folder.checkpoints / "last.ckpt"
    checkpoint = Path(args.ckp_file).expanduser().absolute() if state else None
    if state and checkpoint and checkpoint.resolve().parent == folder.checkpoints.resolve():
        truncate_after(metrics, state["runner"]["epoch"])
        drop_kept(folder.checkpoints, state["runner"])
    elif metrics.exists() or last.exists():
        _put_aside(folder, metrics, last)
        drop_kept(folder.checkpoints, None)
    if state and checkpoint:
        settle_checkpoints(folder.checkpoints, checkpoint, state)
    folder.write_json("env.json", environment({"device": str(args.device), "workers": args.world_size}))


def _put_aside(folder: RunFolder, metrics: Path, last: Path) -> None:
    """Keep the metrics of another training that the folder holds, and say so."""
    kept = f"metrics.{1 + len(list(folder.path.glob('metrics.*.jsonl')))}.jsonl"
    if metrics.exists():
        put_in_place(metrics, folder.path / kept)
    logger.warning(
        f"{folder.path} holds an earlier training: its metrics are kept as {kept}, its checkpoints will be "
        f"replaced; to go on with it, give ckp_file: {last}"
    )


@contextmanager
def record_run(folder: RunFolder) -> Iterator[None]:
    """Keep STATUS, events and log.txt of a training while the block runs; the first worker does."""
    if not is_main():
        yield
        return
    with folder.hold(), folder.recording():
        yield


def warn_of_unused(args: qDict) -> None:
    """Log the settings that have no effect here."""
    for key, (harmless, why) in UNUSED.items():
        if args.get(key) not in (None, harmless):
            logger.warning(f"{key} has no effect: {why}")
    if args.runner.run_mode != "step" and args.runner.max_steps is not None:
        logger.warning("runner.max_steps has no effect: runner.run_mode is epoch")


def log_epoch(progress: Progress) -> None:
    """Log one line when an epoch is over."""
    if progress.epoch_ended:
        row = progress.row
        numbers = {"lr": row["lr"]} | {name: value for name, value in row.items() if "/" in name}
        shown = " ".join(f"{name} {value:.4g}" for name, value in numbers.items() if isinstance(value, int | float))
        logger.info(f"epoch {row['epoch']} of {progress.total:g}: {shown} ({row['seconds']:.1f} s)")


def log_batches(every: int) -> Callable[..., None]:
    """Return a listener of onTrainBatchEnd that logs a line after every so many batches (``print_freq``)."""

    def log(batch_idx: int, num_batches: int | None, metrics: Any, averages: Averages, lr: float) -> None:
        if (batch_idx + 1) % every == 0:
            shown = " ".join(f"{name} {value:.4g}" for name, value in averages.means().items())
            logger.info(f"batch {batch_idx + 1} of {num_batches or '?'}: {shown} lr {lr:.3g}")

    return log
