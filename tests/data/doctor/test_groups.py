from collections.abc import Callable
from pathlib import Path

from auto_train.data.doctor import Examination
from tests.data.doctor.annotated import messages


def test_group_in_several_given_splits_is_found(
    doctor: Callable[..., Examination], write_photos: Callable[..., Path]
) -> None:
    folder = write_photos({f"{number}.png": number for number in range(6)})
    patients = ("p", "p", "q", "p", "r", "")
    rows = [f"{number}.png,{'ab'[number % 2]},{patients[number]}" for number in range(6)]
    splits = ("train", "train", "train", "valid", "valid", "valid")
    lines = [f"{row},{split}" for row, split in zip(rows, splits, strict=True)]
    (folder / "labels.csv").write_text("\n".join(["path,label,patient,split", *lines]))

    found = doctor(folder, group_column="patient")

    assert messages(found, "group_across_splits") == ["group 'p': 2 in train, 1 in valid"] * 3
    finding = next(one for one in found.findings if one.code == "group_across_splits")
    assert (finding.count, finding.severity) == (1, "warning")
    assert any("group_column = patient" in warning for warning in found.samples.warnings)


def test_group_whose_split_is_drawn_is_not_found(
    doctor: Callable[..., Examination], write_photos: Callable[..., Path]
) -> None:
    folder = write_photos({f"{number}.png": number for number in range(8)})
    lines = [f"{number}.png,{'ab'[number % 2]},{number // 4}" for number in range(8)]
    (folder / "labels.csv").write_text("\n".join(["path,label,group", *lines]))

    found = doctor(folder)

    assert not messages(found, "group_across_splits") and not found.samples.warnings
