import subprocess
import sys

import pytest

import auto_train.data

HEAVY = ["numpy", "pandas", "PIL", "httpx", "filelock", "sklearn", "torch", "huggingface_hub", "pyarrow"]


def test_data_import_loads_nothing_heavy(root) -> None:
    code = f"import sys, auto_train.data; print([name for name in {HEAVY} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_acquire_of_data_that_is_there_loads_nothing_heavy(root, make_files) -> None:
    folder = make_files("a/1.png")
    code = (
        "import sys, auto_train.data as data; data.acquire('x', sys.argv[1]); print(sys.modules.keys() & set(sys.argv))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, folder, *HEAVY], cwd=root, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("name", auto_train.data.__all__)
def test_data_every_name_is_there(name: str) -> None:
    assert getattr(auto_train.data, name).__doc__


def test_data_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"auto_train.data.* has no attribute 'fetsch'"):
        _ = auto_train.data.fetsch
