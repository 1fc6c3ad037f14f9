"""What files of annotations are that no reader knows: their tool and the export to choose, or what they lack."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from auto_train.data.image import SUFFIXES as IMAGES
from auto_train.data.readers.contents import holds
from auto_train.data.readers.numbers import number_in
from auto_train.data.readers.places import IMAGE_FOLDERS, list_folders, list_folders_below, split_named
from auto_train.data.readers.table import SUFFIXES, column_names

# Levels of folders below the data's, files of a kind that are looked into, and clues that are given.
_MAX_LEVELS, _LOOKED_AT, _MAX_CLUES = 3, 5, 4
_HEAD = 2**16
_KEY = re.compile(r'"(\w+)"\s*:')
# Letters of a line that is no label, and numbers of one that may be.
_LONG, _MIN_NUMBERS = 1000, 4
_COCO = ("images", "annotations", "categories")

# Words that are in the files of a tool, and what to do with it.
_TOOLS = (
    (('"segments_info"',), "COCO panoptic segments; export instances (polygons or run lengths) in place of them"),
    (('"annotations"', '"caption"'), "COCO captions; the file of instances has the boxes"),
    (('"vid_list"', '"_via_attributes"'), "a project of VIA; export the annotations as JSON or CSV (VIA 2) or as COCO"),
    (('"keypoints"', '"bbox"'), "keypoints; with lists images, annotations and categories (COCO) the boxes are read"),
    (('"result"', '"lead_time"'), "a file of Label Studio; export the project as JSON, JSON-MIN, COCO or YOLO"),
    (('"dataset_name"', '"image_url"'), "a project of another tool; export it as COCO, YOLO or Pascal VOC"),
    (("<track",), "tracks of a video (CVAT); export 'CVAT for images 1.1', COCO or YOLO"),
    (('"data_row"', '"Labeled Data"'), "an export of Labelbox; convert it to COCO, YOLO or Pascal VOC there"),
    (('"objects"', '"classTitle"'), "a file of Supervisely; export the project as COCO, YOLO or Pascal VOC"),
)


def clues(folder: Path) -> list[str]:
    """Return what the first files are that look like annotations, one sentence each with the path."""
    found = [text] if (text := _masks(folder)) else []
    for suffix in (".json", ".ndjson", ".xml", ".txt", *SUFFIXES):
        for path in _files(folder, suffix):
            if text := _clue(path):
                found.append(f"{path.relative_to(folder)}: {text}")
                break  # the others of its kind are alike
    return found[:_MAX_CLUES]


def _masks(folder: Path) -> str:
    """Return that one of the folders seems to hold masks of the images of another; "" where none does."""
    below = {path: _stems(path) for path in list_folders(folder)[:_LOOKED_AT]}
    for images, stems in below.items():
        if images.name.lower() not in IMAGE_FOLDERS and not split_named(images.name):
            continue
        for masks, others in below.items():
            same = {stem.removesuffix("_mask") for stem in others} & stems
            if masks != images and not split_named(masks.name) and len(same) * 2 > len(others) > 0:
                text = f"{masks.name}/: has files with the stems of {images.name}/; if they are masks, call the folders"
                return f"{text} masks/ and images/, or name them in [training.data] annotations_file and images_dir"
    return ""


def _stems(folder: Path) -> set[str]:
    return {path.stem for path in folder.iterdir() if path.suffix.lower() in IMAGES}


def _files(folder: Path, suffix: str) -> Iterator[Path]:
    count = 0
    for place in (folder, *list_folders_below(folder, _MAX_LEVELS)):
        for path in sorted(place.iterdir()):
            if path.suffix.lower() == suffix and not path.name.startswith(".") and path.is_file():
                yield path
                count += 1
                if count == _LOOKED_AT:
                    return


def _clue(path: Path) -> str:
    suffix = path.suffix.lower()
    for words, text in _TOOLS if suffix in (".json", ".ndjson", ".xml") else ():
        if all(holds(path, word) for word in words):
            return f"looks like {text}"
    if suffix == ".json":
        return _of_json(path)
    if suffix == ".xml":
        return _of_xml(path)
    return _of_text(path) if suffix == ".txt" else _of_table(path)


def _of_json(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    text = head.decode(json.detect_encoding(head), errors="replace").removeprefix("\ufeff").lstrip()
    if not text.startswith(("{", "[")):
        return "is not JSON"
    keys = list(dict.fromkeys(_KEY.findall(text)))
    shown = ", ".join(keys[:8]) or "none"
    missing = [key for key in _COCO if key not in keys]
    if not missing:
        return "looks like a COCO file; name its folder, or the file in [training.data] annotations_file"
    return f"is not a known JSON file; its keys are {shown}; a COCO file needs {', '.join(missing)} too"


def _of_xml(path: Path) -> str:
    with path.open("rb") as file:
        root = re.search(rb"<([A-Za-z_][\w.-]*)", file.read(_HEAD).replace(b"\x00", b""))
    name = root[1].decode() if root else ""
    if name in ("annotation", "annotations"):
        return "looks like Pascal VOC or CVAT; name the folder that holds it and the images"
    return f"is not Pascal VOC (<annotation>) nor CVAT (<annotations>), but <{name}>" if name else "is not XML"


def _of_text(path: Path) -> str:
    """Return what is odd about a text file of numbers; "" for other text."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = next((line.strip() for line in file if line.strip()), "")
    cells = re.split(r"[\s,;]+", first)
    numbers = [number for text in cells if (number := number_in(text)) is not None]
    if len(numbers) < _MIN_NUMBERS or len(first) > _LONG:
        return ""
    if len(numbers) == len(first.split()) and all(0 <= number <= 1 for number in numbers[1:]):
        return "looks like labels of YOLO; they lie in labels/ beside images/, with the stems of the images"
    allowed = "class number and centre x, centre y, width, height as shares of the image, with the stem of an image"
    return f"'{first[:60]}' is not a label of YOLO ({allowed})"


def _of_table(path: Path) -> str:
    names = column_names(path)
    if path.name == "_classes.csv":
        return "a table of Roboflow with several labels for each image: --task multilabel, [project] type = multilabel"
    return f"a table with the columns {', '.join(names[:12])}" if names else ""
