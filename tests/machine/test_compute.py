from pathlib import Path

import psutil
import pytest

from auto_train.machine.compute import memory_mb, torch_devices


def test_memory_is_limited_by_the_control_group(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("500000000\n")
    (tmp_path / "memory.current").write_text("480000000\n")
    assert memory_mb(tmp_path) == (500, 20)


@pytest.mark.parametrize("limit", ["max", str(2**62)])
def test_memory_without_a_limit_is_that_of_the_machine(tmp_path: Path, limit: str) -> None:
    (tmp_path / "memory.max").write_text(limit)
    total, free = memory_mb(tmp_path)
    assert total == psutil.virtual_memory().total // 10**6 and 0 < free < total


def test_devices_end_with_the_processor() -> None:
    import torch

    threads, devices = torch_devices()
    assert threads == torch.get_num_threads()
    assert [device.name for device in devices] == [*(f"cuda:{i}" for i in range(torch.cuda.device_count())), "cpu"]
    assert all(device.title for device in devices)
