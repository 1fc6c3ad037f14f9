from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from auto_train.data import read_samples
from auto_train.data.inspect.recognise import recognise
from auto_train.data.targets import Values
from auto_train.errors import DataError


def values(folder: Path, **options) -> Values:
    targets = read_samples(folder, target="values", **options).targets
    assert isinstance(targets, Values)
    return targets


def test_values_columns_of_numbers_are_learnt_with_their_units(make_files, write) -> None:
    make_files("1.png", "2.png")
    folder = write("labels.csv", "id,path,age [years],weight,name", "1,1.png,4.5,-1e3,Ada", "2,2.png,.5,7,Bob")

    samples = read_samples(folder, target="values")
    found = values(folder)

    assert (found.names, found.units) == (("age", "weight"), ("years", ""))
    np.testing.assert_array_equal(found.array, [[4.5, -1000], [0.5, 7]])
    assert samples.labels == ["age", "weight"]
    assert samples.table["label"].tolist() == ["4.5|-1000", "0.5|7"]
    assert samples.notes[1:] == (
        "learnt are the columns of numbers: age [years], weight",
        "not learnt is what holds no numbers: name",
        "not learnt are ids, dates, sizes: id; label_column names what is",
    )


@pytest.mark.parametrize("name", ["age", "age [years]"])
def test_values_named_columns_only_in_their_order(make_files, write, name: str) -> None:
    make_files("1.png")
    folder = write("labels.csv", "path,weight,age [years]", "1.png,7,4")

    assert values(folder, label_column=name).names == ("age",)
    assert values(folder, label_column=[name, "weight"]).array.tolist() == [[4, 7]]


@pytest.mark.parametrize("cell", ["nan", "NaN", "", "inf", "tall", "1_000", "'3,5'"])
def test_values_cell_that_is_no_number_names_file_and_line(make_files, write, cell: str) -> None:
    make_files("1.png", "2.png", "3.png")
    folder = write("labels.csv", "path;age", "1.png;4", f"2.png;{cell}", "3.png;5")

    with pytest.raises(DataError) as caught:
        read_samples(folder, target="values")

    assert f"labels.csv:3: '{cell}' in column 'age' is no number (2.png)" in str(caught.value)


def test_values_column_of_text_is_refused(make_files, write) -> None:
    make_files("1.png")
    folder = write("labels.csv", "path,kind", "1.png,cat")

    with pytest.raises(DataError, match="no column holds numbers") as caught:
        read_samples(folder, target="values")
    assert "label_column" in caught.value.hint
    with pytest.raises(DataError, match=r"labels.csv:2: column 'kind' holds no numbers: 'cat'") as caught:
        read_samples(folder, target="values", label_column="kind")
    assert "classification" in caught.value.hint


def test_values_column_that_is_not_there_suggests_one(make_files, write) -> None:
    make_files("1.png")
    folder = write("labels.csv", "path,height", "1.png,1.5")

    with pytest.raises(DataError, match=r"has no column 'heigth' .*did you mean 'height'"):
        read_samples(folder, target="values", label_column="heigth", labels_file="labels.csv")


def test_labels_that_are_measurements_are_no_classes(make_files, write) -> None:
    names = [f"{i}.png" for i in range(30)]
    make_files(*names)
    folder = write("labels.csv", "path,label", *(f"{name},{i / 7:.3f}" for i, name in enumerate(names)))

    with pytest.raises(DataError, match=r"column 'label' holds numbers, 30 different ones of 30: no classes") as caught:
        read_samples(folder)
    assert "regression" in caught.value.hint


@pytest.mark.parametrize("column", ["height", "label", "y"])
@pytest.mark.parametrize("options", [{"target": "label", "label_column": "{}"}, {"target": "values"}])
def test_numbers_with_decimal_commas_are_neither_numbers_nor_classes(
    make_files, write, column: str, options: dict[str, str]
) -> None:
    names = [f"{i}.png" for i in range(6)]
    make_files(*names)
    folder = write("labels.csv", f"path;{column}", *(f"{name};{i},5" for i, name in enumerate(names)))

    with pytest.raises(DataError, match=rf"column '{column}' holds numbers with decimal commas: '0,5'"):
        read_samples(folder, **{key: value.format(column) for key, value in options.items()})


def test_decimal_commas_are_found_in_a_table_nothing_is_known_of(make_files, write) -> None:
    make_files("1.png", "2.png")
    folder = write("labels.csv", "image;height", "1.png;1,5", "2.png;2,5")

    with pytest.raises(DataError, match=r"column 'height' holds numbers with decimal commas: '1,5'"):
        recognise(folder / "labels.csv")


def test_values_real_counts_of_blood_cells(real) -> None:
    found = values(real("bccd"))

    assert found.names == ("rbc", "wbc", "platelets")
    table = pd.read_csv(real("bccd") / "derived_counts.csv")
    np.testing.assert_array_equal(found.array, table[["rbc", "wbc", "platelets"]])
    folder = real("bccd")
    paths = read_samples(folder, target="values", images_dir=folder / "BCCD/JPEGImages").table["path"]
    assert paths[0] == "BCCD/JPEGImages/BloodImage_00000.jpg"


def test_values_real_counts_of_nuclei_take_images_not_masks(real) -> None:
    samples = read_samples(real("nuclei_256"), target="values")

    assert samples.table["path"].str.contains("/images/").all()
    assert samples.table["split"].value_counts().to_dict() == {"train": 165, "valid": 55}


def test_values_column_of_numbers_and_text_is_not_passed_over(make_files, write) -> None:
    make_files(*(f"{number}.png" for number in range(5)))
    lines = [f"{number}.png,{number},{'n/a' if number > 1 else number}" for number in range(5)]
    folder = write("labels.csv", "path,weight,age", *lines)

    with pytest.raises(DataError, match=r"labels.csv:4: 'n/a' in column 'age' is no number, and 2 of its 5") as caught:
        values(folder)

    assert "label_column: weight" in caught.value.hint
    assert values(folder, label_column="weight").names == ("weight",)
