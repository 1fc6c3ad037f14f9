import pytest

from auto_train.data.readers.labelmap import read_labelmap
from auto_train.errors import DataError


def test_labelmap_gives_each_colour_its_class_background_first(write) -> None:
    folder = write("labelmap.txt", "# label:color_rgb:parts:actions", "car:250,50,83::", "background:0,0,0::",
                   "ignored:9,9,9::", "")  # fmt: skip
    found = read_labelmap(folder / "labelmap.txt")

    assert found.names == ["background", "car"]
    assert dict(found.codes(found.names)) == {(250, 50, 83): 1, (0, 0, 0): 0, (9, 9, 9): 255, (224, 224, 192): 255}


def test_labelmap_without_background_has_black_for_it(write) -> None:
    folder = write("labelmap.txt", "car:1,2,3", "bus:3,2,1")
    assert read_labelmap(folder / "labelmap.txt").names == ["background", "car", "bus"]


def test_labelmap_lines_that_cannot_be_used_are_all_listed(write) -> None:
    folder = write("labelmap.txt", "car:1,2,3::", "bus:1,2,256::", "car:3,2,1::", "van:1,2,3::", "tram")
    with pytest.raises(DataError) as caught:
        read_labelmap(folder / "labelmap.txt")
    lines = caught.value.message.splitlines()[1:]
    assert [line.split(":")[1] for line in lines] == ["2", "3", "4", "5"]
