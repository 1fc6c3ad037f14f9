from pathlib import Path

import pandas as pd
import pytest

from auto_train.data import read_samples
from auto_train.errors import DataError


def write(folder: Path, *lines: str, name: str = "labels.csv") -> Path:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def rows(folder: Path, *columns: str, **options) -> list[tuple[str, ...]]:
    return list(read_samples(folder, **options).table[list(columns)].itertuples(index=False, name=None))


def test_csv_columns_by_name_in_any_order(make_files) -> None:
    folder = write(make_files("x/1.png", "2.png"), "id,label,path", "7,cat,x/1.png", "8,dog,2.png")

    assert rows(folder, "path", "label", "split", "group") == [("x/1.png", "cat", "", ""), ("2.png", "dog", "", "")]


def test_csv_split_and_group_columns_are_used(make_files) -> None:
    folder = write(
        make_files("1.png", "2.png", "3.png", "4.png"),
        "path,label,split,group,camera",
        "1.png,a,train,g1,c1",
        "2.png,b,Validation,g2,c1",
        "3.png,a,test,,c2",
        "4.png,b,,g4,c2",
    )

    assert rows(folder, "split", "group") == [("train", "g1"), ("valid", "g2"), ("test", ""), ("", "g4")]
    assert rows(folder, "group", group_column="camera") == [("c1",), ("c1",), ("c2",), ("c2",)]


def test_csv_other_column_names_and_file_name(make_files) -> None:
    folder = write(make_files("1.png", "2.png"), "Bild;Klasse", "1.png;a", "2.png;b", name="tabelle.csv")

    assert rows(
        folder, "path", "label", path_column="Bild", label_column="Klasse", labels_file="tabelle.csv"
    ) == [("1.png", "a"), ("2.png", "b")]  # fmt: skip


def test_csv_missing_column_names_those_found_nearest_first(make_files) -> None:
    folder = write(make_files("1.png"), "path,lable,other", "1.png,a,x")

    with pytest.raises(
        DataError, match=r"labels.csv: has no column 'label' .*did you mean 'lable'.*other, path"
    ) as caught:
        read_samples(folder, labels_file="labels.csv")

    assert "label_column" in caught.value.hint


def test_csv_labels_that_look_like_numbers_stay_text(make_files) -> None:
    folder = write(
        make_files("1.png", "2.png", "3.png", "4.png"), "path,label", "1.png,007", "2.png,7", "3.png,1e3", "4.png,NA"
    )

    assert read_samples(folder).labels == ["007", "1e3", "7", "NA"]


def test_csv_all_wrong_rows_are_listed_at_once(make_files) -> None:
    folder = write(
        make_files("1.png", "2.png", "3.png", "4.png"),
        "path,label,split",
        "1.png,a,train",
        "2.png,,train",
        '3.png,"b',
        'b",train',
        "4.png, NaN ,train",
        "none.png,b,train",
        ",b,train",
        "1.png,a,dev",
        "1.png,b,train",
    )

    with pytest.raises(DataError) as caught:
        read_samples(folder)

    lines = str(caught.value).splitlines()
    assert caught.value.exit_code == 3
    assert lines[0] == f"{folder}/labels.csv: 6 rows cannot be used:"
    assert lines[1:7] == [
        "  - labels.csv:3: no label (2.png)",
        "  - labels.csv:6: no label (4.png)",
        "  - labels.csv:7: no such image (none.png)",
        "  - labels.csv:8: no image is named (data)",
        "  - labels.csv:9: unknown split 'dev', allowed: train, valid, test or nothing (1.png)",
        "  - labels.csv:10: several values: 'a' in line 2, 'b' here (1.png)",
    ]


def test_csv_long_lists_of_wrong_rows_are_cut(make_files) -> None:
    folder = write(make_files("1.png"), "path,label", *(["1.png,"] * 100))

    with pytest.raises(DataError, match=r"100 rows cannot be used(.|\n)*… 80 more"):
        read_samples(folder)


def test_csv_repeated_rows_are_used_once_with_a_warning(make_files) -> None:
    samples = read_samples(write(make_files("1.png", "2.png"), "path,label", "1.png,a", "2.png,b", "./1.png,a"))

    assert len(samples) == 2
    assert "1 rows name an image a second time" in samples.warnings[0]


def test_csv_paths_relative_to_table_root_absolute_or_of_windows(make_files, tmp_path: Path) -> None:
    folder = make_files("images/1.png", "images/2.png", "images/3.png")
    outside = make_files("4.png", folder=tmp_path / "outside") / "4.png"
    write(folder, "path,label", "1.png,a", "images/2.png,b", "images\\3.png,b", f"{outside},b", name="images/list.csv")

    assert rows(folder, "path", labels_file="images/list.csv") == [
        ("images/1.png",),
        ("images/2.png",),
        ("images/3.png",),
        (str(outside),),
    ]


def test_csv_parquet_numbers_become_whole_text_and_nulls_are_missing(make_files) -> None:
    folder = make_files("1.png", "2.png", "3.png")
    frame = pd.DataFrame({"path": ["1.png", "2.png", "3.png"], "label": [3, 4, None]})
    frame.to_parquet(folder / "all.parquet")

    with pytest.raises(DataError, match=r"all.parquet:3: no label"):
        read_samples(folder)
    frame.iloc[:2].to_parquet(folder / "all.parquet")
    assert read_samples(folder).labels == ["3", "4"]


def test_csv_tables_named_by_split(make_files) -> None:
    folder = make_files("1.png", "2.png", "3.png")
    write(folder, "path,label", "1.png,a", "2.png,b", name="train.csv")
    write(folder, "path,label", "3.png,a", name="val.csv")

    assert rows(folder, "path", "split") == [("1.png", "train"), ("2.png", "train"), ("3.png", "valid")]


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_csv_hugging_face_imagefolder_metadata(make_files, suffix: str) -> None:
    folder = make_files("train/1.png", "train/2.png", "test/3.png")
    tables = {"train": pd.DataFrame({"file_name": ["1.png", "2.png"], "label": ["01", "b"]}),
              "test": pd.DataFrame({"file_name": ["3.png"], "label": ["01"]})}  # fmt: skip
    for split, frame in tables.items():
        path = folder / split / f"metadata.{suffix}"
        frame.to_csv(path, index=False) if suffix == "csv" else frame.to_json(path, orient="records", lines=True)

    assert rows(folder, "path", "split", "label") == [
        ("test/3.png", "test", "01"),
        ("train/1.png", "train", "01"),
        ("train/2.png", "train", "b"),
    ]


def test_csv_several_tables_have_to_be_named(make_files) -> None:
    folder = make_files("1.png", "2.png")
    for name in ("one.csv", "two.csv"):
        write(folder, "path,label", "1.png,a", "2.png,b", name=name)

    with pytest.raises(DataError, match=r"several tables of labels: one.csv, two.csv") as caught:
        read_samples(folder)
    assert "labels_file" in caught.value.hint
    write(folder, "path,label", "1.png,a", "2.png,b")
    assert len(read_samples(folder)) == 2


def test_csv_asked_for_and_not_there_says_what_is_looked_for(make_files) -> None:
    with pytest.raises(DataError, match=r"no table of labels here .*'path' and 'label'"):
        read_samples(make_files("a/1.png"), "csv")


def test_csv_of_something_else_beside_class_folders_does_not_win(make_files) -> None:
    folder = write(make_files("a/1.png", "b/1.png"), "image,count", "1.png,2", name="counts.csv")

    assert read_samples(folder).labels == ["a", "b"]


def test_csv_real_table_of_the_blood_cells(mirror: Path, tmp_path: Path) -> None:
    from auto_train.data import acquire

    folder = acquire(str(mirror / "bccd/bccd.tgz"), tmp_path / "data/bccd").folder
    table = pd.read_csv(folder / "derived_counts.csv")
    table["path"] = "BCCD/JPEGImages/" + table["image"]
    if not table["path"].str.endswith(".jpg").all():
        table["path"] += ".jpg"
    table["split"] = table["split"].replace("val", "valid")
    table.to_csv(folder / "labels.csv", index=False)

    samples = read_samples(folder, label_column="labels")

    # Counts as the data's own README gives them.
    assert len(samples) == 364
    assert samples.table["split"].value_counts().to_dict() == {"train": 205, "valid": 87, "test": 72}
    assert len(samples.labels) == 7


def test_csv_lists_of_one_label_are_that_label_and_longer_ones_are_told(make_files) -> None:
    folder = write(make_files("1.png", "2.png", "3.png"), "path,label", "1.png,['a']", "2.png,\"['b']\"")

    assert read_samples(folder).table["label"].tolist() == ["a", "b"]
    write(folder, "path,label", "1.png,['a']", "2.png,\"['a', 'b']\"")
    with pytest.raises(DataError, match=r"labels.csv:3: several values: a, b \(2.png\)") as caught:
        read_samples(folder)
    assert "multilabel" in caught.value.hint


def test_csv_split_column_of_another_name_is_used_and_said(make_files) -> None:
    folder = write(make_files("1.png", "2.png"), "path,label,Usage", "1.png,a,Training", "2.png,b,Test")

    assert rows(folder, "split") == [("train",), ("test",)]
    assert any("'Usage'" in note for note in read_samples(folder).notes)
