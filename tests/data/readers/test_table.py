from pathlib import Path

import pytest

from auto_train.data.readers.table import column_names, read_table
from auto_train.errors import DataError


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_table_delimiter_is_the_headers(tmp_path: Path, delimiter: str) -> None:
    table = read_table(write(tmp_path / "a.csv", f"\ufeff a {delimiter}b\r\n1{delimiter} 2 \r\n"))

    assert table.columns == {"a": ["1"], "b": ["2"]}


def test_table_line_numbers_survive_blank_lines_and_line_breaks_in_cells(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "a.csv", 'a,b\n\n1,"x\ny"\n2,z\n'))

    assert table.columns == {"a": ["1", "2"], "b": ["x\ny", "z"]}
    assert table.lines == [3, 5]


def test_table_rows_of_another_length_are_listed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"header's 2:\n  - line 2: 3 cells\n  - line 4: 1 cells"):
        read_table(write(tmp_path / "a.csv", "a,b\n1,2,3\n1,2\n1\n"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "a,b\n\xe9,1\n".encode("latin-1"), "2: is not UTF-8 text: 'é,1'"),
        ("a.csv", 'a,b\n1,2\n"1,2\n', "3: cannot be read: unexpected end of data"),
        ("a.csv", "a,b,a\n1,2,3\n", "1: column 'a' is there 2 times"),
        ("a.parquet", b"no parquet", "cannot be read: "),
        ("a.parquet", b"PAR1" + bytes(20) + b"PAR1", "cannot be read: "),
        ("a.jsonl", b'{"a": 1}\n\n{no json', "3: cannot be read: "),
        ("a.jsonl", b"[1]", "1: is no object"),
        ("a.xlsx", b"", "'.xlsx' is no table"),
    ],
)
def test_table_broken_file_is_named(tmp_path: Path, name: str, content: bytes | str, message: str) -> None:
    with pytest.raises(DataError, match=f"{name}: ?{message}"):
        read_table(write(tmp_path / name, content))


def test_table_columns_without_a_name_may_be_several(tmp_path: Path) -> None:
    assert read_table(write(tmp_path / "a.csv", "a,,\n1,2,3\n")).columns["a"] == ["1"]


def test_table_lines_of_json_are_counted_with_blank_ones(tmp_path: Path) -> None:
    assert read_table(write(tmp_path / "a.jsonl", '{"a": 1}\n\n{"a": 2}\n')).lines == [1, 3]


def test_table_missing_file_names_the_key(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a.csv: no such file") as caught:
        read_table(tmp_path / "a.csv")

    assert "labels_file" in caught.value.hint


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\0", b"\n"])
def test_column_names_of_anything_are_found_or_none(tmp_path: Path, content: bytes) -> None:
    assert column_names(write(tmp_path / "a.csv", content)) == []
    assert column_names(write(tmp_path / "a.parquet", content)) == []


def test_table_of_excel_is_read_in_its_encodings_and_with_its_own_first_line(tmp_path: Path) -> None:
    for content in ("a\tb\r\nä\t2\r\n".encode("utf-16"), "sep=;\r\na;b\r\nä;2\r\n".encode("utf-8-sig")):
        table = read_table(write(tmp_path / "a.csv", content))
        assert table.columns == {"a": ["ä"], "b": ["2"]}
        assert column_names(tmp_path / "a.csv") == ["a", "b"]
    assert table.lines == [3]


def test_table_of_images_themselves_says_so(tmp_path: Path) -> None:
    import pandas as pd

    pd.DataFrame({"image": [{"bytes": b"x", "path": "1.png"}]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match="column 'image' holds images themselves"):
        read_table(tmp_path / "a.parquet")
