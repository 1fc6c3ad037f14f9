import json
from pathlib import Path

import pytest

from auto_train.data import read_samples
from auto_train.data.targets import Boxes
from auto_train.errors import DataError


def boxes(folder: Path, **options) -> Boxes:
    found = read_samples(folder, target="boxes", **options).targets
    assert isinstance(found, Boxes)
    return found


@pytest.mark.parametrize(
    "header", ["path,x1,y1,x2,y2,label", "filename,xmin,ymin,xmax,ymax,class", "image,x1,y1,x2,y2,category"]
)
def test_csv_boxes_one_a_row_and_empty_cells_for_none(make_files, write, header: str) -> None:
    make_files("1.png", "2.png")
    folder = write("labels.csv", header, "1.png,1,2,3,4,dog", "2.png,,,,,", "1.png,5,6,5.5,6,cat")

    found = boxes(folder)

    assert found.names == ("cat", "dog")
    assert found.corners.tolist() == [[1, 2, 3, 4], [5, 6, 5.5, 6]]
    assert found.codes.tolist() == [1, 0]
    assert found.counts.tolist() == [2, 0]
    assert found.lines.tolist() == [2, 4] and found.files[0] == str(folder / "labels.csv")


def test_csv_boxes_wrong_rows_are_all_told(make_files, write) -> None:
    make_files("1.png", "2.png")
    lines = ["1.png,1,2,x,4,dog,train", "1.png,1,2,3,4,,train", "1.png,,,,,,train", "1.png,1,2,3,4,dog,test"]
    folder = write("labels.csv", "path,x1,y1,x2,y2,label,split", *lines, "none.png,1,2,3,4,dog,train")

    with pytest.raises(DataError) as caught:
        read_samples(folder, target="boxes")

    texts = caught.value.message
    assert "labels.csv:2: no four numbers and a label: x1 '1', y1 '2', x2 'x', y2 '4', label 'dog' (1.png)" in texts
    assert "labels.csv:3: no four numbers and a label: x1 '1', y1 '2', x2 '3', y2 '4', label '' (1.png)" in texts
    assert "labels.csv:4: another row of this image before" in texts
    assert "labels.csv:5: another split or group before (1.png)" in texts
    assert "labels.csv:6: no such image (none.png)" in texts


def test_csv_boxes_of_hugging_face_metadata(make_files, write) -> None:
    make_files("train/1.png", "train/2.png", "test/3.png")
    rows = [
        {"file_name": "1.png", "objects": {"bbox": [[1, 2, 3, 4], [0, 0, 2, 2]], "categories": [1, 0]}},
        {"file_name": "2.png", "objects": {"bbox": [], "categories": []}},
    ]
    write("train/metadata.jsonl", *map(json.dumps, rows))
    one = {"file_name": "3.png", "objects": {"bbox": [[1, 1, 1, 1]], "categories": [0]}}
    folder = write("test/metadata.jsonl", json.dumps(one))

    samples = read_samples(folder, target="boxes", labels=["cat", "dog"])

    assert isinstance(samples.targets, Boxes)
    assert samples.table["path"].tolist() == ["test/3.png", "train/1.png", "train/2.png"]
    assert samples.table["split"].tolist() == ["test", "train", "train"]
    assert samples.targets.corners.tolist() == [[1, 1, 2, 2], [1, 2, 4, 6], [0, 0, 2, 2]]
    assert samples.targets.codes.tolist() == [0, 1, 0]
    assert boxes(folder).names == ("0", "1")


@pytest.mark.parametrize("objects", [{"bbox": [[1, 2, 3]], "categories": [0]}, {"bbox": [[1, 2, 3, 4]]}, [], "x"])
def test_csv_boxes_objects_that_are_none_name_file_and_line(make_files, write, objects) -> None:
    make_files("1.png")
    folder = write("metadata.jsonl", json.dumps({"file_name": "1.png", "objects": objects}))

    with pytest.raises(DataError, match=r"metadata.jsonl:1: objects are no 'bbox'|no box on any of them"):
        read_samples(folder, target="boxes")


@pytest.mark.parametrize("names", ["width,height", "image_width,image_height", "Img Width,Img Height"])
def test_csv_boxes_columns_of_the_image_size_are_its_size(make_files, write, names: str) -> None:
    make_files("1.png", "2.png")
    folder = write("labels.csv", f"path,{names},x1,y1,x2,y2,label", "1.png,40,32,1,2,3,4,a", "2.png,,,5,6,9,9,a")

    found = boxes(folder)
    assert found.sizes is not None and found.sizes.tolist() == [[40, 32], [0, 0]]

    write("labels.csv", f"path,{names},x1,y1,x2,y2,label", "1.png,40,32,1,2,3,4,a", "1.png,20,16,5,6,9,9,a")
    with pytest.raises(DataError, match=r"labels.csv:3: '20 x 16' .* '40 x 32' in line 2"):
        boxes(folder)


def test_csv_boxes_widths_and_heights_of_boxes_are_no_image_sizes(make_files, write) -> None:
    make_files("1.png")
    folder = write("labels.csv", "path,x1,y1,x2,y2,width,height,label", "1.png,1,2,4,4,3,2,a", "1.png,5,6,9,9,4,3,a")

    found = boxes(folder)
    assert found.sizes is not None and not found.sizes.any()


@pytest.mark.parametrize("names", ["x1,y1,x2,y2", "XMin,YMin,XMax,YMax", "x_min,y_min,x_max,y_max"])
def test_csv_boxes_between_0_and_1_are_shares_of_the_image(make_files, write, names: str) -> None:
    make_files("1.png", "2.png")
    (folder := write("labels.csv", f"path,{names},label", "1.png,0,.5,.5,1,a", "2.png,0,0,1,1,a"))

    samples = read_samples(folder, target="boxes")
    assert isinstance(samples.targets, Boxes)
    assert samples.targets.corners.tolist() == [[0, 8, 10, 16], [0, 0, 20, 16]]  # images are 20 x 16
    assert any("shares" in note for note in samples.notes)

    write("labels.csv", f"path,{names},label", "1.png,0,0,1,1,a")
    assert boxes(folder).corners.tolist() == [[0, 0, 1, 1]]


def test_csv_boxes_of_roboflow_lie_in_the_folders_of_splits(make_files, write) -> None:
    make_files("train/1.png", "valid/1.png")
    for split in ("train", "valid"):
        folder = write(
            f"{split}/_annotations.csv",
            "\ufefffilename,width,height,class,xmin,ymin,xmax,ymax",
            "1.png,20,16,a,1,2,3,4",
        )

    samples = read_samples(folder, target="boxes")

    assert samples.table["split"].tolist() == ["train", "valid"]
    assert samples.table["path"].tolist() == ["train/1.png", "valid/1.png"]
