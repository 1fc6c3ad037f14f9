import re
from importlib.metadata import requires

import pytest
from packaging.utils import canonicalize_name

from auto_train.machine.packages import Package, extras, find_missing, packages
from tests.machine.conftest import Install

OURS = (
    "Requires-Dist: direct>=2",
    "Requires-Dist: typer>=0.1",
    "Requires-Dist: elsewhere; sys_platform == 'no such system'",
    "Provides-Extra: more",
    "Provides-Extra: all",
    "Requires-Dist: absent>=1; extra == 'more'",
    "Requires-Dist: present; extra == 'more'",
    "Requires-Dist: auto-train[more]; extra == 'all'",
)


@pytest.fixture
def own(install: Install) -> None:
    """Install this program with other requirements, and some of those."""
    install("auto-train", "0.1.0", *OURS)
    install("direct", "1.5", "Requires-Dist: below[fast]", "Requires-Dist: not-chosen; extra == 'x'")
    install("below", "1.0", "Provides-Extra: fast", "Requires-Dist: faster; extra == 'fast'", "Requires-Dist: direct")
    install("faster", "3.0")
    install("present", "1.0")


def by_name() -> dict[str, Package]:
    return {package.name: package for package in packages()}


def test_packages_are_followed_through_extras_and_loops(own: None) -> None:
    found = by_name()
    assert {"direct", "below", "faster", "typer", "present"} <= set(found)
    assert not {"not-chosen", "elsewhere", "absent", "auto-train"} & set(found)
    assert found["faster"] == Package(name="faster", version="3.0", used_by=("core",))


def test_package_of_an_extra_says_which_ones_need_it(own: None) -> None:
    assert by_name()["present"].used_by == ("all", "more")


def test_package_too_old_says_what_is_wanted(own: None) -> None:
    assert by_name()["direct"].wanted == "direct>=2"


def test_package_of_the_core_that_is_not_there_is_found(install: Install) -> None:
    install("auto-train", "0.1.0", "Requires-Dist: gone>=1")
    assert by_name()["gone"] == Package(name="gone", version=None, used_by=("core",), wanted="gone>=1")


def test_extra_lacks_what_is_not_installed(own: None) -> None:
    assert find_missing("more") == ["absent>=1"]
    assert extras() == ["all", "more"]


def test_extra_of_this_program_lacks_nothing_here() -> None:
    assert [find_missing(name) for name in ("tensorboard", "wandb", "mlflow")] == [[], [], []]


def test_packages_of_this_program_are_those_it_asks_for_and_theirs() -> None:
    asked = [line for line in requires("auto-train") or [] if ";" not in line]
    named = {canonicalize_name(re.split(r"[^\w.-]", line)[0]) for line in asked}
    core = {name for name, package in by_name().items() if "core" in package.used_by}
    assert named <= core
    assert {"sympy", "starlette"} <= core - named  # of torch, of fastapi
