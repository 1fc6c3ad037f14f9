from pathlib import Path

import pytest

from tests.shapes import write_shapes


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of 24 images to train with and 8 for validation, with masks."""
    return write_shapes(tmp_path_factory.mktemp("shapes"), {"train": 24, "valid": 8})
