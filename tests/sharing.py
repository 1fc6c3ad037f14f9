"""What one of pytest-xdist's workers makes and all of them use."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock


def shared_folder(request: pytest.FixtureRequest) -> Path:
    """Return the folder that the workers of this session have in common, or that of the only process."""
    factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    own = factory.getbasetemp()
    return own.parent if hasattr(request.config, "workerinput") else own


def made_once(request: pytest.FixtureRequest, name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder that the first worker to ask has filled; the others wait for it. Nobody may change it.

    Args:
        make: writes into the empty folder it is given.
    """
    folder = shared_folder(request) / f"shared-{name}"
    made = folder.with_suffix(".made")
    with FileLock(folder.with_suffix(".lock")):
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of a worker that failed
            folder.mkdir()
            make(folder)
            made.touch()
    return folder


@contextmanager
def put_back(kept: Path, folder: Path) -> Iterator[None]:
    """Let a folder, whose files name the place where they are, be there again as it was when it was put aside."""
    shutil.copytree(kept, folder, symlinks=True)
    yield
    shutil.rmtree(folder)
