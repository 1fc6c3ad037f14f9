import io
import tarfile
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from auto_train.data.draw import PALETTE, READABLE, colour_of, draw_boxes, draw_mask, draw_words, enlarge
from auto_train.data.targets import IGNORE

GREY = np.full((480, 640, 3), 200, np.uint8)


def has(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Return where a picture has exactly this colour."""
    return (picture == colour).all(axis=2)


def test_colours_of_classes_are_fixed_and_different() -> None:
    colours = [colour_of(code) for code in range(200)]
    assert len(set(colours)) == 200 and colours[: len(PALETTE)] == list(PALETTE)
    assert all(0 <= value <= 255 for colour in colours for value in colour)


def test_box_is_outlined_where_it_is_and_its_tag_stays_inside() -> None:
    boxes = np.array([[100, 200, 300, 400], [0, 0, 50, 60], [600, 440, 639, 479]])
    picture = draw_boxes(GREY, boxes, ["cat 97%", "dog 50%", "a long name of a class 12%"], [0, 1, 2])
    assert picture.shape == GREY.shape and picture.dtype == np.uint8
    assert has(picture, colour_of(0))[300, 100] and has(picture, colour_of(1))[30, 50]
    assert not has(picture, colour_of(0))[300, 200]  # its inside is left as it is
    assert (GREY == 200).all()


@pytest.mark.parametrize(
    "box", [[300, 400, 100, 200], [-50, -60, 900, 900], [700, 700, 800, 800], [20, 20, 20, 20], [np.nan, 1, 2, 3]]
)
def test_box_that_is_no_box_is_drawn_at_the_edge_or_as_a_point(box: list[float]) -> None:
    picture = draw_boxes(GREY, np.array([box]), ["odd"], [0])
    assert picture.shape == GREY.shape and has(picture, colour_of(0)).any()


def test_no_boxes_leave_the_picture_as_it_is() -> None:
    assert (draw_boxes(GREY, np.zeros((0, 4)), [], []) == GREY).all()


@pytest.mark.parametrize(("side", "times"), [(1, READABLE), (28, 17), (256, 2), (480, 1), (3000, 1)])
def test_small_pictures_are_enlarged_by_whole_numbers(side: int, times: int) -> None:
    image = np.arange(side * 3, dtype=np.uint8).reshape(1, side, 3)
    assert enlarge(image).shape == (times, side * times, 3)


def test_tags_of_boxes_at_one_place_do_not_hide_each_other() -> None:
    boxes = np.array([[200, 200, 300, 300]] * 4)
    picture = draw_boxes(GREY, boxes, ["first", "second", "third", "fourth"], [0, 1, 2, 3])
    fewest = min(int(has(picture, colour_of(code)).sum()) for code in range(4))
    assert fewest > 300  # pixels of ground of each tag


def test_mask_is_coloured_outlined_and_named_below() -> None:
    mask = np.zeros((480, 640), np.uint8)
    mask[100:200, 100:300] = 1
    mask[300:310] = IGNORE
    picture = draw_mask(GREY, mask, ["background", "nucleus"])
    assert picture.shape[1] == 640 and picture.shape[0] > 480
    assert (picture[50, 50] == 200).all()
    assert has(picture, colour_of(1))[100, 200] and not has(picture, colour_of(1))[150, 200]
    assert (picture[150, 200] != 200).any() and len(set(picture[305, 50].tolist())) == 1
    assert has(picture[480:], colour_of(1)).sum() > 50  # its field in the legend


def test_mask_whose_first_class_is_no_background_is_coloured_everywhere() -> None:
    picture = draw_mask(GREY, np.zeros((480, 640), np.uint8), ["road", "car"], legend=False)
    assert picture.shape == GREY.shape and (picture != 200).any(axis=2).all()


@pytest.mark.parametrize("values", [[0], [7, 9], list(range(256))])
def test_mask_of_any_values_has_a_legend(values: list[int]) -> None:
    mask = np.resize(np.array(values, np.uint8), (40, 60))
    picture = draw_mask(np.zeros((40, 60, 3), np.uint8), mask, ["background", "cell"])
    assert picture.shape[1] == 480 and picture.shape[0] > 320


@pytest.mark.parametrize("text", ["x" * 300, "two\nlines", "Größe", "κύτταρο", "細胞", ""])
def test_words_stand_below_and_are_cut_to_the_width(text: str) -> None:
    picture = draw_words(GREY, [(text, 3), ("plain", None)])
    assert picture.shape[1] == 640 and (picture[:480] == 200).all() and has(picture[480:], colour_of(3)).any()


def test_picture_of_real_cells_shows_each_of_its_boxes(mirror: Path) -> None:
    with tarfile.open(mirror / "bccd/bccd.tgz") as archive:
        image, text = (
            archive.extractfile(f"bccd/BCCD/{name}").read()  # type: ignore[union-attr]
            for name in ("JPEGImages/BloodImage_00001.jpg", "Annotations/BloodImage_00001.xml")
        )
    found = ET.fromstring(text).findall("object/bndbox")
    boxes = np.array([[float(box.findtext(key, "")) for key in ("xmin", "ymin", "xmax", "ymax")] for box in found])
    pixels = np.asarray(Image.open(io.BytesIO(image)).convert("RGB"))
    picture = draw_boxes(pixels, boxes, ["cell"] * len(boxes), list(range(len(boxes))))
    assert picture.shape == pixels.shape and len(boxes) == 19
    assert all(has(picture, colour_of(code)).sum() > 100 for code in range(19))
