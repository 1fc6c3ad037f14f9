import pytest

from auto_train.data.readers.cells import are_lists, check_objects, is_object, names_in
from auto_train.errors import DataError


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("['cat', 'dog']", ("cat", "dog")),  # Python, and pandas' to_csv
        ('["cat", "big dog"]', ("cat", "big dog")),  # JSON
        ("['cat' 'dog']", ("cat", "dog")),  # NumPy
        ('["it\'s", "a, b"]', ("it's", "a, b")),
        (r"['it\'s']", ("it's",)),
        ("{'cat'}", ("cat",)),
        ("('cat',)", ("cat",)),
        ("[1, 2]", ("1", "2")),
        ('{"choices": ["cat", "dog"]}', ("cat", "dog")),  # Label Studio
    ],
)
def test_lists_saved_as_text_are_read(cell: str, names: tuple[str, ...]) -> None:
    assert are_lists(["", cell, "nan"])
    assert names_in(cell) == (names, "")


def test_lists_without_quotes_are_lists_where_all_cells_are() -> None:
    assert are_lists(["[cat, big dog]", "[]", ""])
    assert not are_lists(["[unknown]", "cat"])
    assert names_in("[cat, big dog]") == (("cat", "big dog"), "")
    assert names_in("[]") == ((), "")


@pytest.mark.parametrize("cell", ["cat", "(unknown)", "cat|dog", "red, white"])
def test_cells_without_brackets_are_names(cell: str) -> None:
    assert not are_lists([cell])
    assert names_in(cell) == ((cell,), "")


@pytest.mark.parametrize("cell", ["['cat', 'dog'", "['cat' and 'dog']", "{}", "[['cat'], ['dog']]"])
def test_cell_that_is_hardly_a_list_is_a_problem_in_a_column_of_lists(cell: str) -> None:
    names, problem = names_in(cell)
    assert names == () and cell in problem


def test_objects_are_refused_with_their_line_and_what_they_are() -> None:
    region = '[{"x": 1, "rectanglelabels": ["car"], "original_width": 9}]'
    with pytest.raises(DataError, match=r"t.csv:7: column 'label' holds JSON objects") as caught:
        check_objects("label", ["cat", region], [5, 7], "t.csv")
    assert "Label Studio" in caught.value.hint and "COCO" in caught.value.hint
    assert is_object("{'class': 'car'}") and not is_object('{"choices": ["cat"]}') and not is_object("{cat}")
    check_objects("label", ["cat", '{"choices": ["cat"]}'], [2, 3], "t.csv")
