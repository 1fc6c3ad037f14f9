from pathlib import Path

import pytest

from tests.reports.written import predictions, write_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return a finished run of three classes and 120 images."""
    return write_run(tmp_path / "run", *predictions())
