import io
import shutil
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from auto_train.data.fetch.archive import extract, is_archive
from auto_train.errors import DataError

FILES = {"top/a.txt": b"a" * 5000, "top/sub/ü.txt": b"b"}


def make_zip(path: Path, files: dict[str, bytes] = FILES) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def make_tar(path: Path, *members: tarfile.TarInfo, files: dict[str, bytes] = FILES, mode: str = "w") -> Path:
    with tarfile.open(path, mode) as file:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
        for member in members:
            file.addfile(member)
    return path


def member(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def zip_entry(path: Path, name: str, mode: int, content: str = "") -> Path:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(info, content)
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "outer/target").mkdir(parents=True)
    return tmp_path / "outer/target"


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tar.xz", "a.tar.bz2"])
def test_extract_every_kind_gives_the_same_files(tmp_path: Path, target: Path, name: str) -> None:
    suffix = name.rpartition(".")[2]
    mode = "w" if suffix in ("zip", "tar") else f"w:{suffix}"
    archive = make_zip(tmp_path / name) if suffix == "zip" else make_tar(tmp_path / name, mode=mode)

    assert is_archive(archive)
    extract(archive, target)

    assert {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*") if path.is_file()} == FILES


def test_extract_kind_is_told_by_content(tmp_path: Path, target: Path) -> None:
    extract(make_zip(tmp_path / "really-a-zip.tar.gz"), target)

    assert (target / "top/a.txt").exists()


@pytest.mark.parametrize("content", [b"", b"text", b"\x1f\x8b broken gz", b"\xfd7zXZ\0 xz"])
def test_is_archive_other_content_is_false(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)

    assert not is_archive(tmp_path / "file")


@pytest.mark.parametrize("name", ["../evil.txt", "top/../../evil.txt", "/evil.txt", "..\\evil.txt", "C:\\evil.txt"])
@pytest.mark.parametrize("make", [make_zip, lambda path, files: make_tar(path, files=files)], ids=["zip", "tar"])
def test_extract_member_that_leads_outside_is_refused(tmp_path: Path, target: Path, name: str, make) -> None:
    archive = make(tmp_path / "a", {"good.txt": b"1", name: b"2"})

    with pytest.raises(DataError, match=r"leads outside|is an absolute path") as caught:
        extract(archive, target)

    assert str(archive) in str(caught.value)
    assert caught.value.exit_code == 3
    assert not list(tmp_path.rglob("evil.txt"))
    assert not Path("/evil.txt").exists()


@pytest.mark.parametrize(
    "info",
    [
        member("link", tarfile.SYMTYPE, "/etc/passwd"),
        member("link", tarfile.SYMTYPE, "good.txt"),
        member("link", tarfile.LNKTYPE, "top/a.txt"),
    ],
    ids=["symlink-out", "symlink-in", "hardlink"],
)
def test_extract_tar_with_link_is_refused(tmp_path: Path, target: Path, info: tarfile.TarInfo) -> None:
    with pytest.raises(DataError, match="member 'link' is a link"):
        extract(make_tar(tmp_path / "a.tar", info), target)

    assert not (target / "link").exists()


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE], ids=["chr", "blk", "fifo"])
def test_extract_tar_with_device_is_refused(tmp_path: Path, target: Path, kind: bytes) -> None:
    with pytest.raises(DataError, match="member 'dev' is a device"):
        extract(make_tar(tmp_path / "a.tar", member("dev", kind)), target)


def test_extract_zip_with_link_is_refused(tmp_path: Path, target: Path) -> None:
    with pytest.raises(DataError, match="member 'link' is a link"):
        extract(zip_entry(make_zip(tmp_path / "a.zip"), "link", stat.S_IFLNK | 0o777, "/etc/passwd"), target)


def test_extract_zip_with_device_is_refused(tmp_path: Path, target: Path) -> None:
    with pytest.raises(DataError, match="member 'dev' is a device"):
        extract(zip_entry(make_zip(tmp_path / "a.zip"), "dev", stat.S_IFIFO | 0o666), target)


def test_extract_zip_with_password_is_refused(tmp_path: Path, target: Path) -> None:
    data = bytearray(make_zip(tmp_path / "a.zip").read_bytes())
    data[data.rindex(b"PK\x01\x02") + 8] |= 1  # the flag of the last entry in the directory
    (tmp_path / "a.zip").write_bytes(data)

    with pytest.raises(DataError, match="is encrypted"):
        extract(tmp_path / "a.zip", target)


def test_extract_more_bytes_than_allowed_is_refused_before_they_are_written(tmp_path: Path, target: Path) -> None:
    bomb = make_zip(tmp_path / "bomb.zip", {"zeros": bytes(50 << 20)})

    with pytest.raises(DataError, match="unpacks to more than is plausible"):
        extract(bomb, target, max_bytes=10 << 20)

    assert sum(path.stat().st_size for path in target.iterdir()) <= 10 << 20


def test_extract_many_empty_files_count_too(tmp_path: Path, target: Path) -> None:
    with pytest.raises(DataError, match="unpacks to more than is plausible"):
        extract(make_zip(tmp_path / "a.zip", {f"{i}": b"" for i in range(100)}), target, max_bytes=20_000)


@pytest.mark.parametrize("name", ["a.zip", "a.tgz", "a.txz", "a.tar"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.8])
def test_extract_truncated_archive_is_refused(tmp_path: Path, target: Path, name: str, share: float) -> None:
    files = {f"{i}.bin": bytes(i * 7 % 256 for i in range(20_000)) for i in range(3)}
    modes = {"a.tgz": "w:gz", "a.txz": "w:xz", "a.tar": "w"}
    archive = make_zip(tmp_path / name, files) if name == "a.zip" else make_tar(
        tmp_path / name, files=files, mode=modes[name]
    )  # fmt: skip
    archive.write_bytes(archive.read_bytes()[: int(archive.stat().st_size * share)])

    with pytest.raises(DataError, match="cannot be unpacked"):
        extract(archive, target)


def test_extract_zip_with_damaged_content_is_refused(tmp_path: Path, target: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"a": bytes(range(256)) * 40})
    data = bytearray(archive.read_bytes())
    data[60] ^= 255
    archive.write_bytes(data)

    with pytest.raises(DataError, match="cannot be unpacked"):
        extract(archive, target)


def test_extract_macos_leftovers_are_left_out(tmp_path: Path, target: Path) -> None:
    extract(make_zip(tmp_path / "a.zip", {"data/a.png": b"1", "__MACOSX/data/._a.png": b"2"}), target)

    assert [path.name for path in target.iterdir()] == ["data"]


def test_extract_windows_separators_become_folders(tmp_path: Path, target: Path) -> None:
    extract(make_zip(tmp_path / "a.zip", {"data\\cats\\a.png": b"1"}), target)

    assert (target / "data/cats/a.png").is_file()


def test_extract_ignores_modes_of_the_archive(tmp_path: Path, target: Path) -> None:
    extract(zip_entry(tmp_path / "a.zip", "run.sh", stat.S_IFREG | 0o6777, "x"), target)

    assert not (target / "run.sh").stat().st_mode & (stat.S_ISUID | stat.S_IXUSR)


def test_extract_real_archive(mirror: Path, target: Path) -> None:
    extract(mirror / "bccd/bccd.tgz", target)

    assert len(list((target / "bccd/BCCD/JPEGImages").glob("*.jpg"))) == 364
    shutil.rmtree(target)
