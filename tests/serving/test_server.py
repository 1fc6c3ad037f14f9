import socket

import pytest

from auto_train.errors import ServingError
from auto_train.serving.server import bind


def test_bind_port_zero_takes_a_free_one() -> None:
    with bind("127.0.0.1", 0) as listener:
        assert listener.getsockname()[1] > 0


def test_bind_port_in_use_says_so_and_names_another() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            ServingError, match=rf"cannot listen on 127\.0\.0\.1:{port}: address already in use"
        ) as error:
            bind("127.0.0.1", port)
    assert error.value.exit_code == 7
    assert f"--port={port % 65535 + 1}" in error.value.hint


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1"])
def test_bind_address_of_another_machine_is_refused(host: str) -> None:
    with pytest.raises(ServingError, match=rf"cannot listen on {host}:0"):
        bind(host, 0)
