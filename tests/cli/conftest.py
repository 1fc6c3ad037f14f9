"""The colours run, built once for the session."""

from pathlib import Path

import pytest

from tests.serving.tiny import write_run


@pytest.fixture(scope="session")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run folder whose model names the strongest colour of an image."""
    folder = tmp_path_factory.getbasetemp() / "colours"
    return folder if folder.exists() else write_run(folder)
