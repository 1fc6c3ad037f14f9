import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import auto_train
from auto_train.bundle import load_bundle
from auto_train.bundle.filelist import sha256_of
from auto_train.classification.train import train_model
from auto_train.config import load_config
from auto_train.errors import DataError
from tests.conftest import DiskOf
from tests.tiny import tiny_config, write_ini

Process = subprocess.Popen[str]


# What is in the image folder


def test_files_that_do_not_decode_are_all_listed_before_training(digit_files: Path, tmp_path: Path):
    data = shutil.copytree(digit_files, tmp_path / "data")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(data / "0/whole.jpg")
    whole = (data / "0/whole.jpg").read_bytes()
    (data / "0/whole.jpg").unlink()
    (data / "0/truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (data / "1/text.png").write_text("this is no picture")
    (data / "2/empty.png").touch()
    with pytest.raises(DataError, match=r"files of 0 bytes \(1\)") as caught:
        train_model(tiny_config(tmp_path, data))
    assert caught.value.exit_code == 3
    assert all(name in str(caught.value) for name in ("0/truncated.jpg", "1/text.png", "2/empty.png"))
    run = (tmp_path / "project/runs/latest").resolve()
    assert (run / "STATUS").read_text() == "failed\n" and not (run / "metrics.jsonl").exists()
    assert (run / "data_report.html").is_file()
    # The file it wrote for that trains without them.
    exclude = tmp_path / "project/exclude.txt"
    assert f"project.data.exclude={exclude}" in str(caught.value)
    result = train_model(tiny_config(tmp_path, data, f"project.data.exclude={exclude}"))
    assert "truncated" not in (result.run / "manifest.csv").read_text()
    assert json.loads((result.run / "data_report.json").read_text())["images"] == 72


@pytest.fixture
def odd_files(digit_files: Path, tmp_path: Path) -> Path:
    """Return digits among which are a CMYK JPEG, a 16-bit PNG, an animated GIF and a photo turned by its EXIF tag."""
    data = shutil.copytree(digit_files, tmp_path / "data")
    digit = Image.open(data / "0/000.png").convert("RGB").resize((40, 30))
    digit.convert("CMYK").save(data / "0/cmyk.jpg", quality=95)
    grey = np.array(digit.convert("L")).astype(np.uint16) * 257
    Image.fromarray(grey).save(data / "1/sixteen.png")
    digit.save(data / "2/animated.gif", save_all=True, append_images=[digit.rotate(90), digit.rotate(180)])
    exif = Image.Exif()
    exif[0x0112] = 6  # turn right by 90 degrees to look at it
    digit.save(data / "0/turned.jpg", exif=exif, quality=95)
    return data


def test_cmyk_16_bit_gif_and_turned_photos_train(odd_files: Path, tmp_path: Path):
    config = tiny_config(tmp_path, odd_files)
    manifest = (train_model(config).run / "manifest.csv").read_text()
    model = auto_train.load(config.path)
    for name in ("0/cmyk.jpg", "1/sixteen.png", "2/animated.gif", "0/turned.jpg"):
        assert name in manifest
        assert model(odd_files / name)["prediction"] in ("0", "1", "2")
    upright = np.array(Image.open(odd_files / "0/turned.jpg").convert("RGB").rotate(-90, expand=True))
    found, expected = model(odd_files / "0/turned.jpg"), model(upright)
    assert list(found["probabilities"].values()) == pytest.approx(list(expected["probabilities"].values()), abs=1e-4)


def test_one_class_only_is_refused(digit_files: Path, tmp_path: Path):
    data = tmp_path / "data"
    shutil.copytree(digit_files / "0", data / "0")
    with pytest.raises(DataError, match=r"one class only, '0' \(allowed: at least two classes\)") as caught:
        train_model(tiny_config(tmp_path, data))
    assert caught.value.exit_code == 3


def test_class_of_one_image_trains_with_a_warning(digit_files: Path, tmp_path: Path):
    data = shutil.copytree(digit_files, tmp_path / "data")
    (data / "9").mkdir()
    shutil.copy(data / "0/000.png", data / "9/only.png")
    Image.open(data / "1/000.png").rotate(180).save(data / "9/only.png")
    result = train_model(tiny_config(tmp_path, data))
    assert any("classes without an image in a split (9)" in text for text in result.warnings)
    assert load_bundle(result.bundle).labels == ["0", "1", "2", "9"]


def test_a_few_images_train_a_model_that_knows_them(digit_files: Path, tmp_path: Path):
    # 72 clear digits of three kinds: chance is 0.33.
    keys = ["epochs=12", "batch_size=8", "learning_rate=1e-2", "monitor=loss"]
    result = train_model(tiny_config(tmp_path, digit_files, *[f"training.scheme.{key}" for key in keys]))
    assert result.metrics["valid/accuracy"] >= 0.85


# Two at once, and being stopped: real processes


def start(ini: Path, *overrides: str) -> Process:
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, str(root / "main.py"), "train", f"--config={ini}", "--offline", *overrides],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ini.parent,
    )


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    """Yield a list of processes that are ended with the test."""
    started: list[Process] = []
    yield started
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def run_of(ini: Path) -> Path:
    return (ini.parent / "project/runs/latest").resolve()


def wait_for_epoch(ini: Path, process: Process) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        metrics = run_of(ini) / "metrics.jsonl"
        if metrics.is_file() and metrics.read_text().count("\n") >= 1:
            return
        time.sleep(0.05)
    raise AssertionError(f"no epoch was finished: {process.communicate()}")


def test_interrupt_and_terminate_save_a_checkpoint_and_exit_130(
    digit_files: Path, tmp_path: Path, processes: list[Process]
):
    numbers = {signal.SIGINT: tmp_path / "int", signal.SIGTERM: tmp_path / "term"}
    inis = {number: write_ini(folder, digit_files) for number, folder in numbers.items()}
    for ini in inis.values():
        processes.append(start(ini, "training.scheme.epochs=100000"))
    for (number, ini), process in zip(inis.items(), processes, strict=True):
        wait_for_epoch(ini, process)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
        run = run_of(ini)
        assert process.returncode == 130, errors
        assert f"{run}/checkpoints/last.ckpt: training was stopped after" in errors and "Traceback" not in errors
        assert (run / "STATUS").read_text() == "interrupted\n"
        state = torch.load(run / "checkpoints/last.ckpt", weights_only=True)
        assert state["runner"]["epoch"] >= 1 and state["best"]["epoch"] >= 1
        assert not (ini.parent / "project/models/model.pth").exists()


def test_two_trainings_into_one_project_leave_one_consistent_model(
    digit_files: Path, tmp_path: Path, processes: list[Process]
):
    ini = write_ini(tmp_path, digit_files)
    processes += [start(ini, f"training.seed={seed}") for seed in (1, 2)]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    runs = [path for path in (tmp_path / "project/runs").iterdir() if not path.is_symlink()]
    assert len(runs) == 2 and all((run / "STATUS").read_text() == "done\n" for run in runs)
    weights = tmp_path / "project/models/model.pth"
    record = json.loads(Path(f"{weights}.json").read_text())
    assert record["sha256"] == sha256_of(weights) and Path(record["run"]) in runs
    bundled = load_bundle(record["bundle"]).model.network.state_dict()
    assert all(torch.equal(bundled[k], v) for k, v in torch.load(weights, weights_only=True).items())


def test_full_disk_is_exit_4_and_keeps_the_last_good_checkpoint(
    digit_files: Path, disk_of: DiskOf, processes: list[Process]
):
    small_disk = disk_of(4)
    # A checkpoint has 2.4 MB, so there is no room for that of the second epoch while that of the first is kept.
    ini = write_ini(small_disk, digit_files)
    processes.append(start(ini, "training.scheme.epochs=5"))
    _, errors = processes[0].communicate(timeout=120)
    run = run_of(ini)
    assert processes[0].returncode == 4, errors
    assert f"{run}/checkpoints: cannot write last.ckpt: " in errors and "free some space there" in errors
    assert (run / "STATUS").read_text() == "failed\n"
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]
    state = torch.load(run / "checkpoints/best.ckpt", weights_only=True)
    assert state["runner"]["epoch"] == 1 and all(v.isfinite().all() for v in state["model"].values())


def test_config_may_be_loaded_a_path_or_in_the_environment(
    digit_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    ini = write_ini(tmp_path, digit_files)
    monkeypatch.setenv("CONFIG", str(ini))
    runs = {train_model(config).run for config in (None, ini, load_config(ini))}
    assert len(runs) == 3
