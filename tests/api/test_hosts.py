import pytest

from auto_train.api.hosts import host_of, is_loopback, is_own_name


@pytest.mark.parametrize(
    ("netloc", "host"),
    [
        ("LocalHost:8889", "localhost"),
        ("localhost.", "localhost"),
        ("[::1]:8889", "::1"),
        ("[::1]", "::1"),
        ("127.0.0.1", "127.0.0.1"),
        (" a.example :1", "a.example "),
        ("[::1", "::1"),
        ("", ""),
    ],
)
def test_host_is_the_name_before_the_port(netloc: str, host: str) -> None:
    assert host_of(netloc) == host


@pytest.mark.parametrize(
    ("address", "is_one"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("0.0.0.0", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_loopback_addresses_are_known(address: str, is_one: bool) -> None:
    assert is_loopback(address) is is_one


def test_own_names_are_localhost_loopback_and_those_of_the_ini() -> None:
    assert is_own_name("localhost", []) and is_own_name("::1", [])
    assert is_own_name("app.example", ["App.Example:443"]) and is_own_name("fd00::7", ["fd00::7"])
    assert not is_own_name("app.example", ["example"]) and is_own_name("app.example", ["*"])
