from pathlib import Path

import pytest

from auto_train.data.readers.table import read_table
from auto_train.errors import DataError


@pytest.mark.parametrize(
    ("row", "header"),
    [
        ("images/1.jpg,cat", "path,label"),
        ("cat,1.JPG", "label,path"),
        ("1.jpg,40,0,58,15,car", "path,x1,y1,x2,y2,label"),
        ("1.jpg,5,5,9,9,car", "path,x1,y1,x2,y2,label"),  # equal cells are no columns that are there twice
        ("1.jpg,3.5", "path,label"),
        ("7,1.jpg,2024,cat", "column1,path,column3,label"),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_table_without_a_header_is_refused_with_one_that_fits(
    tmp_path: Path, row: str, header: str, suffix: str
) -> None:
    file = tmp_path / f"labels{suffix}"
    file.write_text("\n".join([row] * 3).replace(",", "\t" if suffix == ".tsv" else ","))

    with pytest.raises(DataError, match="has no header; the first row is data") as caught:
        read_table(file)

    assert caught.value.where == f"{file}:1"
    assert caught.value.hint.endswith(f": {header}")
