"""What tests share: the program as a process, real data beside the checkout, one small trained model."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.sharing import made_once, shared_folder

if TYPE_CHECKING:
    import numpy as np

    from tests.browser import Browser

os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is imported: as many threads as workers of pytest, not more

ROOT = Path(__file__).parents[1]
MIRROR = Path(os.environ.get("AUTO_TRAIN_MIRROR") or ROOT.parent / "shared" / "data")
ENVIRONMENT = ("CONFIG", "AUTO_TRAIN_MIRROR", "AUTO_TRAIN_CACHE", "AUTO_TRAIN_HUB", "AUTO_TRAIN_API_KEYS")

RunCli = Callable[..., "subprocess.CompletedProcess[str]"]
DiskOf = Callable[[int], Path]


@pytest.fixture(scope="session", autouse=True)
def clean_environment(request: pytest.FixtureRequest) -> Iterator[None]:
    """Take the user's settings away and give the session a cache of its own; a test sets what it is about."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ENVIRONMENT:
            patch.delenv(name, raising=False)
        patch.setenv("AUTO_TRAIN_CACHE", str(shared_folder(request) / "cache"))
        patch.setenv("NO_COLOR", "1")
        patch.setenv("COLUMNS", "160")
        yield


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the folder of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def mirror() -> Path:
    """Return the folder with real datasets and weights; skip where there is none."""
    if not MIRROR.is_dir():
        pytest.skip(f"no real data: AUTO_TRAIN_MIRROR is not set and {MIRROR} does not exist")
    return MIRROR


@pytest.fixture(scope="session")
def real(mirror: Path, request: pytest.FixtureRequest) -> Callable[[str], Path]:
    """Return a function that gives the folder of one of the real data sets, unpacked once."""
    from auto_train.data import acquire

    def unpack(name: str) -> Path:
        place = made_once(request, f"real-{name}", lambda folder: acquire(archive(name), folder / name))
        folder = acquire(archive(name), place / name).folder  # what is there is not unpacked again
        assert folder
        return folder

    def archive(name: str) -> str:
        return str(mirror / name / f"{name}.tgz")

    return unpack


@pytest.fixture(scope="session")
def run_cli(tmp_path_factory: pytest.TempPathFactory) -> RunCli:
    """Return a function that runs ``python main.py ARGS…`` as a user does and gives the finished process.

    With --json every line it printed is held against its schema. ``is_fresh`` starts an interpreter of its own, for
    what depends on how Python starts; any other process is forked, so that torch is not imported again for each.
    """
    elsewhere, output = tmp_path_factory.mktemp("cwd"), tmp_path_factory.mktemp("output")

    def run(
        *args: str | Path,
        cwd: Path = elsewhere,
        env: dict[str, str] | None = None,
        timeout: float = 240,
        is_fresh: bool = False,
    ) -> "subprocess.CompletedProcess[str]":
        words = [str(word) for word in args]
        if is_fresh:
            done = subprocess.run(
                [sys.executable, str(ROOT / "main.py"), *words],
                cwd=cwd,
                env={**os.environ, **(env or {})},
                timeout=timeout,
                capture_output=True,
                text=True,
                check=False,
            )
        else:
            from tests import processes

            done = processes.run(words, cwd, output, env or {}, timeout)
        if "--json" in args:
            from tests.lines import checked

            checked(done.stdout)
        return done

    return run


@dataclass(frozen=True, kw_only=True)
class TrainedRun:
    """One small model, trained through the command line.

    Args:
        config: its INI; use it as it is (it holds absolute paths and the fast settings).
        weights: the state_dict at ``training.scheme.output_path``.
        folder: the run folder.
        bundle: the bundle in it.
        onnx: the exported model in it.
        process: the finished ``train --json`` process.
    """

    config: Path
    weights: Path
    folder: Path
    bundle: Path
    onnx: Path
    process: "subprocess.CompletedProcess[str]"


@pytest.fixture(scope="session")
def colours(request: pytest.FixtureRequest) -> Path:
    """Return a run folder whose small real model names the strongest colour of an image; needs no training."""
    from tests.serving.tiny import write_run

    return made_once(request, "colours", lambda folder: write_run(folder / "run")) / "run"


TINY_DIGITS = """\
[META]
base = {base}

[project]
location = {location}

[architecture]
# test_resnet halves five times
image_size = 32

[architecture.backbone]
model = test_resnet
stem = default

[training]
dir = {data}

[training.scheme]
# enough steps for batch norm's running statistics to settle
batch_size = 32
epochs = 3
"""


@pytest.fixture(scope="session")
def digits_run(run_cli: RunCli, request: pytest.FixtureRequest) -> TrainedRun:
    """Train configs/digits.ini with timm's smallest test network, once for all tests."""

    def train(folder: Path) -> None:
        text = TINY_DIGITS.format(base=ROOT / "configs/digits.ini", location=folder / "project", data=folder / "data")
        (folder / "digits.ini").write_text(text, encoding="utf-8")
        process = run_cli("train", f"--config={folder}/digits.ini", "--json", "--offline", cwd=folder)
        assert process.returncode == 0, process.stderr
        (folder / "process.json").write_text(json.dumps(vars(process)), encoding="utf-8")

    folder = made_once(request, "digits", train)
    weights = folder / "project/models/model.pth"
    facts = json.loads(Path(f"{weights}.json").read_text(encoding="utf-8"))
    run = Path(facts["run"])
    return TrainedRun(
        config=folder / "digits.ini",
        weights=weights,
        folder=run,
        bundle=Path(facts["bundle"]),
        onnx=run / "exports/onnx/model.onnx",
        process=subprocess.CompletedProcess(**json.loads((folder / "process.json").read_text(encoding="utf-8"))),
    )


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Browser"]:
    """Return Chromium; skip where there is none."""
    from tests import browser

    if not browser.is_installed():
        pytest.skip(browser.MISSING)
    with browser.started(tmp_path_factory.mktemp("browser")) as chromium:
        yield chromium


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly where nobody would look at the list of skipped tests."""
    from tests.browser import MISSING, is_installed

    if os.environ.get("CI") and not is_installed():
        terminalreporter.section("THE PAGES WERE NOT TESTED", sep="!", red=True, bold=True)
        terminalreporter.line(MISSING)


@pytest.fixture(scope="session")
def digit_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of 72 real digits as PNG files in the class folders 0, 1 and 2; copy it to change it."""
    from tests.tiny import write_digits

    return write_digits(tmp_path_factory.mktemp("digit_files"), {"0": 24, "1": 24, "2": 24})


@pytest.fixture
def lossy_export(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every ONNX file that is written have the biases of its classes changed, as by an exporter's error."""
    import numpy as np
    import onnx

    save = onnx.save

    def save_wrong(proto: onnx.ModelProto, path: Path) -> None:
        *_, bias = (array for array in proto.graph.initializer if array.name.endswith(".bias"))
        found = onnx.numpy_helper.to_array(bias)
        bias.CopyFrom(onnx.numpy_helper.from_array(found + np.arange(len(found), dtype=found.dtype), bias.name))
        save(proto, path)

    monkeypatch.setattr(onnx, "save", save_wrong)


@pytest.fixture
def disk_of(tmp_path: Path) -> Iterator[DiskOf]:
    """Return a function that mounts a file system of so many MB; it skips where this user may mount none."""
    folder = tmp_path / "disk"

    def mount(size_mb: int) -> Path:
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(folder)]
        if os.geteuid() or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("only root can mount a small disk")
        return folder

    yield mount
    if folder.is_mount():
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="session")
def photos() -> "list[np.ndarray]":
    """Return crops of two photographs, odd, tiny, wide and large ones among them."""
    from sklearn.datasets import load_sample_images

    sizes = [(32, 32), (33, 47), (1, 1), (5, 300), (300, 7), (427, 640), (64, 64), (31, 31)]
    images = load_sample_images().images
    return [images[i % 2][:height, :width].copy() for i, (height, width) in enumerate(sizes)]
