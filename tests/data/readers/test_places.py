import unicodedata
from pathlib import Path

import pytest

from auto_train.data import read_samples
from auto_train.data.readers.base import Options
from auto_train.data.readers.places import Places
from auto_train.errors import DataError


@pytest.mark.parametrize(
    "name",
    [
        "/srv/project/pictures/a b.jpg",
        "/srv/other/a b.jpg",
        "other/a b.jpg",
        "C:\\Users\\Ann\\pictures\\a b.jpg",
        "..\\pictures\\A B.JPG",
        "pictures/a%20b.jpg",
        "https://host.example/x/a%20b.jpg?signature=3&d",
        "s3://bucket/set/a b.jpg",
        "file:///srv/a%20b.jpg",
        "/data/local-files/?d=set/a%20b.jpg",
        "/data/upload/7/3f2a9c01-a b.jpg",
        "/srv/a b",
    ],
)
def test_images_of_other_machines_are_found_by_the_last_parts_of_their_paths(make_files, name: str) -> None:
    folder = make_files("pictures/a b.jpg", "pictures/c.jpg")
    places = Places(folder, Options())

    assert places.locate(name, folder) == (folder / "pictures/a b.jpg", "")
    assert not places.locate("/srv/none.jpg", folder)[0].exists()


def test_images_found_elsewhere_are_counted_in_a_note(make_files) -> None:
    folder = make_files("pictures/1.jpg", "pictures/2.jpg", "3.jpg")
    places = Places(folder, Options())
    for name in ("/srv/1.jpg", "/srv/2.jpg", "3.jpg"):
        places.locate(name, folder)

    (note,) = places.notes
    assert note.startswith("2 images") and "'/srv/1.jpg' is pictures/1.jpg" in note
    exact = Places(folder, Options())
    exact.locate("pictures/1.jpg", folder)
    assert exact.notes == []


def test_names_that_differ_by_unicodes_form_are_one(make_files) -> None:
    folder = make_files(f"pictures/{unicodedata.normalize('NFD', 'café.jpg')}")

    assert Places(folder, Options()).locate("/srv/café.jpg", folder)[1] == ""


def test_longer_ends_of_a_path_decide_between_equal_names(make_files) -> None:
    folder = make_files("cat/1.jpg", "dog/1.jpg", "masks/1.jpg")
    places = Places(folder, Options())

    assert places.locate("/srv/dog/1.jpg", folder) == (folder / "dog/1.jpg", "")
    assert "cat/1.jpg" in places.locate("/srv/1.jpg", folder)[1]  # one of two, and no mask


@pytest.mark.parametrize("name", ["/srv/cat/2.jpg", "/srv/train/3.jpg", "/srv/cat/deep/2.jpg"])
def test_images_of_another_class_or_split_are_not_taken(make_files, name: str) -> None:
    folder = make_files("cat/1.jpg", "dog/2.jpg", "cat/deep/9.jpg", "test/3.jpg")

    assert Places(folder, Options()).locate(name, folder)[1].startswith("no such image")


def test_two_names_that_end_in_one_image_are_refused(make_files) -> None:
    folder = make_files("1.jpg", "2.jpg")
    places = Places(folder, Options())

    assert places.locate("/srv/a/1.jpg", folder)[1] == ""
    assert "'/srv/a/1.jpg'" in places.locate("/srv/b/1.jpg", folder)[1]


def test_lost_zeros_are_told(make_files) -> None:
    folder = make_files("images/0007.jpg")

    assert "'0007.jpg'" in Places(folder, Options()).locate("7", folder)[1]


def test_images_dir_is_the_only_place_where_ends_are_looked_for(make_files, tmp_path: Path) -> None:
    folder = make_files("a/x/1.jpg", "b/x/1.jpg")
    options = Options(images_dir=folder / "b")

    assert Places(folder, options).locate("/srv/1.jpg", folder) == (folder / "b/x/1.jpg", "")


def test_every_reader_that_names_images_finds_them_and_says_so(make_files) -> None:
    folder = make_files("pictures/1.jpg", "pictures/2.jpg")
    xml = "<annotation><filename>C:\\x\\{0}.jpg</filename><object><name>a</name><bndbox><xmin>1</xmin><ymin>1</ymin>" \
        "<xmax>5</xmax><ymax>5</ymax></bndbox></object></annotation>"  # fmt: skip
    coco = '{{"images": [{{"id": 1, "file_name": "/srv/1.jpg"}}], "categories": [{{"id": 1, "name": "a"}}], ' \
        '"annotations": [{{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4]}}]}}'  # fmt: skip
    files = {
        "coco": ("a.json", coco.format()),
        "voc": ("Annotations/1.xml", xml.format(1)),
        "csv": ("a.csv", "path,x1,y1,x2,y2,label\n/srv/1.jpg,1,1,5,5,a\n"),
    }
    for format, (name, text) in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
        samples = read_samples(folder, format, target="boxes")
        assert samples.table["path"].tolist() == ["pictures/1.jpg"]
        assert any("end of their paths" in note for note in samples.notes), format


def test_missing_images_are_still_refused_with_what_to_do(make_files) -> None:
    folder = make_files("pictures/1.jpg")
    (folder / "labels.csv").write_text("path,label\n/srv/1.jpg,a\n/srv/9.jpg,b\n")

    with pytest.raises(DataError, match=r"labels.csv:3: no such image \(9.jpg\)") as caught:
        read_samples(folder)
    assert "images_dir" in caught.value.hint
