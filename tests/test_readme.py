"""Every block of README.md runs, in order, as a reader would type it."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# A few seconds instead of a minute: timm's smallest test network, its answers not worth much.
FASTER = """\
[META]
base = configs/full.ini
[architecture]
image_size = 32
[architecture.backbone]
model = test_resnet
stem = default
[training.scheme]
epochs = 1
"""


@dataclass(frozen=True, kw_only=True)
class Block:
    language: str
    text: str
    line: int

    @property
    def file(self) -> str:
        """The name in a first line such as ``# parity.ini``: the block is that file's content."""
        match = re.match(r"# (\w+\.(?:ini|py))\n", self.text)
        return match[1] if match else ""


def blocks() -> list[Block]:
    text = README.read_text(encoding="utf-8")
    return [Block(language=m[1], text=m[2], line=text.count("\n", 0, m.start()) + 1) for m in BLOCK.finditer(text)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def lay_out(folder: Path) -> None:
    """Make a folder that looks like a checkout to the program."""
    for name in ("main.py", "Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "auto_train").symlink_to(ROOT / "auto_train")
    shutil.copytree(ROOT / "configs", folder / "configs")
    shutil.copytree(ROOT / "test_images", folder / "test_images")
    (folder / ".venv").mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        if (Path(sys.prefix) / name).exists():
            (folder / ".venv" / name).symlink_to(Path(sys.prefix) / name)
    (folder / ".venv/.installed").touch()


def make_fast(folder: Path) -> None:
    """Put a smaller network behind the name configs/digits.ini."""
    (folder / "configs/digits.ini").rename(folder / "configs/full.ini")
    (folder / "configs/digits.ini").write_text(FASTER, encoding="utf-8")


def run(block: Block, folder: Path) -> None:
    """Run a block and fail with its line and output if it does."""
    if block.language == "bash":
        command = ["bash", "-euo", "pipefail", "-c", block.text]
    else:
        command = [sys.executable, "-c", block.text]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False, timeout=1200
    )
    assert done.returncode == 0, f"README.md:{block.line}\n{block.text}\n{done.stdout}\n{done.stderr}"


@contextmanager
def served(block: Block, folder: Path, port: int) -> Iterator[None]:
    """Keep a `serve … &` block running, on a free port, while the blocks after it ask it."""
    command = [sys.executable, *block.text.split("&")[0].split()[1:], f"serve.port={port}"]
    with (folder / "serve.txt").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_until_ready(f"http://127.0.0.1:{port}/readyz", server, folder / "serve.txt")
        yield
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def wait_until_ready(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(300):
        assert server.poll() is None, log.read_text()
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    pytest.fail(f"{url} never answered 200\n{log.read_text()}")


def run_all(folder: Path, *, with_make: bool) -> None:
    lay_out(folder)
    if not with_make:
        make_fast(folder)
    todo = blocks()
    for block in todo:
        if block.file:
            (folder / block.file).write_text(block.text, encoding="utf-8")
    todo = [block for block in todo if not block.file]
    while todo:
        block = todo.pop(0)
        if "make train" in block.text:
            text = block.text.replace("make test ", "make -n test ")
            run(
                Block(language="bash", text=text if with_make else text.replace("make ", "make -n "), line=block.line),
                folder,
            )
        elif "&" in block.text and " serve " in block.text:
            port = free_port()
            with served(block, folder, port):
                while todo and ":8889" in todo[0].text:
                    asking = todo.pop(0)
                    run(
                        Block(language=asking.language, text=asking.text.replace("8889", str(port)), line=asking.line),
                        folder,
                    )
        else:
            run(block, folder)


def test_readme_blocks_are_all_of_a_language_that_is_run():
    assert {block.language for block in blocks()} == {"bash", "python", "ini"}
    assert all(block.file for block in blocks() if block.language == "ini")


def test_readme_links_lead_somewhere():
    targets = re.findall(r"\]\(([^)#:]+)\)", README.read_text(encoding="utf-8"))
    assert targets
    assert not [target for target in targets if not (ROOT / target).exists()]


@pytest.mark.timeout(600)
def test_readme_every_block_runs_with_a_smaller_network(tmp_path: Path):
    run_all(tmp_path, with_make=False)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_readme_every_block_runs_as_written(tmp_path: Path):
    run_all(tmp_path, with_make=True)
