"""What this machine can do, as far as it decides how to train."""

from dataclasses import dataclass

import torch

from auto_train.cores import num_cores
from auto_train.machine.compute import memory_mb


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A machine.

    Attributes:
        cores: processor cores this process may use.
        memory_gb: main memory that is free.
        gpu: name of the first GPU torch can use; "" for none.
        gpu_memory_gb: all of its memory.
    """

    cores: int
    memory_gb: float
    gpu: str = ""
    gpu_memory_gb: float = 0.0

    def __str__(self) -> str:
        gpu = f"{self.gpu} with {self.gpu_memory_gb:.0f} GB" if self.gpu else "no GPU"
        return f"{self.cores} cores, {self.memory_gb:.0f} GB of memory free, {gpu}"


def inspect_machine() -> Machine:
    """Return the machine that runs this process."""
    gpu = torch.cuda.get_device_properties(0) if torch.cuda.is_available() else None
    return Machine(
        cores=num_cores(),
        memory_gb=memory_mb()[1] / 1e3,
        gpu=gpu.name if gpu else "",
        gpu_memory_gb=gpu.total_memory / 1e9 if gpu else 0.0,
    )
