"""Place: which of how many workers this process is, as torchrun, srun or our own launcher say it. Imports no torch."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from auto_train.errors import UsageError

# Our launcher's workers meet through this file: a free port could be taken by others before they use it.
RENDEZVOUS = "AUTO_TRAIN_RENDEZVOUS"
# torchrun's own default
PORT = 29500


@dataclass(frozen=True, kw_only=True)
class RankInfo:
    """One worker among all.

    Attributes:
        rank: its number, 0 to world - 1; 0 writes files and speaks to the user.
        world: workers in all.
        local_rank: its number on this machine; the index of its GPU.
        local_world: workers on this machine.
        meeting: where the workers find each other: a URL of torch.distributed's.
    """

    rank: int
    world: int
    local_rank: int
    local_world: int
    meeting: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self | None:
        """Return the place the environment gives this process; None for a process that trains alone.

        Raises:
            UsageError: variables that are no numbers, are missing, or contradict each other.
        """
        if "RANK" in environment or "WORLD_SIZE" in environment:
            place = cls._of_torchrun(environment)
        elif "SLURM_PROCID" in environment and "SLURM_STEP_NUM_TASKS" in environment:
            place = cls._of_slurm(environment)
        else:  # a batch script has SLURM_PROCID too, but is no step of several tasks
            return None
        if not 0 <= place.rank < place.world:
            raise UsageError(f"rank {place.rank} of {place.world} workers", allowed=f"0 to {place.world - 1}")
        return place if place.world > 1 else None

    @classmethod
    def _of_torchrun(cls, environment: Mapping[str, str]) -> Self:
        rank, world = _number(environment, "RANK"), _number(environment, "WORLD_SIZE")
        file = environment.get(RENDEZVOUS)
        return cls(
            rank=rank,
            world=world,
            # without them: one machine, as far as can be known
            local_rank=_number(environment, "LOCAL_RANK", rank),
            local_world=_number(environment, "LOCAL_WORLD_SIZE", world),
            meeting=f"file://{file}" if file else _address(environment, "127.0.0.1"),
        )

    @classmethod
    def _of_slurm(cls, environment: Mapping[str, str]) -> Self:
        world = _number(environment, "SLURM_STEP_NUM_TASKS")
        # "2(x3),1": tasks on each machine; the first number is right wherever all have the same
        tasks = re.match(r"\d+", environment.get("SLURM_STEP_TASKS_PER_NODE", ""))
        port = 20_000 + _number(environment, "SLURM_JOB_ID", PORT) % 20_000
        return cls(
            rank=_number(environment, "SLURM_PROCID"),
            world=world,
            local_rank=_number(environment, "SLURM_LOCALID"),
            local_world=int(tasks.group()) if tasks else world,
            meeting=_address(environment, _first_host(environment.get("SLURM_STEP_NODELIST", "127.0.0.1")), port),
        )


def _number(environment: Mapping[str, str], name: str, default: int | None = None) -> int:
    text = environment.get(name)
    if text is None and default is not None:
        return default
    if text is None or not text.isdecimal():
        raise UsageError(
            f"'{text}'" if text is not None else "missing, though other variables of a data-parallel start are set",
            where=f"environment variable {name}",
            allowed="a whole number",
            hint="start with: auto-train train --workers N … or torchrun --nproc-per-node N main.py train …",
        )
    return int(text)


def _address(environment: Mapping[str, str], host: str, port: int = PORT) -> str:
    host, port = environment.get("MASTER_ADDR", host), _number(environment, "MASTER_PORT", port)
    # Under env:// torch knows whether torchrun's agent is already the host at that address.
    return "env://" if {"MASTER_ADDR", "MASTER_PORT"} <= set(environment) else f"tcp://{host}:{port}"


def _first_host(nodes: str) -> str:
    """Return the first of Slurm's list of machines: ``gpu[03-05,9],cpu1`` starts with gpu03."""
    found = re.match(r"([^\[,]+)(?:\[(\d+))?", nodes)
    return found.group(1) + (found.group(2) or "") if found else nodes
