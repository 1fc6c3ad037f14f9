import time
from pathlib import Path

import pytest
from PIL import Image

from auto_train.data.inspect.facts import MAX_HEADERS, collect_facts, spread
from auto_train.data.inspect.recognise import recognise
from auto_train.errors import DataError


def picture(path: Path, width: int, height: int, colour: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("1", (width, height), colour).save(path)


def test_facts_count_what_is_there_to_train_on(tmp_path: Path) -> None:
    for split, counts in {"train": {"a": 3, "b": 2}, "test": {"a": 4, "b": 1}}.items():
        for label, count in counts.items():
            for i in range(count):
                picture(tmp_path / split / label / f"{i}.png", 40, 30)
    facts = collect_facts(recognise(tmp_path).samples)
    assert (facts.splits, facts.classes, facts.num_train) == ({"test": 5, "train": 5}, {"a": 3, "b": 2}, 5)
    assert (facts.width, facts.height, facts.side, facts.has_valid) == (40, 30, 40, False)


def test_facts_of_one_pixel_and_of_169_million_come_from_headers(tmp_path: Path) -> None:
    picture(tmp_path / "a" / "dot.png", 1, 1)
    picture(tmp_path / "a" / "usual.png", 30, 20)
    picture(tmp_path / "b" / "wall.png", 13_000, 13_000)
    facts = collect_facts(recognise(tmp_path).samples)
    assert (facts.smallest, facts.largest, facts.width) == ((1, 1), (13_000, 13_000), 30)
    assert facts.evidence.images == 2


def test_facts_of_identical_images_are_facts(tmp_path: Path) -> None:
    for i in range(30):
        picture(tmp_path / "ab"[i % 2] / f"{i}.png", 9, 9)
    evidence = collect_facts(recognise(tmp_path).samples).evidence
    assert (evidence.is_grey, evidence.is_plain, evidence.upright) == (True, True, None)


def test_facts_name_images_that_cannot_be_read(tmp_path: Path) -> None:
    picture(tmp_path / "a" / "1.png", 5, 5)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "2.png").write_bytes(b"")
    facts = collect_facts(recognise(tmp_path).samples)
    assert facts.looked_at == 2
    assert [text for text in facts.broken if "2.png: is empty" in text]


def test_facts_of_images_none_of_which_can_be_read_are_none(tmp_path: Path) -> None:
    for label in "ab":
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.png").write_bytes(b"GIF or so")
    with pytest.raises(DataError, match=r"none of 2 images looked at can be read: .*1.png: is no image"):
        collect_facts(recognise(tmp_path).samples)


def test_facts_of_a_test_split_alone_say_that_nothing_is_there_to_train_on(tmp_path: Path) -> None:
    for label in "ab":
        picture(tmp_path / "test" / label / "1.png", 5, 5)
    with pytest.raises(DataError, match="no image is there to train on: all are in the split test"):
        collect_facts(recognise(tmp_path).samples)


def test_facts_of_many_files_read_a_bounded_number_of_headers(tmp_path: Path) -> None:
    picture(tmp_path / "a" / "0.png", 8, 8)
    (tmp_path / "b").mkdir()
    for i in range(20_000):
        (tmp_path / "ab"[i % 2] / f"{i + 1}.png").hardlink_to(tmp_path / "a" / "0.png")
    samples = recognise(tmp_path).samples
    began = time.monotonic()
    facts = collect_facts(samples)
    assert (facts.num_train, facts.looked_at) == (20_001, MAX_HEADERS)
    assert time.monotonic() - began < 20


def test_spread_takes_rows_at_equal_distances() -> None:
    assert spread(range(10), 5) == [0, 2, 4, 6, 8]
    assert spread([3, 4], 5) == [3, 4]
    assert spread([], 5) == []
