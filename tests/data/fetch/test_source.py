import gzip
import hashlib
import socket
import tarfile
import threading
import time
from pathlib import Path

import pytest

from auto_train.data import acquire
from auto_train.data.checksum import ChecksumError
from auto_train.errors import DataError, DownloadError, UsageError

IDX = {"train-images-idx3-ubyte.gz": b"images", "train-labels-idx1-ubyte.gz": b"labels"}
CLOSED = "http://127.0.0.1:9"  # the discard port: nobody listens


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def put(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def test_acquire_folder_with_files_wins(tmp_path: Path, make_files) -> None:
    folder = make_files("cats/1.png", folder=tmp_path / "data")

    source = acquire("https://x.invalid/data.zip", folder)

    assert (source.folder, source.origin, source.warning) == (folder, "folder", None)


def test_acquire_folder_with_hidden_files_only_is_fetched(tmp_path: Path, flowers: Path) -> None:
    put(tmp_path / "data/flowers", {".gitkeep": b""})

    source = acquire(str(flowers), tmp_path / "data/flowers")

    assert source.origin == "url"
    assert sorted(path.name for path in (tmp_path / "data/flowers").iterdir()) == [".gitkeep", "daisy", "roses"]


def test_acquire_into_a_linked_folder_fills_its_target(tmp_path: Path, flowers: Path) -> None:
    (tmp_path / "disk/flowers").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "disk/flowers")

    source = acquire(str(flowers), tmp_path / "link")

    assert source.folder == tmp_path / "link" and source.folder.is_symlink()
    assert (tmp_path / "disk/flowers/daisy/1.png").is_file()


@pytest.mark.parametrize("below", ["", "digits"])
def test_acquire_files_from_mirror_are_copied_and_the_mirror_untouched(tmp_path, monkeypatch, below: str) -> None:
    put(tmp_path / "mirror" / below, IDX)
    monkeypatch.setenv("AUTO_TRAIN_MIRROR", f"{tmp_path / 'none'}:{tmp_path / 'mirror'}")

    source = acquire(
        [f"{CLOSED}/{name}" for name in IDX], tmp_path / "data/digits", sha256s=[sha256(c) for c in IDX.values()]
    )

    assert source.origin == "mirror"
    assert {path.name: path.read_bytes() for path in source.folder.iterdir()} == IDX
    assert {path.name for path in (tmp_path / "mirror").rglob("*") if path.is_file()} == set(IDX)
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["digits"]
    assert acquire([f"{CLOSED}/{name}" for name in IDX], tmp_path / "data/digits").origin == "folder"


def test_acquire_mirror_two_files_of_one_name_the_checksum_decides(tmp_path, monkeypatch) -> None:
    put(tmp_path / "mirror/a", {"labels.csv": b"wrong"})
    put(tmp_path / "mirror/b", {"labels.csv": b"right"})
    monkeypatch.setenv("AUTO_TRAIN_MIRROR", str(tmp_path / "mirror"))

    source = acquire(f"{CLOSED}/labels.csv", tmp_path / "data/x", sha256s=[sha256(b"right").upper()])

    assert (source.folder / "labels.csv").read_bytes() == b"right"
    assert any("mirror/a/labels.csv: its sha256 is not" in line for line in source.tried)


def test_acquire_archive_by_path_is_extracted_beside_the_folder(tmp_path: Path, flowers: Path) -> None:
    source = acquire(str(flowers), tmp_path / "data/flowers", sha256s=[sha256(flowers.read_bytes())], offline=True)

    assert (source.folder / "daisy/1.png").is_file()
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["flowers"]


def test_acquire_file_url_is_read_and_needs_no_network(tmp_path: Path, flowers: Path) -> None:
    spaced = flowers.rename(flowers.with_name("my flowers.tgz"))

    source = acquire(spaced.as_uri(), tmp_path / "data/flowers", offline=True)

    assert (source.folder / "roses/2.png").is_file()


def test_acquire_url_archive_is_downloaded_and_extracted(tmp_path: Path, flowers: Path, server) -> None:
    server.files["get"] = flowers.read_bytes()  # a name without a suffix: the content tells what it is
    told = []

    source = acquire(server.url("get?key=1"), tmp_path / "data/flowers", progress=lambda *args: told.append(args))

    assert source.origin == "url"
    assert (source.folder / "daisy/1.png").is_file()
    assert told[-1] == ("get", len(server.files["get"]), len(server.files["get"]))


def test_acquire_second_folder_uses_the_download_cache(tmp_path: Path, flowers: Path, server) -> None:
    server.files["flowers.tgz"] = flowers.read_bytes()
    acquire(server.url("flowers.tgz"), tmp_path / "one/flowers")

    acquire(server.url("flowers.tgz"), tmp_path / "two/flowers", offline=True)

    assert (tmp_path / "two/flowers/daisy/1.png").is_file()
    assert len(server.requests) == 1


@pytest.mark.parametrize("name", ["../evil", "/evil-member"])
def test_acquire_unsafe_archive_leaves_nothing(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        file.addfile(tarfile.TarInfo("a/1.txt"))
        file.addfile(tarfile.TarInfo(name))

    with pytest.raises(DataError, match=r"leads outside|absolute path"):
        acquire(str(tmp_path / "a.tar"), tmp_path / "data/a")

    assert not list((tmp_path / "data").iterdir())


def test_acquire_some_of_several_files_fetches_the_rest(tmp_path: Path, monkeypatch) -> None:
    put(tmp_path / "mirror", IDX)
    put(tmp_path / "data/digits", dict([next(iter(IDX.items()))]))
    monkeypatch.setenv("AUTO_TRAIN_MIRROR", str(tmp_path / "mirror"))

    source = acquire([f"{CLOSED}/{name}" for name in IDX], tmp_path / "data/digits")

    assert {path.name: path.read_bytes() for path in source.folder.iterdir()} == IDX


def test_acquire_unpacked_idx_files_count_as_there(tmp_path: Path) -> None:
    put(tmp_path / "data/digits", {name.removesuffix(".gz"): content for name, content in IDX.items()})

    source = acquire([f"{CLOSED}/{name}" for name in IDX], tmp_path / "data/digits", sha256s=["0" * 64] * 2)

    assert source.origin == "folder"


def test_acquire_damaged_file_in_the_folder_names_both_sums_and_keeps_it(tmp_path: Path) -> None:
    put(tmp_path / "data", IDX)

    with pytest.raises(ChecksumError, match=f"train-labels.*'{sha256(b'labels')}', expected '{'0' * 64}'") as caught:
        acquire([f"{CLOSED}/{name}" for name in IDX], tmp_path / "data", sha256s=[sha256(b"images"), "0" * 64])

    assert "remove the file" in caught.value.hint
    assert (tmp_path / "data/train-labels-idx1-ubyte.gz").exists()


def test_acquire_nothing_reachable_uses_the_fallback_and_says_so(tmp_path: Path) -> None:
    start = time.monotonic()

    source = acquire(f"{CLOSED}/a.zip", tmp_path / "data/a", fallback="builtin:digits")

    assert time.monotonic() - start < 5
    assert (source.folder, source.builtin, source.origin) == (None, "digits", "fallback")
    assert "1,797 real handwritten digits" in source.warning
    assert "a.zip: no connection" in source.warning
    assert "AUTO_TRAIN_MIRROR is not set" in source.warning


def test_acquire_nothing_reachable_and_no_fallback_lists_everything_tried(tmp_path: Path, monkeypatch, server) -> None:
    put(tmp_path / "mirror", {"other.zip": b""})
    monkeypatch.setenv("AUTO_TRAIN_MIRROR", str(tmp_path / "mirror"))

    with pytest.raises(DownloadError) as caught:
        acquire([server.url("a.zip")], tmp_path / "data/a")

    text = str(caught.value)
    assert caught.value.exit_code == 6
    assert f"folder {tmp_path}/data/a: not there" in text
    assert f"mirror {tmp_path}/mirror: no 'a.zip'" in text
    assert f"{server.url('a.zip')}: answered 404 Not Found" in text
    assert "AUTO_TRAIN_MIRROR" in caught.value.hint
    assert not (tmp_path / "data").exists()


def test_acquire_wrong_checksum_is_an_error_even_with_a_fallback(tmp_path: Path, server) -> None:
    server.files["a.zip"] = b"other"

    with pytest.raises(ChecksumError, match=sha256(b"other")):
        acquire(server.url("a.zip"), tmp_path / "data/a", sha256s=["0" * 64], fallback="builtin:digits")

    assert not [path for path in (tmp_path / "cache/downloads").rglob("a.zip*") if path.suffix != ".tag"]


def test_acquire_wrong_checksum_of_a_path_names_both(tmp_path: Path, flowers: Path) -> None:
    with pytest.raises(ChecksumError, match=f"expected '{'0' * 64}'"):
        acquire(str(flowers), tmp_path / "data/flowers", sha256s=["0" * 64])


def test_acquire_offline_touches_no_network_and_lists_all_that_is_missing(tmp_path: Path, server) -> None:
    urls = [server.url("a.zip"), server.url("b.zip")]

    with pytest.raises(DownloadError) as caught:
        acquire(urls, tmp_path / "data/a", offline=True)

    assert all(f"{url}: not fetched, offline" in str(caught.value) for url in urls)
    assert server.requests == []


def test_acquire_without_any_source_names_the_key(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="no data here and no source is named") as caught:
        acquire([], tmp_path / "data")

    assert "[project] data_source_url" in caught.value.hint


def test_acquire_malformed_address_is_reported_not_raised_raw(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"file .*roof.tar.xz: not there"):
        acquire("https =//host/roof.tar.xz", tmp_path / "data")


def test_acquire_unknown_scheme_is_named(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="unknown scheme 'gopher'"):
        acquire("gopher://host/data.zip", tmp_path / "data")


def test_acquire_folder_as_source_says_where_to_write_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder") as caught:
        acquire(str(tmp_path), tmp_path / "data")

    assert "[training] dir" in caught.value.hint


def test_acquire_checksums_of_another_number_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="1 checksums for 2 sources"):
        acquire(["a", "b"], tmp_path / "data", sha256s=["0" * 64])


def test_acquire_builtin_by_name_needs_nothing(tmp_path: Path) -> None:
    source = acquire("builtin:digits", tmp_path / "data")

    assert (source.builtin, source.origin, source.warning) == ("digits", "url", None)


@pytest.mark.parametrize(
    ("url", "fallback", "key"),
    [("builtin:digit", None, "data_source_url"), (f"{CLOSED}/a", "builtin:digit", "fallback")],
)
def test_acquire_unknown_builtin_suggests_the_known(tmp_path: Path, url: str, fallback: str | None, key: str) -> None:
    with pytest.raises(UsageError, match=f"{key}: 'builtin:digit' is no builtin data.*did you mean 'builtin:digits'"):
        acquire(url, tmp_path / "data", fallback=fallback)


def test_acquire_folder_that_cannot_be_written_is_named(tmp_path: Path, flowers: Path) -> None:
    put(tmp_path, {"file": b""})

    with pytest.raises(DownloadError, match="file/flowers: cannot be written"):
        acquire(str(flowers), tmp_path / "file/flowers")


def test_acquire_two_at_once_into_one_folder_both_get_it(tmp_path: Path, flowers: Path, server) -> None:
    server.files["flowers.tgz"] = flowers.read_bytes()
    sources = []
    threads = [
        threading.Thread(target=lambda: sources.append(acquire(server.url("flowers.tgz"), tmp_path / "data/flowers")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(source.origin for source in sources) == ["folder", "folder", "folder", "url"]
    assert len(server.requests) == 1


def test_acquire_server_that_never_answers_gives_up_within_the_connect_timeout(tmp_path: Path) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:  # the queue of connections is full: the next one gets no answer at all
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
            start = time.monotonic()
            source = acquire(f"http://127.0.0.1:{port}/a.zip", tmp_path / "data/a", fallback="builtin:digits")
        finally:
            for filler in fillers:
                filler.close()

    assert source.origin == "fallback"
    assert time.monotonic() - start < 15


def test_acquire_real_mnist_from_the_mirror(tmp_path: Path, mirror: Path, monkeypatch) -> None:
    monkeypatch.setenv("AUTO_TRAIN_MIRROR", str(mirror))
    name = "t10k-labels-idx1-ubyte.gz"
    expected = "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"  # the well-known file

    source = acquire(f"https://x.invalid/{name}", tmp_path / "data/mnist", sha256s=[expected])

    assert source.origin == "mirror"
    assert len(gzip.decompress((source.folder / name).read_bytes())) == 10_008
