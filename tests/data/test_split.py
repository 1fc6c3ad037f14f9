from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from auto_train.data import assign_splits, read_samples
from auto_train.data.images import ArrayImages
from auto_train.data.samples import Samples
from auto_train.data.split import unit_hash
from auto_train.data.targets import Boxes, LabelSets, Values
from auto_train.errors import DataError, UsageError


def samples_of(
    labels: list[str], *, groups: list[str] | None = None, splits: list[str] | None = None, first: int = 0
) -> Samples:
    """Return samples whose images differ by their number, counted from ``first``."""
    numbers = np.arange(first, first + len(labels), dtype=np.uint32)
    images = numbers.view(np.uint8).reshape(-1, 2, 2)
    table = pd.DataFrame(
        {
            "path": [str(number) for number in numbers],
            "split": splits or [""] * len(labels),
            "label": labels,
            "group": groups or [""] * len(labels),
            "sha256": "",
        },
        dtype=object,
    )
    return Samples(table=table, images=ArrayImages([("x", images)]), labels=sorted(set(labels)))


def split_of(samples: Samples) -> dict[str, str]:
    return dict(zip(samples.table["path"], samples.table["split"]))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("labels", "of_classes"),
    [
        (["a"] * 12 + ["b"] * 12, {"a": {2, 3}, "b": {2, 3}}),  # 2.4 each
        (["a"] * 16 + ["b"] * 8, {"a": {3}, "b": {2}}),  # 3.2 and 1.6
        (["a"] * 20 + ["b"] * 3 + ["c"], {"a": {4}, "b": {1}, "c": {0}}),
    ],
)
def test_assign_splits_holds_out_the_number_that_is_meant(labels: list[str], of_classes: dict, seed: int) -> None:
    table = assign_splits(samples_of(labels, first=100 * seed), 0.2).table
    valid = table["label"][table["split"] == "valid"]

    assert len(valid) == 5 and all(sum(valid == label) in counts for label, counts in of_classes.items())


def test_assign_splits_holds_out_the_lowest_hashes() -> None:
    table = assign_splits(samples_of(["a"] * 50), 0.2).table
    ordered = table.assign(place=table["sha256"].map(unit_hash)).sort_values("place")["split"].tolist()

    assert ordered == ["valid"] * 10 + ["train"] * 40


def test_assign_splits_is_the_same_every_time_and_in_every_order() -> None:
    samples = samples_of(["a", "b"] * 50)

    assert split_of(assign_splits(samples)) == split_of(assign_splits(samples.take(list(range(99, -1, -1)))))


def test_assign_splits_known_content_has_a_known_split() -> None:
    # Written down once: another value here means that every frozen split of every user moves.
    assert unit_hash("") == pytest.approx(0xE3B0C442 / 2**32, abs=1e-9)  # how the sha256 of nothing begins
    chosen = assign_splits(samples_of(["a", "b"] * 10))
    valid = [path for path, split in split_of(chosen).items() if split == "valid"]
    assert valid == ["7", "8", "12", "19"]


def test_assign_splits_more_images_move_none_of_an_earlier_run() -> None:
    before = assign_splits(samples_of(["a", "b", "c"] * 8), 0.2).table
    earlier = dict(zip(before["sha256"], before["split"]))
    after = assign_splits(samples_of(["a", "b", "c"] * 20), 0.2, earlier=earlier).table

    assert after["split"][: len(before)].tolist() == before["split"].tolist()
    assert after["split"][after["split"] == "valid"].groupby(after["label"]).count().tolist() == [4, 4, 4]


def test_assign_splits_class_that_lost_its_valid_images_gets_another() -> None:
    before = assign_splits(samples_of(["a", "b"] * 10), 0.2).table
    earlier = dict(zip(before["sha256"], before["split"]))
    left = samples_of(["a", "b"] * 10).take(
        [row for row in range(20) if (before["label"][row], before["split"][row]) != ("a", "valid")]
    )
    after = assign_splits(left, 0.2, earlier=earlier).table
    moved = after[after["split"] != after["sha256"].map(earlier)]

    assert moved["label"].tolist() == ["a"] and moved["split"].tolist() == ["valid"]


def test_assign_splits_larger_fraction_only_adds_to_valid() -> None:
    small, large = (split_of(assign_splits(samples_of(["a", "b"] * 200), share)) for share in (0.1, 0.3))

    assert all(large[path] == "valid" for path, split in small.items() if split == "valid")


def test_assign_splits_groups_stay_together() -> None:
    groups = [f"patient {number // 7}" for number in range(700)]

    table = assign_splits(samples_of(["a", "b"] * 350, groups=groups)).table

    assert (table.groupby("group")["split"].nunique() == 1).all()
    assert 0.1 < (table["split"] == "valid").mean() < 0.3


def test_assign_splits_equal_images_stay_together(make_files) -> None:
    folder = make_files(*(f"{label}/{i}.png" for label in "ab" for i in range(20)))
    for path in sorted(folder.rglob("*.png")):
        path.with_name(f"copy of {path.name}").write_bytes(path.read_bytes())

    table = assign_splits(read_samples(folder)).table

    assert (table.groupby("sha256")["split"].nunique() == 1).all()


def test_assign_splits_groups_that_share_a_content_stay_together(make_files) -> None:
    folder = make_files(*(f"{label}/{i}.png" for label in "ab" for i in range(8)))
    for name in ("a/copy.png", "b/copy.png"):
        (folder / name).write_bytes((folder / "a/1.png").read_bytes())
    samples = read_samples(folder)
    groups = {"a/1.png": "p", "a/2.png": "p", "a/copy.png": "q", "a/3.png": "q", "b/copy.png": "", "b/1.png": "r"}
    samples = samples.with_column("group", [groups.get(path, "") for path in samples.table["path"]])
    for fraction in (0.1, 0.3, 0.5):
        split = split_of(assign_splits(samples, fraction))
        assert len({split[path] for path, group in groups.items() if group != "r"}) == 1


def test_assign_splits_large_group_does_not_take_the_place_of_all() -> None:
    for first in range(0, 500, 100):
        samples = samples_of(["a"] * 50, groups=["g"] * 30 + [""] * 20, first=first)
        split = assign_splits(samples, 0.2).table["split"]
        assert (split == "valid").sum() == 10 and set(split[:30]) == {"train"}


@pytest.mark.parametrize("kind", ["labels", "values", "boxes"])
def test_assign_splits_of_other_targets_holds_out_the_number(kind: str) -> None:
    sets = [("a",), ("a", "b"), (), ("b",), ("a", "b", "c"), ("c",)] * 4
    targets = {
        "labels": LabelSets(sets=sets),
        "values": Values(names=("x",), units=("",), array=np.arange(24.0)[:, None]),
        "boxes": Boxes(
            names=("a", "b", "c"),
            corners=np.tile(np.float32([0, 0, 1, 1]), (sum(map(len, sets)), 1)),
            codes=np.array(["abc".index(name) for names in sets for name in names], np.int32),
            is_crowd=np.zeros(sum(map(len, sets)), bool),
            ends=np.cumsum([len(names) for names in sets]),
            files=[""] * 24,
            lines=np.zeros(sum(map(len, sets)), np.int32),
        ),
    }
    samples = assign_splits(replace(samples_of([""] * 24), targets=targets[kind]), 0.2)
    valid = [label for row in samples.of("valid").classes for label in row]

    assert len(samples.of("valid")) == 5
    assert kind == "values" or all(1 <= valid.count(label) <= 4 for label in "abc")  # 2.4 and 1.6 are meant


def test_assign_splits_every_class_of_two_images_gets_one_in_each_split() -> None:
    samples = assign_splits(samples_of([f"{number // 2}" for number in range(200)]), 0.2)

    assert (samples.table.groupby("label")["split"].agg(set) == {"train", "valid"}).all()
    assert samples.warnings == ()


def test_assign_splits_class_with_one_image_is_trained() -> None:
    for first in range(20):  # whatever its hash
        samples = assign_splits(samples_of(["rare"] + ["a", "b"] * 20, first=first), 0.5)

        assert samples.table["split"][0] == "train"


def test_assign_splits_class_in_one_group_is_trained() -> None:
    samples = assign_splits(samples_of(["one"] * 5 + ["a", "b"] * 20, groups=["g"] * 5 + [""] * 40), 0.5)

    assert set(samples.table["split"][:5]) == {"train"}


def test_assign_splits_given_by_the_data_win() -> None:
    given = ["train", "valid", "test", "train", "valid", ""]

    assert assign_splits(samples_of(["a", "b"] * 3, splits=given)).table["split"].tolist() == [*given[:5], "train"]


def test_assign_splits_train_and_test_given_valid_comes_from_train() -> None:
    given = ["train"] * 300 + ["test"] * 100

    table = assign_splits(samples_of(["a", "b"] * 200, splits=given)).table

    assert Counter(table["split"][300:]) == {"test": 100}
    assert 0.1 < (table["split"][:300] == "valid").mean() < 0.3


def test_assign_splits_frozen_rows_stay_and_new_ones_are_drawn() -> None:
    first = samples_of(["a", "b"] * 3)
    frozen = {path: "valid" if path in "01" else "train" for path in first.table["path"]}

    after = split_of(assign_splits(samples_of(["a", "b"] * 300), frozen=frozen))

    assert {path: after[path] for path in frozen} == frozen
    assert Counter(after.values())["valid"] > 60


def test_assign_splits_fraction_zero_holds_nothing_out() -> None:
    assert set(assign_splits(samples_of(["a", "b"] * 10), 0).table["split"]) == {"train"}


@pytest.mark.parametrize("fraction", [-0.1, 1, 1.5])
def test_assign_splits_fraction_out_of_range_names_the_key(fraction: float) -> None:
    with pytest.raises(UsageError, match=rf"\[project.data\] valid_fraction: '{fraction}' is out of range"):
        assign_splits(samples_of(["a", "b"]), fraction)


def test_assign_splits_without_any_train_image_is_refused() -> None:
    with pytest.raises(DataError, match="no image is in the train split"):
        assign_splits(samples_of(["a", "b"], splits=["valid", "test"]))


def test_assign_splits_of_files_that_are_gone_names_them(make_files) -> None:
    folder: Path = make_files("a/1.png", "b/1.png")
    samples = read_samples(folder)
    (folder / "a/1.png").unlink()

    with pytest.raises(DataError, match=r"a/1.png: No such file"):
        assign_splits(samples)
