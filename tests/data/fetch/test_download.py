import hashlib
import threading
from pathlib import Path

import pytest

from auto_train.data.checksum import ChecksumError
from auto_train.data.fetch.download import download
from auto_train.errors import DownloadError

CONTENT = bytes(range(256)) * 4096  # 1 MiB
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def test_download_whole_file_is_in_place_and_leaves_no_part(server, tmp_path: Path) -> None:
    server.files["a.bin"] = CONTENT
    told: list[tuple[str, int, int | None]] = []

    path = download(
        server.url("a.bin"), tmp_path / "x/a.bin", sha256=SHA256.upper(), progress=lambda *args: told.append(args)
    )

    assert path.read_bytes() == CONTENT
    assert [p.name for p in path.parent.iterdir()] == ["a.bin"]
    assert told[-1] == ("a.bin", len(CONTENT), len(CONTENT))
    assert sorted(done for _, done, _ in told) == [done for _, done, _ in told]


def test_download_present_verified_file_asks_no_server(server, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(CONTENT)

    assert download(server.url("a.bin"), tmp_path / "a.bin", sha256=SHA256).read_bytes() == CONTENT
    assert server.requests == []


def test_download_present_file_with_other_sum_is_fetched_again(server, tmp_path: Path) -> None:
    server.files["a.bin"] = CONTENT
    (tmp_path / "a.bin").write_bytes(b"old")

    assert download(server.url("a.bin"), tmp_path / "a.bin", sha256=SHA256).read_bytes() == CONTENT


def test_download_breaking_half_way_is_resumed(server, tmp_path: Path) -> None:
    server.files["a.bin"] = CONTENT
    server.cuts["a.bin"] = [400_000, 900_000]

    path = download(server.url("a.bin"), tmp_path / "a.bin", wait_s=0.01)

    assert path.read_bytes() == CONTENT
    assert server.requests == [("a.bin", ""), ("a.bin", "bytes=400000-"), ("a.bin", "bytes=900000-")]


def test_download_breaking_half_way_without_ranges_starts_again(server, tmp_path: Path) -> None:
    server.files["a.bin"] = CONTENT
    server.cuts["a.bin"] = [400_000]
    server.has_ranges = False

    assert download(server.url("a.bin"), tmp_path / "a.bin", wait_s=0.01).read_bytes() == CONTENT


def test_download_breaking_for_good_says_so_and_goes_on_next_time(server, tmp_path: Path) -> None:
    server.files["a.bin"] = CONTENT
    server.cuts["a.bin"] = [400_000] * 5

    with pytest.raises(DownloadError, match="broke off after 400,000 bytes, which are kept") as caught:
        download(server.url("a.bin"), tmp_path / "a.bin", wait_s=0.01)
    assert caught.value.exit_code == 6
    assert not (tmp_path / "a.bin").exists()

    server.requests.clear()
    server.cuts.clear()
    assert download(server.url("a.bin"), tmp_path / "a.bin").read_bytes() == CONTENT
    assert server.requests == [("a.bin", "bytes=400000-")]


def test_download_of_a_file_that_changed_meanwhile_starts_again(server, tmp_path: Path) -> None:
    server.files["a.bin"] = b"x" * len(CONTENT)
    server.cuts["a.bin"] = [400_000] * 5
    with pytest.raises(DownloadError):
        download(server.url("a.bin"), tmp_path / "a.bin", wait_s=0.01)

    server.files["a.bin"], server.tag = CONTENT, '"two"'
    server.cuts.clear()
    assert download(server.url("a.bin"), tmp_path / "a.bin").read_bytes() == CONTENT


def test_download_part_without_any_tag_is_not_trusted(server, tmp_path: Path) -> None:
    server.files["a.bin"] = CONTENT
    (tmp_path / "a.bin.part").write_bytes(b"of another file")

    assert download(server.url("a.bin"), tmp_path / "a.bin").read_bytes() == CONTENT
    assert server.requests == [("a.bin", "")]


@pytest.mark.parametrize("size", [15, len(CONTENT), len(CONTENT) + 5])
def test_download_wrong_part_with_known_sum_is_fetched_anew(server, tmp_path: Path, size: int) -> None:
    server.files["a.bin"] = CONTENT
    (tmp_path / "a.bin.part").write_bytes(b"x" * size)

    assert download(server.url("a.bin"), tmp_path / "a.bin", sha256=SHA256, wait_s=0.01).read_bytes() == CONTENT


def test_download_wrong_checksum_names_both_sums_and_leaves_nothing(server, tmp_path: Path) -> None:
    server.files["a.bin"] = CONTENT

    with pytest.raises(ChecksumError, match=f"'{SHA256}', expected '{'0' * 64}'"):
        download(server.url("a.bin"), tmp_path / "x/a.bin", sha256="0" * 64)

    assert not [path for path in (tmp_path / "x").iterdir() if path.suffix != ".tag"]


def test_download_404_is_named_and_not_tried_again(server, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"/none.bin: answered 404 Not Found"):
        download(server.url("none.bin"), tmp_path / "none.bin")

    assert len(server.requests) == 1


def test_download_busy_server_is_asked_again(server, tmp_path: Path) -> None:
    server.files["a.bin"] = CONTENT
    server.statuses["a.bin"] = [503, 429]

    assert download(server.url("a.bin"), tmp_path / "a.bin", wait_s=0.01).read_bytes() == CONTENT


def test_download_always_busy_server_is_given_up(server, tmp_path: Path) -> None:
    server.statuses["a.bin"] = [503] * 9

    with pytest.raises(DownloadError, match="answered 503 Service Unavailable"):
        download(server.url("a.bin"), tmp_path / "a.bin", wait_s=0.01)

    assert len(server.requests) == 4


def test_download_nobody_listening_says_no_connection(server, tmp_path: Path) -> None:
    url = server.url("a.bin")
    server._server.socket.close()

    with pytest.raises(DownloadError, match="no connection"):
        download(url, tmp_path / "a.bin", wait_s=0.01)


def test_download_impossible_address_is_named(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="http://:bad"):
        download("http://:bad:port/", tmp_path / "a.bin", wait_s=0.01)


def test_download_unwritable_target_is_named(server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(DownloadError, match=r"cannot be written to .*file/a.bin.part"):
        download(server.url("a.bin"), tmp_path / "file/a.bin")


def test_download_twice_at_once_fetches_once(server, tmp_path: Path) -> None:
    server.files["a.bin"] = CONTENT
    threads = [
        threading.Thread(target=download, args=(server.url("a.bin"), tmp_path / "a.bin"), kwargs={"sha256": SHA256})
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert len(server.requests) == 1
