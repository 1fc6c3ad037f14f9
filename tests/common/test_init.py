import subprocess
import sys

import pytest

import auto_train.common


@pytest.mark.parametrize("name", auto_train.common.__all__)
def test_public_names_are_there(name: str):
    assert getattr(auto_train.common, name).__name__ == name


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"module 'auto_train.common' has no attribute 'nothing'"):
        _ = auto_train.common.nothing


def test_package_alone_loads_no_torch():
    code = "import sys, auto_train.common; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
