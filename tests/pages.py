"""The code blocks of README.md and docs/*.md, run in order as a reader would type them.

Blocks of bash and python are run. A block of ini, python, yaml or toml that begins with ``# NAME`` is the content of
that file. Other languages (console, text, json) are only shown. Above a block may stand ``<!-- slow -->``: it takes
minutes, so only `make test-slow` runs it; or ``<!-- first: COMMAND -->``: what the reader has done before.
"""

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
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RUN = ("bash", "python")
SHOWN = ("console", "text", "json", "html")
FILES = ("ini", "python", "yaml", "toml")
BLOCK = re.compile(
    r"(?:^<!-- (?P<note>slow|first: [^\n]*?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
FILE = re.compile(r"# (\S+\.\w+)\n(.*)", re.DOTALL)
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
    """A code block of a page.

    Args:
        page: its file.
        line: of the page, where it begins.
        language: behind the three backticks.
        text: what is in it.
        note: of the comment above it.
    """

    page: Path
    line: int
    language: str
    text: str
    note: str = ""

    @property
    def file(self) -> str:
        """The name in a first line such as ``# parity.ini``: the block is that file's content."""
        match = FILE.fullmatch(self.text) if self.language in FILES else None
        return match[1] if match else ""

    @property
    def content(self) -> str:
        """What the file holds below that line."""
        match = FILE.fullmatch(self.text)
        return match[2] if match else self.text

    @property
    def is_run(self) -> bool:
        return self.language in RUN and not self.file


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page=page,
            line=text.count("\n", 0, m.start("language")) + 1,
            language=m["language"],
            text=m["text"],
            note=m["note"] or "",
        )
        for m in BLOCK.finditer(text)
    ]


def files_of(page: Path) -> dict[str, str]:
    """Return the files a page spells out, by name."""
    return {block.file: block.content for block in blocks_of(page) if block.file}


def run_page(page: Path, folder: Path, *, is_fast: bool) -> None:
    """Run a page's blocks in an empty folder made to look like a checkout.

    Args:
        is_fast: with a smaller network and without the blocks that are marked slow.
    """
    lay_out(folder)
    if is_fast:
        make_fast(folder)
    for name, content in files_of(page).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    todo = [block for block in blocks_of(page) if block.is_run and not (is_fast and block.note == "slow")]
    while todo:
        block = todo.pop(0)
        if block.note.startswith("first: "):
            run(replace(block, language="bash", text=block.note.removeprefix("first: ")), folder)
        if "make train" in block.text:
            dry = "make " if is_fast else "make test "
            run(replace(block, text=block.text.replace(dry, dry.replace("make", "make -n"))), folder)
        elif "&" in block.text and " serve " in block.text:
            port = free_port()
            with served(block, folder, port):
                while todo and ":8889" in todo[0].text:
                    asking = todo.pop(0)
                    run(replace(asking, text=asking.text.replace("8889", str(port))), folder)
        else:
            run(block, folder)


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
    assert done.returncode == 0, f"{block.page.name}:{block.line}\n{block.text}\n{done.stdout}\n{done.stderr}"


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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
