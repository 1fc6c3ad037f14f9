from pathlib import Path

import pandas as pd
import pytest

from auto_train.data import read_samples
from auto_train.data.targets import LabelSets
from auto_train.errors import DataError


def sets(folder: Path, **options) -> list[tuple[str, ...]]:
    targets = read_samples(folder, target="labels", **options).targets
    assert isinstance(targets, LabelSets)
    return list(targets.sets)


@pytest.mark.parametrize("mark", ["|", ";", " ", ", "])
def test_labels_are_separated_by_what_occurs(make_files, write, mark: str) -> None:
    make_files("1.png", "2.png", "3.png")
    quoted = '"' if "," in mark else ""
    folder = write("labels.csv", "path,labels", f"1.png,{quoted}cat{mark}ant{quoted}", "2.png,dog", "3.png,")

    samples = read_samples(folder, target="labels")

    assert sets(folder) == [("ant", "cat"), ("dog",), ()]
    assert samples.labels == ["ant", "cat", "dog"]
    assert samples.table["label"].tolist() == ["ant|cat", "dog", ""]
    assert "separated by" in samples.notes[1]


def test_labels_with_blanks_are_kept_where_the_classes_are_known(make_files, write) -> None:
    make_files("1.png", "2.png")
    folder = write("labels.csv", "path,labels", "1.png,potted plant", "2.png,cat")

    assert sets(folder, labels=["cat", "potted plant"]) == [("potted plant",), ("cat",)]
    assert sets(folder) == [("plant", "potted"), ("cat",)]


def test_labels_unknown_class_names_file_and_line(make_files, write) -> None:
    make_files("1.png", "2.png")
    folder = write("labels.csv", "path,labels", "1.png,cat|dgo", "2.png,cat")

    with pytest.raises(DataError, match=r"labels.csv:2: 'dgo' is not among .*did you mean 'dog'.*\(1.png\)"):
        read_samples(folder, target="labels", labels=["cat", "dog"])


def test_labels_columns_of_0_and_1_are_classes_in_their_order(make_files, write) -> None:
    make_files("1.png", "2.png")
    folder = write("labels.csv", "path,split,zebra,ant,age", "1.png,train,1,0,7", "2.png,val,0.0,1,9")

    samples = read_samples(folder, target="labels")

    assert samples.labels == ["zebra", "ant"]
    assert sets(folder) == [("zebra",), ("ant",)]
    assert samples.table["split"].tolist() == ["train", "valid"]


def test_labels_cell_that_is_neither_0_nor_1_names_file_and_line(make_files, write) -> None:
    make_files("1.png", "2.png", "3.png")
    folder = write("labels.csv", "path,a,b", "1.png,1,0", "2.png,2,1", "3.png,0,")

    with pytest.raises(DataError) as caught:
        read_samples(folder, target="labels")

    assert "labels.csv:3: '2' in column 'a' is neither 0 nor 1 (2.png)" in str(caught.value)
    assert "labels.csv:4: '' in column 'b' is neither 0 nor 1 (3.png)" in str(caught.value)


def test_labels_column_of_numbers_is_refused(make_files, write) -> None:
    make_files("1.png", "2.png")
    folder = write("labels.csv", "path,labels", "1.png,0.25", "2.png,0.5")

    with pytest.raises(DataError, match=r"labels.csv:2: '0.25' is a number, no label"):
        read_samples(folder, target="labels")


def test_labels_table_without_any_says_what_is_looked_for(make_files, write) -> None:
    make_files("1.png")
    with pytest.raises(DataError, match="no column holds labels") as caught:
        read_samples(write("list.csv", "path,author", "1.png,Ada"), target="labels")
    assert "there are: path, author" in caught.value.hint
    with pytest.raises(DataError, match="no image has a label"):
        read_samples(write("list.csv", "path,labels", "1.png,"), target="labels")


def test_labels_of_hugging_face_metadata_may_be_lists(make_files, write) -> None:
    make_files("train/1.png", "train/2.png")
    lines = ['{"file_name": "1.png", "labels": ["b", "a"]}', '{"file_name": "2.png", "labels": []}']
    folder = write("train/metadata.jsonl", *lines)

    assert sets(folder) == [("a", "b"), ()]
    assert set(read_samples(folder, target="labels").table["split"]) == {"train"}


def test_labels_real_photos_lie_in_folders_of_their_split(real) -> None:
    samples = read_samples(real("coco_cc_mini"), target="labels")

    assert samples.table["split"].value_counts().to_dict() == {"valid": 27, "train": 26}
    assert samples.table["path"][0] == "train/images/000000000030.jpg"
    assert "potted plant" in samples.labels
    assert all(samples.images.size(row) for row in range(len(samples)))


def test_labels_real_blood_cells_by_the_column_of_labels(real) -> None:
    samples = read_samples(real("bccd"), target="labels")

    table = pd.read_csv(real("bccd") / "derived_counts.csv")
    assert samples.labels == ["Platelets", "RBC", "WBC"]
    assert samples.table["split"].value_counts().to_dict() == {"train": 205, "valid": 87, "test": 72}
    assert [set(found) for found in sets(real("bccd"))] == [set(cell.split()) for cell in table["labels"]]


@pytest.mark.parametrize("cells", [("['cat', 'dog']", "[]"), ('["cat", "dog"]', ""), ("['cat' 'dog']", "nan")])
def test_labels_in_lists_saved_as_text_are_read_as_lists(make_files, cells: tuple[str, str]) -> None:
    folder = make_files("1.png", "2.png", "3.png")
    table = pd.DataFrame({"path": ["1.png", "2.png", "3.png"], "labels": [*cells, "['big dog']"]})
    table.to_csv(folder / "labels.tsv", sep="\t", index=False)

    assert sets(folder) == [("cat", "dog"), (), ("big dog",)]


def test_labels_in_lists_of_a_parquet_file_keep_their_commas(make_files) -> None:
    folder = make_files("1.png", "2.png")
    table = pd.DataFrame({"path": ["1.png", "2.png"], "labels": [["red, white", "a|b"], ["a|b"]]})
    table.to_parquet(folder / "labels.parquet")

    assert sets(folder) == [("a|b", "red, white"), ("a|b",)]


def test_labels_in_a_row_each_are_united_with_a_note(make_files, write) -> None:
    make_files("1.png", "2.png")
    folder = write("labels.csv", "path,labels", "1.png,big dog", "1.png,cat", "1.png,cat", "2.png,cat")

    assert sets(folder) == [("big dog", "cat"), ("cat",)]
    assert any("1 images have several rows" in note for note in read_samples(folder, target="labels").notes)


def test_labels_in_a_broken_list_name_file_and_line(make_files, write) -> None:
    make_files("1.png", "2.png")
    folder = write("labels.csv", "path;labels", "1.png;['cat']", "2.png;['cat', 'dog'")

    with pytest.raises(DataError, match=r"labels.csv:3: .*is not a list of names \(2.png\)"):
        read_samples(folder, target="labels")


def test_labels_of_yes_and_no_are_flags(make_files, write) -> None:
    make_files("1.png", "2.png")
    folder = write("labels.csv", "path,indoor,night", "1.png,yes,No", "2.png,Y,true")

    assert sets(folder) == [("indoor",), ("indoor", "night")]
