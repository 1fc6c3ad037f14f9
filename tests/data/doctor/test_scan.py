import os
from pathlib import Path

import numpy as np
import pytest

from auto_train.data import read_samples
from auto_train.data.doctor import look_at_all, write_data_report
from auto_train.data.readers.idx import array_samples


def test_every_row_is_noted_in_order(make_files):
    samples = read_samples(make_files(*(f"{label}/{i:02d}.png" for label in "ab" for i in range(40))))
    told: list[tuple[int, int]] = []
    looks = look_at_all(samples, progress=lambda *args: told.append(args))
    assert looks.sums == [samples.images.sha256(row) for row in range(80)]
    assert (looks.sizes == (20, 16)).all() and set(looks.modes) == {"RGB"} and set(looks.formats) == {"PNG"}
    assert told[-1] == (80, 80) and not looks.problems and looks.whole.tolist() == list(range(80))


def test_files_that_cannot_be_used_have_a_problem_and_the_others_a_look(make_files):
    folder = make_files("a/1.png", "a/2.png", "b/3.png")
    (folder / "b/gone.png").symlink_to(folder / "nowhere.png")
    (folder / "b/loop.png").symlink_to(folder / "b/loop.png")
    (folder / "b/zero.png").touch()
    looks = look_at_all(read_samples(folder))
    assert {row: problem.code for row, problem in looks.problems.items()} == {3: "missing", 4: "missing", 5: "empty"}
    assert looks.whole.tolist() == [0, 1, 2] and looks.sums[3] == ""


def test_pipe_named_like_an_image_is_not_waited_for(make_files, find, doctor, tmp_path: Path):
    folder = make_files("a/1.png", "b/2.png")
    os.mkfifo(folder / "b/pipe.png")
    finding = find(folder, "unreadable")
    assert [item.message for item in finding.items] == ["cannot be read: is a pipe"]
    write_data_report(doctor(folder), tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_file_without_the_right_to_read_it_is_told(make_files):
    folder = make_files("a/1.png", "b/2.png")
    (folder / "b/2.png").chmod(0)
    assert look_at_all(read_samples(folder)).problems[1].code == "not_allowed"


def test_known_content_is_not_decoded_again(make_files):
    folder = make_files("a/1.png", "b/2.png")
    first = look_at_all(read_samples(folder))
    for path in folder.rglob("*.png"):
        path.write_bytes(b"what would not decode")
    samples = read_samples(folder).with_column("sha256", first.sums)
    again = look_at_all(samples)
    assert not again.problems and (again.thumbs == first.thumbs).all() and again.modes == first.modes


def test_images_in_memory_are_looked_at_in_blocks():
    pixels = np.random.default_rng(0).integers(0, 256, (5000, 12, 10), dtype=np.uint8)
    samples = array_samples([("x", "", pixels, np.arange(5000) % 2)], None)
    looks = look_at_all(samples)
    assert looks.sums[4321] == samples.images.sha256(4321) and len(set(looks.sums)) == 5000
    assert (looks.sizes == (10, 12)).all() and abs(looks.thumbs[4999].mean() - pixels[4999].mean()) < 2


def test_odd_names_are_read(make_files):
    long = "é" * 125 + ".png"  # 254 bytes
    folder = make_files("a/1.png", f"b/{long}", "c <b>&/2.png")
    (folder / "a/1.png").rename(os.fsdecode(os.fsencode(folder) + b"/a/\xff\xfe.png"))
    assert not look_at_all(read_samples(folder)).problems


def test_link_to_a_folder_above_ends(make_files):
    folder = make_files("a/1.png", "b/2.png")
    (folder / "a/again").symlink_to(folder, target_is_directory=True)
    assert not look_at_all(read_samples(folder)).problems
