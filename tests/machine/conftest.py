"""Packages that are only metadata, found before the installed ones."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Install]:
    """Return ``install(name, version, *lines)``, which installs a package with these lines of METADATA."""

    def write(name: str, version: str = "1.0", *lines: str, licence: str = "") -> None:
        folder = tmp_path / "site" / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir(parents=True)
        text = "\n".join(["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *lines, ""])
        (folder / "METADATA").write_text(text, encoding="utf-8")
        if licence:
            (folder / "LICENSE").write_text(licence, encoding="utf-8")
            (folder / "RECORD").write_text(f"{folder.name}/LICENSE,,\n", encoding="utf-8")

    sys.path.insert(0, str(tmp_path / "site"))
    yield write
    sys.path.remove(str(tmp_path / "site"))
