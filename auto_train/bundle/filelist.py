"""filelist.txt: every file of a folder with its sha256, and the check against it (F0.9)."""

import hashlib
from pathlib import Path, PurePosixPath

from auto_train.errors import BundleError

FILELIST = "filelist.txt"


def make_filelist(folder: Path) -> Path:
    """Write ``filelist.txt``: one line ``relative/path sha256`` for every other file under the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != FILELIST)
    lines = [f"{path.relative_to(folder).as_posix()} {sha256_of(path)}\n" for path in files]
    (folder / FILELIST).write_text("".join(lines), encoding="utf-8")
    return folder / FILELIST


def read_filelist(folder: Path) -> dict[str, str | None]:
    """Return path → sha256 (None where the line has no checksum).

    Raises:
        BundleError: no filelist, or a path that leaves the folder.
    """
    path = folder / FILELIST
    if not path.is_file():
        raise BundleError(f"Invalid repo: {folder} has no {FILELIST}", hint="name the folder that training wrote")
    entries: dict[str, str | None] = {}
    for line in filter(None, path.read_text(encoding="utf-8").splitlines()):
        name, _, digest = line.rpartition(" ")
        if not name:
            name, digest = line, ""
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise BundleError(f"{FILELIST} names '{name}', outside its folder", where=str(path))
        entries[name] = digest or None
    return entries


def verify_filelist(folder: Path) -> None:
    """Check that every listed file is there, unchanged; never delete anything.

    Raises:
        BundleError: names every file that is missing or altered.
    """
    problems = []
    for name, digest in read_filelist(folder).items():
        path = folder / name
        if not path.is_file():
            problems.append(f"{name} is missing")
        elif digest and sha256_of(path) != digest:
            problems.append(f"{name} was altered")
    if problems:
        raise BundleError(
            "INTEGRITY ERROR: " + "; ".join(problems), where=str(folder), hint="copy the bundle again, or train again"
        )


def sha256_of(path: Path) -> str:
    """Return the hex sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
