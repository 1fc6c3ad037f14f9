"""What this process may compute with: processors, memory, devices."""

import platform
from dataclasses import dataclass
from pathlib import Path

import psutil

from auto_train.cores import limit_torch_threads

CONTROL_GROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True, kw_only=True)
class Device:
    """What torch can compute on: ``cpu``, ``cuda:0``."""

    name: str
    title: str
    memory_mb: int | None = None


def memory_mb(group: Path = CONTROL_GROUP) -> tuple[int, int]:
    """Return the memory there is and what of it is free: the machine's, or less where a control group limits it.

    Source: https://docs.kernel.org/admin-guide/cgroup-v2.html, memory.max.
    """
    machine = psutil.virtual_memory()
    total, free = machine.total, machine.available
    limit, used = _line(group / "memory.max"), _line(group / "memory.current")
    if limit.isdigit() and int(limit) < total:
        total = int(limit)
        free = min(free, max(total - int(used or 0), 0))
    return total // 10**6, free // 10**6


def torch_devices() -> tuple[int | None, tuple[Device, ...]]:
    """Return the threads torch takes and the devices it sees, the one taken first in front; without torch neither."""
    try:
        import torch
    except ImportError:
        return None, ()
    limit_torch_threads()  # as a training does
    found = []
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        about = torch.cuda.get_device_properties(index)
        found.append(Device(name=f"cuda:{index}", title=about.name, memory_mb=about.total_memory // 10**6))
    found.append(Device(name="cpu", title=platform.processor() or platform.machine()))
    return torch.get_num_threads(), tuple(found)


def _line(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
