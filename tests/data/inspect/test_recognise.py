import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from auto_train.data import read_samples
from auto_train.data.inspect.facts import collect_facts
from auto_train.data.inspect.recognise import HINT, recognise
from auto_train.errors import DataError

# no image: recognising reads names only, the decoder is for those who look
BYTES = b"bytes of an image"


def lay_out(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(BYTES)
    return folder


def table(folder: Path, name: str, *lines: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / name


def test_recognise_class_folders_takes_their_names_as_labels(tmp_path: Path) -> None:
    found = recognise(lay_out(tmp_path, "cat/1.jpg", "cat/deep/2.jpg", "dog/1.png", "LICENSE.txt"))
    assert (found.folder, found.format, found.options, found.notes) == (tmp_path, "folders", {}, ())
    assert found.samples.labels == ["cat", "dog"]
    assert len(found.samples) == 3


def test_recognise_splits_are_kept(tmp_path: Path) -> None:
    found = recognise(lay_out(tmp_path, "train/a/1.jpg", "train/b/1.jpg", "val/a/2.jpg", "val/b/2.jpg"))
    assert found.samples.table["split"].tolist() == ["train", "train", "valid", "valid"]


def test_recognise_lone_folders_on_the_way_are_gone_through_and_told(tmp_path: Path) -> None:
    place = lay_out(tmp_path, "archive/set/train/a/1.jpg", "archive/set/train/b/1.jpg", "archive/set/test/a/2.jpg")
    found = recognise(place)
    assert found.folder == tmp_path / "archive/set"
    assert found.notes == (f"the data begins in {tmp_path}/archive/set: there is nothing else in {tmp_path}",)


def test_recognise_a_lone_train_folder_stays_a_split(tmp_path: Path) -> None:
    found = recognise(lay_out(tmp_path, "train/a/1.jpg", "train/b/1.jpg"))
    assert found.folder == tmp_path
    assert set(found.samples.table["split"]) == {"train"}


def test_recognise_idx_files_wins_over_what_lies_beside_them(mirror: Path, tmp_path: Path) -> None:
    for file in (mirror / "mnist").glob("t10k*"):
        shutil.copy(file, tmp_path)
    lay_out(tmp_path, "pictures/1.png")
    found = recognise(tmp_path)
    assert (found.format, found.samples.labels) == ("idx", list("0123456789"))


def test_recognise_table_with_the_usual_columns_needs_no_options(tmp_path: Path) -> None:
    lay_out(tmp_path, "pictures/1.png", "pictures/2.png")
    table(tmp_path, "labels.csv", "path,label", "pictures/1.png,007", "pictures/2.png,<b>x</b>")
    found = recognise(tmp_path)
    assert (found.format, found.options) == ("csv", {})
    assert found.samples.labels == ["007", "<b>x</b>"]


@pytest.mark.parametrize(("image", "label"), [("image", "species"), ("file", "Class"), ("filename", "whatever")])
def test_recognise_table_with_other_columns_finds_and_tells_them(tmp_path: Path, image: str, label: str) -> None:
    lay_out(tmp_path, "pictures/1.png", "pictures/2.png")
    table(tmp_path, "list.csv", f"{image};{label}", "pictures/1.png;oak", "pictures/2.png;elm")
    found = recognise(tmp_path)
    assert found.options == {"path_column": image, "label_column": label}
    assert found.samples.labels == ["elm", "oak"]
    assert found.notes == (f"a table names the images in column '{image}', labels in '{label}'",)


def test_recognise_tables_of_each_split_with_other_columns_are_all_read(tmp_path: Path) -> None:
    lay_out(tmp_path, "1.png", "2.png", "3.png")
    table(tmp_path, "train.csv", "image,digit", "1.png,1", "2.png,2")
    table(tmp_path, "test.csv", "image,digit", "3.png,1")
    assert recognise(tmp_path).samples.table["split"].tolist() == ["test", "train", "train"]


def test_recognise_table_of_something_else_beside_class_folders_is_left_alone(tmp_path: Path) -> None:
    lay_out(tmp_path, "a/1.jpg", "b/1.jpg")
    table(tmp_path, "credits.csv", "image,author,licence", "a/1.jpg,Ada,CC0", "b/1.jpg,Bob,CC0")
    found = recognise(tmp_path)
    assert (found.format, found.samples.labels) == ("folders", ["a", "b"])


def test_recognise_table_that_is_named_is_the_one_of_several(tmp_path: Path) -> None:
    lay_out(tmp_path, "1.png", "2.png")
    table(tmp_path, "old.csv", "path,label", "1.png,a", "2.png,a")
    file = table(tmp_path, "new.csv", "path,label", "1.png,a", "2.png,b")
    with pytest.raises(DataError, match=r"several tables of labels: new.csv, old.csv[\s\S]*or the table itself"):
        recognise(tmp_path)
    found = recognise(file)
    assert found.options == {"labels_file": "new.csv", "path_column": "path", "label_column": "label"}
    assert found.samples.labels == ["a", "b"]


def test_recognise_parquet_is_a_table_like_any_other(tmp_path: Path) -> None:
    import pandas as pd

    lay_out(tmp_path, "1.png", "2.png")
    pd.DataFrame({"picture": ["1.png", "2.png"], "target": [0, 1]}).to_parquet(tmp_path / "set.parquet")
    assert recognise(tmp_path).samples.labels == ["0", "1"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["path,a,b", "1.png,x,y"], "it is not clear which column holds the labels .*its columns are: path, a, b"),
        (["name,label", "7,x"], "no column names images"),
        (["left,right,label", "1.png,1.png,x"], "several columns name images"),
    ],
)
def test_recognise_table_whose_columns_are_unclear_lists_them(tmp_path: Path, lines: list[str], message: str) -> None:
    lay_out(tmp_path, "1.png")
    with pytest.raises(DataError, match=f"(?s){message}"):
        recognise(table(tmp_path, "list.csv", *lines))


def test_recognise_one_class_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"one class only, 'cat' \(allowed: at least two classes\)"):
        recognise(lay_out(tmp_path, "cat/1.jpg", "cat/2.jpg"))


def test_recognise_nothing_says_what_was_expected(tmp_path: Path) -> None:
    for place in (tmp_path, lay_out(tmp_path / "text", "notes.txt")):
        with pytest.raises(DataError, match="no known data format; the folder holds") as caught:
            recognise(place)
        assert caught.value.hint == HINT
        for format in ("COCO", "YOLO", "Pascal VOC", "masks", "table", "folder of images per class", "idx"):
            assert format in caught.value.allowed
    for place in (tmp_path / "none", tmp_path / ("x" * 300)):
        with pytest.raises(DataError, match="there is nothing"):
            recognise(place)


def test_recognise_file_that_is_no_table_says_which_are(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "photo.png")
    with pytest.raises(DataError, match=r"'.png' is no table \(allowed: .csv, .tsv, .parquet"):
        recognise(tmp_path / "photo.png")


def test_recognise_loops_of_links_end(tmp_path: Path) -> None:
    lay_out(tmp_path, "a/1.jpg", "b/1.jpg")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "b" / "self").symlink_to("self")
    (tmp_path / "b" / "gone.jpg").symlink_to("nowhere")
    assert {"a", "b"} <= set(recognise(tmp_path).samples.labels)


def test_recognise_names_of_any_bytes_are_labels(tmp_path: Path) -> None:
    names = ["Blüten 花", "x" * 255, "1e5", "-1", "a=b;c #d", os.fsdecode(b"no utf-8 \xff")]
    found = recognise(lay_out(tmp_path, *(f"{name}/1.jpg" for name in names)))
    assert found.samples.labels == sorted(names)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_recognise_folder_without_rights_names_it(tmp_path: Path) -> None:
    lay_out(tmp_path, "a/1.jpg", "b/1.jpg")
    (tmp_path / "a").chmod(0)
    try:
        with pytest.raises(DataError, match=f"{tmp_path}/a: cannot be read: Permission denied"):
            recognise(tmp_path)
    finally:
        (tmp_path / "a").chmod(0o755)


@pytest.mark.parametrize(
    ("name", "target", "expected"),
    [
        ("bccd", None, ("BCCD", "boxes", "voc", {}, ("labels", "values"))),
        ("bccd", "labels", ("bccd", "labels", "csv", {"label_column": "labels"}, ())),
        (
            "bccd/derived_counts.csv",
            "values",
            ("bccd", "values", "csv", {"label_column": ["rbc", "wbc", "platelets"]}, ()),
        ),
        ("nuclei_256", None, ("nuclei_256", "mask", "masks", {}, ("values",))),
        ("nuclei_256/derived_counts.csv", None, ("nuclei_256", "values", "csv", {"label_column": ["nuclei"]}, ())),
        ("coco_cc_mini", None, ("coco_cc_mini", "boxes", "coco", {}, ("mask", "labels"))),
        ("coco_cc_mini", "mask", ("coco_cc_mini", "mask", "masks", {}, ())),
        ("coco_cc_mini/multilabel.csv", None, ("coco_cc_mini", "labels", "csv", {"label_column": "labels"}, ())),
    ],
)
def test_recognise_real_data_of_every_kind(real, name: str, target: str | None, expected: tuple) -> None:
    folder, _, file = name.partition("/")
    found = recognise(real(folder) / file if file else real(folder), target)

    columns = {key: value for key, value in found.options.items() if key == "label_column"}
    assert (found.folder.name, found.target, found.format, columns, found.others) == expected
    assert found.samples.warnings == ()
    again = read_samples(found.folder, found.format, target=found.target, **found.options)
    assert again.table.equals(found.samples.table)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["path,label", *(f"{i}.png,{i / 7}" for i in range(30))], ("values", ["label"])),
        (["path,age,name", *(f"{i}.png,{i},n{i}" for i in range(30))], ("values", ["age"])),
        (["path,a,b", *(f"{i}.png,{i % 2},1" for i in range(30))], ("labels", ["a", "b"])),
        (["path,tags", *(f"{i}.png,x|y" for i in range(30))], ("labels", "tags")),
        (["path,label", *(f"{i}.png,{i % 3}" for i in range(30))], ("label", "label")),
        (["path,x1,y1,x2,y2,label", *(f"{i}.png,1,1,2,2,a" for i in range(30))], ("boxes", None)),
    ],
)
def test_recognise_tells_the_kind_of_a_table_by_its_columns(tmp_path: Path, lines: list[str], expected: tuple) -> None:
    lay_out(tmp_path, *(f"{i}.png" for i in range(30)))
    found = recognise(table(tmp_path, "list.csv", *lines))

    assert (found.target, found.options.get("label_column")) == expected


def test_recognise_captions_beside_images_are_no_boxes(tmp_path: Path) -> None:
    lay_out(tmp_path, "cat/1.jpg", "dog/1.jpg")
    (tmp_path / "cat/1.txt").write_text("a cat on a mat")

    found = recognise(tmp_path)

    assert (found.target, found.format) == ("label", "folders")


def test_recognise_class_folders_beside_a_table_of_numbers_stay_classes(tmp_path: Path) -> None:
    lay_out(tmp_path, "cat/1.jpg", "dog/2.jpg")
    table(tmp_path, "sizes.csv", "image,size", "cat/1.jpg,3.5", "dog/2.jpg,7")

    assert recognise(tmp_path).format == "folders"
    assert recognise(tmp_path, "values").samples.labels == ["size"]


@pytest.mark.parametrize("target", [None, "label"])
@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("image,breed,sex\n" + "images/1.png,a,m\nimages/2.png,b,f\n" * 2, "'breed' or 'sex'"),
        ("images/1.png,a\nimages/2.png,b\n", "has no header"),
        ("image,label\nimages/1.png,a,b\n", "number of cells"),
        ("image;label\nimages/1.png;B\xe4r\n", "is not UTF-8 text: 'es/1.png;Bär'"),
    ],
)  # fmt: skip
def test_recognise_tells_what_is_wrong_inside_of_a_table_not_what_lies_around_it(
    tmp_path: Path, text: str, cause: str, target: str | None
) -> None:
    lay_out(tmp_path, *(f"images/{number}.png" for number in range(1, 5)))
    (tmp_path / "list.csv").write_bytes(text.encode("latin-1"))

    with pytest.raises(DataError, match=cause) as caught:
        recognise(tmp_path, target)
    assert str(tmp_path / "list.csv") in caught.value.where


def test_recognise_offers_only_kinds_that_can_be_read(tmp_path: Path) -> None:
    lay_out(tmp_path, "images/1.png", "images/2.png")
    boxes = [f"{number}.png,{label},1,1,5,5" for number in (1, 2) for label in ("car", "bus")]
    table(tmp_path, "boxes.csv", "filename,class,xmin,ymin,xmax,ymax", *boxes)

    found = recognise(tmp_path)

    assert (found.target, "values" in found.others) == ("boxes", False)
    for other in found.others:
        assert len(recognise(tmp_path, other).samples) == 2


def test_recognise_rows_of_an_image_with_different_labels_are_united(tmp_path: Path) -> None:
    lay_out(tmp_path, "images/1.png", "images/2.png")
    table(tmp_path, "labels.csv", "path,label", "1.png,big dog", "1.png,cat", "2.png,cat")

    found = recognise(tmp_path)

    assert (found.target, found.samples.labels) == ("labels", ["big dog", "cat"])
    assert found.samples.table["label"].tolist() == ["big dog|cat", "cat"]
    with pytest.raises(DataError, match="several values: 'big dog' in line 2, 'cat' here") as caught:
        recognise(tmp_path, "label")
    assert "--task multilabel" in caught.value.hint and "remove" not in str(caught.value)


def test_folders_of_heic_are_named_as_such(tmp_path: Path):
    for name in ("a/1.heic", "a/2.heic", "b/3.heic"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    with pytest.raises(DataError, match=r"HEIC.*JPEG"):
        collect_facts(recognise(tmp_path).samples)


def coco(folder: Path, *regions: object, name: str = "a.json") -> Path:
    """Write a COCO file about one image for each region, which are segmentations."""
    paths = [f"images/{number}.jpg" for number in range(len(regions))]
    content = {
        "images": [
            {"id": at, "file_name": Path(path).name, "width": 20, "height": 16} for at, path in enumerate(paths)
        ],
        "annotations": [
            {"image_id": at, "category_id": 1, "bbox": [1, 1, 5, 5], "segmentation": region}
            for at, region in enumerate(regions)
        ],
        "categories": [{"id": 1, "name": "a"}],
    }
    table(lay_out(folder, *paths), name, json.dumps(content))
    return folder


@pytest.mark.parametrize(
    ("regions", "others"), [([[], []], ()), ([[[1, 1, 5, 1, 5, 5]]], ("mask",)), ([[[1, 1, 5, 1, 5, 5]], []], ())]
)
def test_recognise_offers_only_what_a_coco_file_has(tmp_path: Path, regions: list, others: tuple[str, ...]) -> None:
    assert recognise(coco(tmp_path, *regions)).others == others


def test_recognise_tells_the_reader_s_own_problem(tmp_path: Path) -> None:
    folder = coco(tmp_path, [])
    (folder / "images/0.jpg").unlink()
    with pytest.raises(DataError, match=r"a.json: image 1: no such image"):
        recognise(folder)
    (folder / "a.json").write_text('{"images": [], "annotations": [')
    with pytest.raises(DataError, match=r"a.json:1: is no JSON"):
        recognise(folder)
    coco(tmp_path, [], name="b.json")
    coco(tmp_path, [])
    with pytest.raises(DataError, match=r"several COCO files: a\.json, b\.json") as caught:
        recognise(folder)
    assert "annotations_file" in caught.value.hint


def test_recognise_nothing_known_lists_every_format_and_what_is_there(tmp_path: Path) -> None:
    lay_out(tmp_path, "images/1.jpg")
    table(tmp_path, "p.json", '{"pictures": []}')

    with pytest.raises(DataError, match="no known data format") as caught:
        recognise(tmp_path)

    for word in (
        "COCO",
        "YOLO",
        "Pascal VOC",
        "CVAT",
        "Label Studio",
        "labelme",
        "VIA",
        "Open Images",
        "masks/",
        "idx",
    ):
        assert word in caught.value.allowed
    assert "p.json" in caught.value.hint
    with pytest.raises(DataError) as caught:
        recognise(coco(tmp_path, []), "label")
    assert "--task object_detection" in caught.value.hint


def test_recognise_folders_of_images_and_something_else_are_no_classes(tmp_path: Path) -> None:
    place = lay_out(tmp_path, "images/1.png", "gt/1.png")
    with pytest.raises(DataError, match="nothing tells what the images in 'images' are") as caught:
        recognise(place)
    assert "gt/" in caught.value.hint and "--task classification" in caught.value.hint
    assert recognise(place, "label").samples.labels == ["gt", "images"]


def test_recognise_exports_of_tools(tmp_path: Path) -> None:
    choices = [
        {"data": {"image": f"images/{i}.png"}, "annotations": [{"result": [{"value": {"choices": list(names)}}]}]}
        for i, names in enumerate(("a", "b"))
    ]
    folder = lay_out(tmp_path / "studio", "images/0.png", "images/1.png")
    table(folder, "project.json", json.dumps(choices))
    found = recognise(folder)
    assert (found.target, found.format, found.samples.labels) == ("label", "label_studio", ["a", "b"])
    choices[0]["annotations"][0]["result"][0]["value"]["choices"] = ["a", "b"]  # type: ignore[index]
    table(folder, "project.json", json.dumps(choices))
    assert recognise(folder).target == "labels"

    names = [f"{split}/{i}.png" for split in ("train", "valid") for i in range(2)]
    folder = lay_out(tmp_path / "roboflow", *names)
    for split in ("train", "valid"):
        table(folder / split, "_classes.csv", "filename, a, b", "0.png, 1, 0", "1.png, 1, 1")
    found = recognise(folder)
    assert (found.target, found.samples.labels, len(found.samples)) == ("labels", ["a", "b"], 4)

    folder = lay_out(tmp_path / "cvat", "images/train/1.jpg")
    box = '<box label="a" xtl="1" ytl="1" xbr="5" ybr="5"/>'
    table(folder, "annotations.xml", f'<annotations><image id="0" name="train/1.jpg">{box}</image></annotations>')
    found = recognise(folder)
    assert (found.folder, found.format, found.samples.labels) == (folder, "cvat", ["a"])

    folder = lay_out(tmp_path / "via", "1.jpg")
    header = "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes"
    region = '"{""name"": ""rect"", ""x"": 1, ""y"": 1, ""width"": 2, ""height"": 2}","{""class"": ""car""}"'
    file = table(folder, "via_export_csv.csv", header, f"1.jpg,9,{{}},1,0,{region}")
    assert recognise(file).format == recognise(folder).format == "via"
