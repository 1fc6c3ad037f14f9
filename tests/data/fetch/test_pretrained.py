import hashlib
import time
from pathlib import Path

import pytest

from auto_train.data import find_weights
from auto_train.data.checksum import ChecksumError
from auto_train.errors import DownloadError

CLOSED = "http://127.0.0.1:9"  # the discard port: nobody listens


@pytest.fixture
def hub(server):
    """Return a loopback hub with the repository ``org/net``."""
    server.files["org/net/resolve/main/model.safetensors"] = b"weights of net"
    server.files["org/old/resolve/main/pytorch_model.bin"] = b"weights of old"
    server.files["org/net/resolve/v2/sub/head.safetensors"] = b"weights of v2"
    server.headers["X-Repo-Commit"] = "0123456789" * 4
    return server


def test_find_weights_file_is_itself(tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"w")

    assert find_weights(str(tmp_path / "w.safetensors"), offline=True) == tmp_path / "w.safetensors"
    assert find_weights((tmp_path / "w.safetensors").as_uri(), offline=True) == tmp_path / "w.safetensors"


@pytest.mark.parametrize("name", ["w.safetensors", "weights/w.safetensors", f"{CLOSED}/w.safetensors"])
def test_find_weights_by_name_looks_in_the_mirror(tmp_path: Path, monkeypatch, name: str) -> None:
    (tmp_path / "mirror/weights").mkdir(parents=True)
    (tmp_path / "mirror/weights/w.safetensors").write_bytes(b"w")
    monkeypatch.setenv("AUTO_TRAIN_MIRROR", str(tmp_path / "mirror"))

    assert find_weights(name, offline=True) == tmp_path / "mirror/weights/w.safetensors"


def test_find_weights_url_is_downloaded_once(server) -> None:
    server.files["w.pth"] = b"w"

    path = find_weights(server.url("w.pth"), sha256=hashlib.sha256(b"w").hexdigest())

    assert path.read_bytes() == b"w"
    assert find_weights(server.url("w.pth"), offline=True) == path
    assert len(server.requests) == 1


def test_find_weights_url_with_wrong_sum_is_refused(server) -> None:
    server.files["w.pth"] = b"w"

    with pytest.raises(ChecksumError, match="expected '0000"):
        find_weights(server.url("w.pth"), sha256="0" * 64)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("org/net", b"weights of net"),
        ("hf://org/net", b"weights of net"),
        ("hf-hub:org/net", b"weights of net"),
        ("org/old", b"weights of old"),
        ("hf://org/net/sub/head.safetensors@v2", b"weights of v2"),
    ],
)
def test_find_weights_hub_name_is_fetched_and_kept(hub, tmp_path: Path, name: str, content: bytes) -> None:
    path = find_weights(name, endpoint=hub.url("").rstrip("/"))

    assert path.read_bytes() == content
    assert tmp_path / "cache" in path.parents
    hub.requests.clear()
    assert find_weights(name, offline=True) == path
    assert hub.requests == []


def test_find_weights_nowhere_lists_everything_tried(hub, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("AUTO_TRAIN_MIRROR", str(tmp_path))

    with pytest.raises(DownloadError) as caught:
        find_weights("org/none", endpoint=hub.url("").rstrip("/"))

    text = str(caught.value)
    assert caught.value.exit_code == 6
    assert "[architecture.backbone] weights: weights 'org/none' could not be had" in text
    assert "file " in text and "mirror " in text
    assert "hub org/none/model.safetensors: " in text and "hub org/none/pytorch_model.bin: " in text


def test_find_weights_offline_hub_name_says_so_without_network(hub) -> None:
    with pytest.raises(DownloadError, match=r"hub org/net/model.safetensors: offline"):
        find_weights("org/net", offline=True, endpoint=hub.url("").rstrip("/"))

    assert hub.requests == []


def test_find_weights_hub_that_is_not_reachable_is_named_in_seconds() -> None:
    start = time.monotonic()

    with pytest.raises(DownloadError, match=rf"hub org/net/model.safetensors: no connection to {CLOSED}"):
        find_weights("org/net", endpoint=CLOSED)

    assert time.monotonic() - start < 5


def test_find_weights_file_name_is_not_looked_up_in_the_hub(hub) -> None:
    with pytest.raises(DownloadError, match="AUTO_TRAIN_MIRROR is not set"):
        find_weights("weights/none.safetensors", endpoint=hub.url("").rstrip("/"))

    assert hub.requests == []


def test_find_weights_malformed_hub_name_shows_the_form() -> None:
    with pytest.raises(DownloadError, match=r"no hub name .allowed: hf://ORG/NAME"):
        find_weights("hf://only-one")
