"""The processor cores this process may use; no other place asks the system for them. Needs no torch to be asked.

Sources: https://docs.kernel.org/admin-guide/cgroup-v2.html, cpu.max;
https://docs.kernel.org/scheduler/sched-bwc.html, cpu.cfs_quota_us; proc_pid_mountinfo(5).
"""

import math
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path("/")


def num_cores(root: Path = ROOT) -> int:
    """Return how many cores this process may use at a time, by its affinity and its control groups; at least 1.

    A quota of one and a half cores counts as two: the fraction is time in which a thread can run.

    Args:
        root: of the file system with proc and the control groups.
    """
    quotas = [quota for group in _groups(root) if (quota := _quota(group)) is not None]
    return max(1, min([_affinity(), *map(math.ceil, quotas)]))


def limit_torch_threads(processes: int = 1) -> None:
    """Let torch compute on this process's share of the cores, unless OMP_NUM_THREADS says on how many.

    It never gets more threads than it takes by itself: two on a core that computes two threads are slower than one.

    Args:
        processes: that share the cores.
    """
    import torch

    own = _own_torch_threads()
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, min(own, num_cores() // processes)))


@cache
def _own_torch_threads() -> int:
    """Return the threads torch has taken by itself: asked before it is given another number."""
    import torch

    return torch.get_num_threads()


def _affinity() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _groups(root: Path) -> Iterator[Path]:
    """Yield the folders of the control groups this process is in, the outer ones included: each may have a quota."""
    mounts = list(_mounts(root))
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        for kind, options, top, folder in mounts:
            is_here = kind == "cgroup2" if not controllers else kind == "cgroup" and "cpu" in options
            if is_here and (not controllers or "cpu" in controllers.split(",")):
                group = _group(path, top=top, folder=folder)
                yield from (place for place in (group, *group.parents) if place.is_relative_to(folder))


def _mounts(root: Path) -> Iterator[tuple[str, list[str], str, Path]]:
    """Yield type, options, top group and folder of each mounted hierarchy of control groups."""
    for line in _lines(root / "proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        top, folder = (field.replace(r"\040", " ") for field in before.split()[3:5])
        if after.startswith(("cgroup ", "cgroup2 ")):
            kind, *_, options = after.split()
            yield kind, options.split(","), top, root / folder.lstrip("/")


def _group(path: str, *, top: str, folder: Path) -> Path:
    """Return the folder of a group; of one outside the part that is mounted, as containers see it, the part's own."""
    inner = Path(os.path.normpath(path))
    return folder / inner.relative_to(top) if inner.is_relative_to(top) else folder


def _quota(group: Path) -> float | None:
    """Return the cores a group may use, None where it has no quota."""
    quota, period = [*_text(group / "cpu.max").split(), "", ""][:2]
    if not quota:
        quota, period = _text(group / "cpu.cfs_quota_us"), _text(group / "cpu.cfs_period_us")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() and int(period) else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _lines(path: Path) -> list[str]:
    return _text(path).splitlines()
