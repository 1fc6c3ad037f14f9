"""Tables as people have them, each with one column of images and something about those."""

from collections.abc import Callable
from pathlib import Path

import pytest

from auto_train.data.inspect.columns import columns_for
from auto_train.data.readers.table import read_table
from auto_train.errors import DataError

NUMBERS = range(20)
Row = Callable[[int], str]


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., tuple[str, dict]]:
    """Return a function that tells what a table of twenty images, 000.jpg and so on, annotates them with."""
    (tmp_path / "images").mkdir()
    for number in NUMBERS:
        (tmp_path / f"images/{number:03d}.jpg").touch()

    def columns(header: str, row: Row, target: str | None = None) -> tuple[str, dict]:
        file = tmp_path / "table.csv"
        file.write_text("\n".join([header, *map(row, NUMBERS)]))
        return columns_for(read_table(file), target)

    return columns


KINDS: list[tuple[str, Row, str, str | list[str]]] = [
    ("id,breed", lambda i: f"{i:03d},{'cat' if i % 2 else 'dog'}", "label", "breed"),
    ("annotation_id,choice,created_at,image,lead_time", lambda i: f"{i},{'ab'[i % 2]},2024-05-02,{i:03d}.jpg,{i / 7}",
     "label", "choice"),
    ("image,choice", lambda i: f"{i:03d}.jpg," + ('"{""choices"": [""a"", ""b""]}"' if i % 3 else "a"), "labels",
     "choice"),
    ("image,label", lambda i: f"{i:03d}.jpg,\"['a', 'b']\"", "labels", "label"),
    ("image,label", lambda i: f"{i:03d}.jpg,\"['{'ab'[i % 2]}']\"", "label", "label"),
    ("image,label", lambda i: f"{i // 2:03d}.jpg,{'ab'[i % 2]}", "labels", "label"),  # a row for each label
    ("image,label", lambda i: f"{max(i, 1):03d}.jpg,{'ab'[i % 2]}", "label", "label"),  # a mistake in one image
    ("image,defects", lambda i: f"{i:03d}.jpg,{['crack', 'rust|crack'][i % 2]}", "labels", "defects"),
    ("Id,Target", lambda i: f"{i:03d},{['0 16', '7', '16'][i % 3]}", "labels", "Target"),
    ("Image Index,Finding Labels,Patient Age,Sex", lambda i: f"{i:03d}.jpg,{['A|B', 'B'][i % 2]},{i},{'MF'[i % 2]}",
     "labels", "Finding Labels"),
    ("image,tree species,height", lambda i: f"{i:03d}.jpg,{['oak', 'elm'][i % 2]},{i / 7}", "label", "tree species"),
    ("image,category_id", lambda i: f"{i:03d}.jpg,{i % 3}", "label", "category_id"),
    ("image,healthy,rust", lambda i: f"{i:03d}.jpg,{i % 2 == 0},{i % 2 == 1}", "labels", ["healthy", "rust"]),
    ("image,indoor,night", lambda i: f"{i:03d}.jpg,{'yes' if i % 2 else 'no'},no", "labels", ["indoor", "night"]),
    ("image,damaged", lambda i: f"{i:03d}.jpg,{'yes' if i % 2 else 'no'}", "label", "damaged"),
    ("image,is_cat", lambda i: f"{i:03d}.jpg,{i % 2}", "label", "is_cat"),
    (",image,age,patient_id,scan_date", lambda i: f"{i},{i:03d}.jpg,{i / 7},{i},20240502", "values", ["age"]),
    ("image,name,age", lambda i: f"{i:03d}.jpg,n{i},{i}", "values", ["age"]),
    ("filename,class,xmin,ymin,xmax,ymax", lambda i: f"{i:03d}.jpg,a,1,1,5,5", "boxes", ""),
    ("image,label,subset", lambda i: f"{i:03d}.jpg,{'ab'[i % 2]},{['Train', 'test'][i % 2]}", "label", "label"),
]  # fmt: skip


@pytest.mark.parametrize(("header", "row", "kind", "columns"), KINDS)
def test_columns_of_a_table_tell_what_is_learnt(
    table, header: str, row: Row, kind: str, columns: str | list[str]
) -> None:
    found, keys = table(header, row)

    assert (found, keys.get("label_column", "")) == (kind, columns)


def test_numbers_are_not_learnt_unasked_beside_columns_of_words(table) -> None:
    header, row = "image,breed,sex,weight", lambda i: f"{i:03d}.jpg,{'ab'[i % 2]},{'mf'[i % 2]},{i / 7}"

    with pytest.raises(DataError, match="'breed' or 'sex'") as caught:
        table(header, row)
    assert "weight" in caught.value.hint
    assert table(header, row, "values") == ("values", {"path_column": "image", "label_column": ["weight"]})


@pytest.mark.parametrize(
    ("header", "row", "target", "text"),
    [
        ("file,class,xmin,ymin,xmax,ymax,width,height", "{}.jpg,a,1,1,5,5,9,9", "values", "no column holds numbers"),
        ("filename,annotator,lead_time", "{}.jpg,7,1.5", "values", "no column holds numbers"),
        ("image,healthy,rust", "{}.jpg,1,0", "label", "--task multilabel"),
        ("image,region_shape_attributes,count", '{}.jpg,"{{""name"": ""rect""}}",2', None, "VGG Image Annotator"),
        ("image,price", '{}.jpg,"1,234"', None, "between thousands"),
        ("image,weight", "{}.jpg,{} kg", None, "weight [kg]"),
        ("image,photographer", "{}.jpg,Ada", None, "not clear which column holds the labels"),
        ("path,label", "/srv/none/{}.jpeg,a", None, "are not here: '/srv/none/000.jpeg'"),
    ],
)  # fmt: skip
def test_tables_that_cannot_be_learnt_say_why(table, header: str, row: str, target: str | None, text: str) -> None:
    with pytest.raises(DataError) as caught:
        table(header, lambda i: row.format(f"{i:03d}", i), target)

    assert text in str(caught.value)


def test_ids_without_their_zeros_are_told(table) -> None:
    with pytest.raises(DataError, match="column 'id' has lost the zeros") as caught:
        table("id,label", lambda i: f"{i},a")
    assert "000.jpg" in caught.value.allowed


def test_first_row_with_an_image_without_suffix_is_no_header(table) -> None:
    with pytest.raises(DataError, match="has no header; the first row is data: '019'") as caught:
        table("019,cat", lambda i: f"{i:03d},dog")
    assert "path,label" in caught.value.hint
