"""File systems of machines with control groups, made by hand; and a process that may really use one core only."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from auto_train.cores import num_cores

THERE = len(os.sched_getaffinity(0))
V2 = "31 23 0:28 {top} /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate"
V1 = "32 31 0:29 {top} /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct"
OTHER_V1 = "33 31 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset"
V1_GROUPS, V2_GROUPS = "sys/fs/cgroup/cpu,cpuacct", "sys/fs/cgroup"
ONE, TWO, NONE = "100000 100000", "200000 100000", "max 100000"


def machine(root: Path, *, own: str, mounts: str, files: Mapping[str, str]) -> Path:
    """Write what a process of the groups ``own`` finds in proc and the files of the groups."""
    texts = {"proc/self/cgroup": own, "proc/self/mountinfo": f"22 1 8:1 / / rw - ext4  rw\n{mounts}"}
    for name, text in {**texts, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n")
    return root


def quotas_v1(folder: str, quota: str, period: str = "100000") -> dict[str, str]:
    return {f"{folder}/cpu.cfs_quota_us": quota, f"{folder}/cpu.cfs_period_us": period}


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        (NONE, THERE),
        (ONE, 1),
        ("50000 100000", 1),
        ("1000 100000", 1),
        ("150000 100000", 2),
        ("6400000 100000", THERE),
        ("x", THERE),
        ("", THERE),
        ("100000 0", THERE),
    ],
)
def test_cores_are_what_the_quota_of_a_group_leaves(tmp_path: Path, quota: str, expected: int):
    files = {f"{V2_GROUPS}/job/cpu.max": quota}
    root = machine(tmp_path, own="0::/job", mounts=V2.format(top="/"), files=files)
    assert num_cores(root) == min(expected, THERE)


@pytest.mark.parametrize(("quota", "expected"), [("-1", THERE), ("100000", 1), ("150000", 2), ("5000", 1)])
def test_cores_are_what_a_quota_of_version_1_leaves(tmp_path: Path, quota: str, expected: int):
    files = quotas_v1(f"{V1_GROUPS}/docker/a", quota) | quotas_v1("sys/fs/cgroup/cpuset/docker/a", "1000")
    own = "3:cpuset:/docker/a\n2:cpu,cpuacct:/docker/a\n1:name=systemd:/docker/a\n0::/"
    root = machine(tmp_path, own=own, mounts=f"{OTHER_V1}\n{V1.format(top='/')}", files=files)
    assert num_cores(root) == min(expected, THERE)


@pytest.mark.parametrize("place", ["", "/pod", "/pod/a b", "/pod/a b/step"])
def test_cores_are_what_the_narrowest_of_nested_groups_leaves(tmp_path: Path, place: str):
    levels = ["", "/pod", "/pod/a b", "/pod/a b/step"]
    files = {f"{V2_GROUPS}{level}/cpu.max": ONE if level == place else NONE for level in levels[1:]}
    files[f"{V2_GROUPS}{place}/cpu.max"] = ONE
    own = f"0::{levels[-1]}"
    assert num_cores(machine(tmp_path / "v2", own=own, mounts=V2.format(top="/"), files=files)) == 1
    files = quotas_v1(f"{V1_GROUPS}{place}", "100000")
    own = f"2:cpu,cpuacct:{levels[-1]}"
    assert num_cores(machine(tmp_path / "v1", own=own, mounts=V1.format(top="/"), files=files)) == 1


def test_cores_of_a_container_are_those_of_the_part_of_the_groups_it_sees(tmp_path: Path):
    files = {f"{V2_GROUPS}/cpu.max": TWO, f"{V2_GROUPS}/step/cpu.max": ONE}
    mounts = V2.format(top="/docker/a")
    assert num_cores(machine(tmp_path / "inner", own="0::/docker/a/step", mounts=mounts, files=files)) == 1
    files[f"{V2_GROUPS}/cpu.max"] = ONE
    # Outside of what is mounted here, also by dots: the group at the mount counts.
    for name, own in (("outside", "0::/docker/b"), ("dots", "0::/../b")):
        assert num_cores(machine(tmp_path / name, own=own, mounts=mounts, files=files)) == 1


def test_cores_without_control_groups_are_those_of_the_process(tmp_path: Path):
    assert num_cores(tmp_path) == THERE
    assert num_cores(machine(tmp_path, own="0::/job", mounts="", files={})) == THERE


def child(code: str, **environment: str) -> list[str]:
    """Return the words a Python process prints that may use the first of our cores only where it asks for that."""
    env = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"} | environment
    begin = "import os\ndef one_core(): os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
    process = subprocess.run([sys.executable, "-c", begin + code], capture_output=True, text=True, env=env, check=True)
    return process.stdout.split()


def test_cores_are_those_of_the_affinity_and_need_no_torch():
    code = """
from auto_train.cores import num_cores
one_core()
import sys
print(num_cores(), "torch" in sys.modules)
"""
    assert child(code) == ["1", "False"]


@pytest.mark.parametrize("number", ["", "2"])
def test_torch_takes_as_many_threads_as_there_are_cores_unless_the_user_said_how_many(number: str):
    code = """
import torch
torch.set_num_threads(2)  # what it takes by itself where there are two cores: it does not look at quotas
one_core()
from auto_train.training.workers.distributed import process_group
with process_group():
    print(torch.get_num_threads())
"""
    assert child(code, **({"OMP_NUM_THREADS": number} if number else {})) == [number or "1"]
