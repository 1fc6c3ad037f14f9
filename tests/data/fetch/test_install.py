import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from auto_train.data.fetch.install import has_content, install
from auto_train.errors import DataError


def test_install_archive_with_the_parents_folder_on_top_is_taken_without_it(tmp_path: Path, make_files) -> None:
    make_files("images/cats/1.png", folder=tmp_path / "pack/pets")
    with tarfile.open(tmp_path / "pets.tar", "w") as file:
        file.add(tmp_path / "pack/pets", "pets")

    folder = tmp_path / "data/pets/images"
    install([("a", tmp_path / "pets.tar")], folder)

    assert (folder / "cats/1.png").is_file()
    assert [path.name for path in (tmp_path / "data/pets").iterdir()] == ["images"]


def test_install_archive_and_table_arrive_together(tmp_path: Path, flowers: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("path,label\n")
    folder = tmp_path / "data/flowers"
    install([("flowers.tgz", flowers), ("labels.csv", table)], folder)

    assert sorted(path.name for path in folder.iterdir()) == ["daisy", "labels.csv", "roses"]


def test_install_archive_without_the_folder_says_what_it_held(tmp_path: Path, flowers: Path) -> None:
    with pytest.raises(DataError, match=r"has no folder 'blooms/'; it holds: flowers/") as caught:
        install([("a", flowers)], tmp_path / "data/blooms")

    assert f"set [training] dir = {tmp_path}/data/flowers" in caught.value.hint
    assert not list((tmp_path / "data").iterdir())


def test_install_text_named_as_archive_says_how_it_begins(tmp_path: Path) -> None:
    page = tmp_path / "data.zip"
    page.write_text("<!DOCTYPE html><title>Log in</title>")

    with pytest.raises(DataError, match="is no zip or tar archive: it begins with b'<!DOCTYPE html>"):
        install([("a", page)], tmp_path / "data/x")


def test_install_existing_neighbours_are_kept(tmp_path: Path, make_files) -> None:
    make_files("a/cats/1.png", "LICENSE", "same.txt", folder=tmp_path / "pack")
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        for name in ("a", "LICENSE", "same.txt"):
            file.add(tmp_path / "pack" / name, name)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/LICENSE").write_bytes(b"mine")
    shutil.copy(tmp_path / "pack/same.txt", tmp_path / "data/same.txt")

    folder = tmp_path / "data/a"
    warning = install([("a", tmp_path / "a.tar")], folder)

    assert (tmp_path / "data/LICENSE").read_bytes() == b"mine"
    assert warning == f"kept as they were, though the archive holds other content: {tmp_path}/data/LICENSE"


def test_install_after_a_killed_extraction_starts_over(tmp_path: Path, flowers: Path) -> None:
    (tmp_path / "data/.flowers.partial/flowers/daisy").mkdir(parents=True)
    (tmp_path / "data/.flowers.partial/flowers/daisy/half.png").write_bytes(b"")

    folder = tmp_path / "data/flowers"
    install([("a", flowers)], folder)

    assert not (folder / "daisy/half.png").exists()
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["flowers"]


def test_install_into_a_folder_with_content_adds_files_and_keeps_the_rest(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.csv").write_text("a")
    (tmp_path / "b.csv").write_text("b")

    install([("b.csv", tmp_path / "b.csv")], folder)

    assert {path.name: path.read_text() for path in folder.iterdir()} == {"a.csv": "a", "b.csv": "b"}


def test_install_killed_at_any_moment_never_looks_finished(tmp_path: Path, make_files) -> None:
    names = [f"{i:04}.png" for i in range(1500)]
    with tarfile.open(tmp_path / "many.tar", "w") as file:
        image = make_files("1.png", folder=tmp_path / "pack") / "1.png"
        for name in names:
            file.add(image, f"many/{name}")
    folder = tmp_path / "data/many"
    code = "import sys; from pathlib import Path; from auto_train.data.fetch.install import install; "
    code += "install([('many.tar', Path(sys.argv[1]))], Path(sys.argv[2]))"
    command = [sys.executable, "-c", code, tmp_path / "many.tar", folder]
    killed_half_way = 0

    for wait_s in (0.0, 0.005, 0.01, 0.02):
        process = subprocess.Popen(command)
        while not list(tmp_path.glob("data/.many.partial/many/*")) and process.poll() is None:
            time.sleep(0.001)
        time.sleep(wait_s)
        process.kill()
        process.wait()
        killed_half_way += not folder.exists()
        assert not folder.exists() or len(list(folder.iterdir())) == len(names)
        if folder.exists():
            shutil.rmtree(folder)

    assert killed_half_way
    install([("many.tar", tmp_path / "many.tar")], folder)
    assert sorted(path.name for path in folder.iterdir()) == names
    assert [path.name for path in folder.parent.iterdir()] == ["many"]


def test_has_content_hidden_files_do_not_count(tmp_path: Path) -> None:
    assert not has_content(tmp_path / "none")
    (tmp_path / ".DS_Store").write_bytes(b"")
    assert not has_content(tmp_path)
    (tmp_path / "a").mkdir()
    assert has_content(tmp_path)
