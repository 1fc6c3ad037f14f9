"""Boxes, masks and words drawn on images so that a person sees them at once. By Pillow alone.

What is said in words stands on tags and in a strip below the picture, never on what the picture shows.
"""

import colorsys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from auto_train.data.targets import IGNORE

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont

Colour = tuple[int, int, int]
Area = tuple[float, float, float, float]
# A text, and the code of the class it is about, IGNORE, or None.
Word = tuple[str, int | None]

# Pixels of the longer side below which a picture is enlarged by a whole number: text needs room.
READABLE = 480
# Of neighbouring classes far apart in hue and lightness, for people who see few colours too: the first seven follow
# M. Okabe and K. Ito, Color Universal Design (2008), made bright enough for photographs.
PALETTE: tuple[Colour, ...] = (
    (255, 140, 0), (45, 160, 255), (0, 190, 120), (240, 60, 150), (250, 220, 40), (120, 80, 255), (220, 50, 30),
    (0, 215, 215), (150, 205, 30), (190, 90, 220), (160, 110, 50), (255, 170, 180), (0, 110, 120), (140, 170, 255),
    (130, 20, 60), (90, 130, 0),
)  # fmt: skip
BACKGROUNDS = ("background", "_background_", "unlabeled", "unlabelled", "void")
GROUND, _INK, _GREY = (24, 26, 30), (240, 240, 240), (128, 128, 128)
# Share of an object's colour in its pixels; of what is ignored.
_OPACITY, _IGNORED = 0.45, 0.6
# Of a legend; the largest areas come first.
_MAX_NAMES = 12


def colour_of(code: int) -> Colour:
    """Return the colour of a class, the same in every picture."""
    if code < len(PALETTE):
        return PALETTE[code]
    turn = code * 0.618034 % 1  # the golden section: no two are close
    red, green, blue = colorsys.hls_to_rgb(turn, (0.4, 0.65)[code % 2], 0.85)
    return round(255 * red), round(255 * green), round(255 * blue)


def factor_of(image: np.ndarray) -> int:
    """Return how many times as large a picture of an image is, so that text on it can be read."""
    return max(1, round(READABLE / max(image.shape[:2])))


def enlarge(image: np.ndarray) -> np.ndarray:
    """Return an image (H, W, 3) uint8 as many times as large as factor_of says; of tiny ones every pixel is seen."""
    from PIL import Image

    if (times := factor_of(image)) == 1:
        return image
    size = image.shape[1] * times, image.shape[0] * times
    way = Image.Resampling.NEAREST if max(image.shape[:2]) <= 64 else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(image).resize(size, way))


def draw_boxes(image: np.ndarray, boxes: np.ndarray, texts: Sequence[str], codes: Sequence[int]) -> np.ndarray:
    """Return a picture of an image with boxes and their tags; of a small image one that is larger.

    Args:
        image: (H, W, 3) uint8.
        boxes: (K, 4) left, top, right, bottom in pixels of the image; what is outside of it is not seen.
        texts: of the tags; "" for none.
        codes: of the classes, for the colours.
    """
    from PIL import Image, ImageDraw

    times = factor_of(image)
    picture = Image.fromarray(np.ascontiguousarray(enlarge(image)))
    pen = ImageDraw.Draw(picture)
    line = _line_width(picture.size)
    areas = [_upright(box, times, picture.size) for box in np.asarray(boxes, np.float64).reshape(-1, 4)]
    order = sorted(range(len(areas)), key=lambda at: -_size(areas[at]))  # small ones stay on top
    for at in order:
        _draw_box(pen, areas[at], colour_of(int(codes[at])), line)
    font = _font(_text_size(picture.size, len(areas)), "".join(texts))
    taken: list[Area] = []
    for at in order:
        if texts[at]:
            _draw_tag(pen, areas[at], texts[at], colour_of(int(codes[at])), font, line, taken)
    return np.asarray(picture)


def draw_mask(image: np.ndarray, mask: np.ndarray, names: Sequence[str], *, legend: bool = True) -> np.ndarray:
    """Return a picture of an image with the classes of its pixels in colour, outlined, and a legend below.

    Args:
        image: (H, W, 3) uint8.
        mask: (H, W) uint8 class codes; IGNORE is grey, a first class that is called background has no colour.
        names: of the classes, by code.
        legend: name the classes and their shares.
    """
    times = factor_of(image)
    shown = np.asarray(mask).repeat(times, axis=0).repeat(times, axis=1)
    table = np.array([colour_of(code) for code in range(256)], np.float32)
    table[IGNORE] = _GREY
    opacity = _opacities(names)
    pixels = enlarge(image)
    picture = np.empty(pixels.shape, np.uint8)
    for rows in _strips(*shown.shape):  # of a large picture in parts: float copies of it would take gigabytes
        share, colours = opacity[shown[rows]][..., None], table[shown[rows]]
        picture[rows] = pixels[rows] * (1 - share) + colours * share
    width = _line_width((shown.shape[1], shown.shape[0]))
    edges = _edges(shown, width) & (opacity[shown] > 0)
    picture[edges] = table[shown[edges]]
    return draw_words(picture, mask_words(mask, names)) if legend else picture


def mask_words(mask: np.ndarray, names: Sequence[str]) -> list[Word]:
    """Return a mask's legend for draw_words: the classes that are coloured and their shares, the largest first."""
    counts, opacity = np.bincount(np.ravel(mask), minlength=256), _opacities(names)
    codes = [code for code in np.argsort(-counts, kind="stable").tolist() if counts[code] and opacity[code]]
    words: list[Word] = []
    for code in codes[:_MAX_NAMES]:
        name = "ignored" if code == IGNORE else names[code] if code < len(names) else f"value {code}"
        words.append((f"{name} {counts[code] / mask.size:.1%}", code))
    more = len(codes) - _MAX_NAMES
    return [*words, (f"… {more} more", None)] if more > 0 else words or [("nothing but background", None)]


def _opacities(names: Sequence[str]) -> np.ndarray:
    """Return the share of each class's colour in its pixels, (256,) float32."""
    opacity = np.full(256, _OPACITY, np.float32)
    opacity[IGNORE] = _IGNORED
    if names and names[0].lower() in BACKGROUNDS:
        opacity[0] = 0
    return opacity


def draw_words(image: np.ndarray, words: Sequence[Word]) -> np.ndarray:
    """Return a picture of an image with words below it.

    Args:
        words: in front of those about a class stands its colour.
    """
    shown = [(text, None if code is None else _GREY if code == IGNORE else colour_of(code)) for text, code in words]
    return _with_strip(enlarge(image), shown)


def _upright(box: np.ndarray, times: int, size: tuple[int, int]) -> Area:
    """Return a box in pixels of the picture, cut at its edges; corners that are swapped are put right."""
    limits = np.array([*size, *size], np.float64) - 1
    x1, y1, x2, y2 = np.clip(np.nan_to_num(box * times), 0, limits).tolist()
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)


def _size(area: Area) -> float:
    return (area[2] - area[0]) * (area[3] - area[1])


def _draw_box(pen: "ImageDraw", area: Area, colour: Colour, line: int) -> None:
    """Draw a box with a thin dark line around it, which is seen on any ground."""
    x1, y1, x2, y2 = area
    pen.rectangle((x1 - 1, y1 - 1, x2 + 1, y2 + 1), outline=_darker(colour), width=line + 2)
    pen.rectangle((x1, y1, x2, y2), outline=colour, width=line)


def _draw_tag(
    pen: "ImageDraw", area: Area, text: str, colour: Colour, font: "FreeTypeFont", line: int, taken: list[Area]
) -> None:
    """Write on a tag beside a box: where the fewest other tags are hidden, and inside the picture.

    Args:
        taken: places of the tags so far; this one's is added.
    """
    width, height = pen.im.size
    pad = max(2, round(font.size / 5))
    text = _fit_text(text, font, width - 2 * pad)
    wide, high = font.getlength(text) + 2 * pad, font.size + 2 * pad
    x1, y1, x2, y2 = area
    left, right, above, below = x1 - 1, x2 + 1 - wide, y1 - high, y2 + line / 2
    places = [(left, above), (right, above), (left, below), (right, below), (left, y1), (right, y2 - high)]
    inside = [(min(max(x, 0), max(width - wide, 0)), min(max(y, 0), max(height - high, 0))) for x, y in places]
    moved = [abs(x - at) + abs(y - to) for (x, y), (at, to) in zip(inside, places, strict=True)]
    tags = [(x, y, x + wide, y + high) for x, y in inside]
    cost = [sum(_overlap(tag, other) for other in taken) + 4 * by for tag, by in zip(tags, moved, strict=True)]
    tag = tags[cost.index(min(cost))]
    taken.append(tag)
    pen.rounded_rectangle(tag, radius=pad, fill=colour, outline=_darker(colour))
    pen.text((tag[0] + pad, tag[1] + high / 2), text, fill=_ink_on(colour), font=font, anchor="lm")


def _overlap(one: Area, other: Area) -> float:
    wide, high = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
    return max(wide, 0) * max(high, 0)


def _edges(mask: np.ndarray, width: int) -> np.ndarray:
    """Return where pixels have a neighbour of another class within some pixels, (H, W) bool."""
    found = np.zeros(mask.shape, bool)
    across, down = mask[:, 1:] != mask[:, :-1], mask[1:] != mask[:-1]
    for step in range((width + 1) // 2):
        found[:, step + 1 :] |= across[:, : across.shape[1] - step]
        found[:, : mask.shape[1] - 1 - step] |= across[:, step:]
        found[step + 1 :] |= down[: down.shape[0] - step]
        found[: mask.shape[0] - 1 - step] |= down[step:]
    return found


def _strips(height: int, width: int) -> list[slice]:
    rows = max(1, 4_000_000 // width)
    return [slice(start, start + rows) for start in range(0, height, rows)]


def _with_strip(image: np.ndarray, words: Sequence[tuple[str, Colour | None]]) -> np.ndarray:
    """Return an image with words on dark ground below it, in as many lines as they need."""
    from PIL import Image, ImageDraw

    height, width = image.shape[:2]
    size = _text_size((width, height), 0)
    font, pad = _font(size, "".join(text for text, _ in words)), round(size * 0.6)
    places, x, y = [], pad, pad
    for text, colour in words:
        text = _fit_text(text, font, width - 2 * pad - (size + pad // 2 if colour else 0))
        wide = round(font.getlength(text)) + (size + pad // 2 if colour else 0)
        if x > pad and x + wide > width - pad:
            x, y = pad, y + round(1.5 * size)
        places.append((x, y, text, colour))
        x += wide + 2 * pad
    picture = Image.new("RGB", (width, height + (y + size + pad if words else 0)), GROUND)
    picture.paste(Image.fromarray(np.ascontiguousarray(image)))
    pen = ImageDraw.Draw(picture)
    for x, y, text, colour in places:
        if colour:
            pen.rounded_rectangle((x, height + y, x + size, height + y + size), radius=size // 5, fill=colour)
            x += size + pad // 2
        pen.text((x, height + y + size / 2), text, fill=_INK, font=font, anchor="lm")
    return np.asarray(picture)


def _fit_text(text: str, font: "FreeTypeFont", width: float) -> str:
    """Return a text in one line, its end cut off where it is wider than so many pixels."""
    text = " ".join(text.split())
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"


def _line_width(size: tuple[int, int]) -> int:
    return max(2, round(0.0035 * (size[0] * size[1]) ** 0.5))


def _text_size(size: tuple[int, int], number: int) -> int:
    """Return the height of letters, pixels: smaller where there are many tags."""
    share = 0.03 if number <= 40 else 0.02
    return max(11, round(share * (size[0] * size[1]) ** 0.5))


def _darker(colour: Colour) -> Colour:
    red, green, blue = (value // 3 for value in colour)
    return red, green, blue


def _ink_on(colour: Colour) -> Colour:
    """Return black or white, whichever is read more easily on a colour. Source: ITU-R BT.601."""
    red, green, blue = colour
    return (0, 0, 0) if 0.299 * red + 0.587 * green + 0.114 * blue > 130 else (255, 255, 255)


def _font(size: int, text: str) -> "FreeTypeFont":
    """Return Pillow's own font; for letters it lacks matplotlib's, where that is installed, which has more."""
    from PIL import ImageFont

    wide = None if all(ord(letter) < 0x250 or letter == "…" for letter in text) else _wide_font()
    font: Any = ImageFont.truetype(wide, size) if wide else ImageFont.load_default(size)
    return font


@cache
def _wide_font() -> str | None:
    from importlib.util import find_spec

    found = find_spec("matplotlib")
    places = found.submodule_search_locations if found and found.submodule_search_locations else []
    files = [Path(place) / "mpl-data/fonts/ttf/DejaVuSans.ttf" for place in places]
    return next((str(file) for file in files if file.is_file()), None)
