"""TensorBoard: event files in <run>/tensorboard."""

from collections.abc import Mapping
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from auto_train.training.loggers.base import Logger, Status


class TensorBoard:
    next_step = "the run folder must be writable"

    def start(self, run: Path, name: str, config: Mapping[str, object]) -> str:
        folder = run / "tensorboard"
        self.writer, self.step = SummaryWriter(str(folder)), 0
        lines = [f"    {key} = {value}" for key, value in config.items()]  # indented: Markdown shows it as it is
        self.writer.add_text("config", "\n".join(lines))
        self.writer.flush()
        return str(folder)

    def log(self, row: Mapping[str, float], step: int) -> None:
        self.step = step
        for key, value in row.items():
            self.writer.add_scalar(key, value, step)
        self.writer.flush()

    def finish(self, status: Status, metrics: Mapping[str, float]) -> None:
        self.log({f"final/{key}": value for key, value in metrics.items()}, self.step)
        self.writer.close()


def make(*, offline: bool = False) -> Logger:
    return TensorBoard()  # writes files, whether there is a network or not
