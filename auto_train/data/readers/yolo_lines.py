"""What the numbers in a line of YOLO's label files are: a box, an outline, or a box with the points of a pose."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from auto_train.data.readers.annotated import Box
from auto_train.data.readers.numbers import number_in
from auto_train.data.readers.places import shorten_name
from auto_train.errors import DataError

# Files whose lines tell the form of all.
LOOKED_AT = 500
# Lines of a pose without flags that rule out chance: a small outline may look like one.
MIN_POSES = 5
# Share of lines that have to agree, and of a box's side, and of the image's, by which a point may lie beyond.
MAX, SLACK, EDGE = 0.95, 0.1, 0.02
# Lines and the share of them beyond their image from which corners are meant, not centre and size.
MIN_LINES, MIN_BEYOND = 4, 0.25
# Shares of an image are not larger, even of a box that is half outside.
MAX_SHARE = 2
FLAGS = {0.0, 1.0, 2.0}

_Values = list[float]


@dataclass(frozen=True)
class Pose:
    """Points behind each box: how many there are, and 2 numbers (x, y) or 3 (and whether it is seen) for each."""

    num_points: int
    dims: int

    @property
    def length(self) -> int:
        """Numbers in a line behind the class."""
        return 4 + self.num_points * self.dims

    def __str__(self) -> str:
        return f"[{self.num_points}, {self.dims}]"


@dataclass(frozen=True)
class Form:
    """How lines are read: the pose, where there is one; and what to say of it."""

    pose: Pose | None = None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def detect_form(files: Sequence[Path], stated: Pose | None, source: Path | None) -> Form:
    """Return how the lines of label files are read.

    Args:
        files: those that are there.
        stated: by ``kpt_shape``; None: told by the numbers.
        source: the file that states it.

    Raises:
        DataError: the numbers are pixels, or corners in place of centre and size.
    """
    lines = [line for file in files[:: max(len(files) // LOOKED_AT, 1)] for line in _lines(file)]
    _check_pixels(lines)
    if not stated:
        _check_corners(lines)
    if stated:
        return Form(stated, notes=(f"labels are poses, as kpt_shape {stated} in {source} says; the boxes are read",))
    long = [values for _, _, values in lines if len(values) > 4]
    pose, is_sure = _pose_in(long)
    if not pose:
        return Form()
    place = f"{shorten_name(lines[0][0])}: lines of {pose.length} numbers"
    if not is_sure:
        text = f"may be outlines or poses and are read as outlines; poses need kpt_shape: {pose} in data.yaml"
        return Form(warnings=(f"{place} {text}",))
    text = f"are read as poses, a box and {pose.num_points} points in it"
    return Form(pose, warnings=(f"{place} {text}; kpt_shape: {pose} in data.yaml says so, and names are there too",))


def _lines(file: Path) -> list[tuple[Path, int, _Values]]:
    """Return file, number and values of each line of numbers; other lines are told when they are read."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError):
        return []
    found = []
    for number, line in enumerate(lines, 1):
        values = [number_in(text) for text in line.split()[1:]]
        plain = [value for value in values if value is not None]
        if len(plain) == len(values) >= 4:
            found.append((file, number, plain))
    return found


def _check_pixels(lines: Sequence[tuple[Path, int, _Values]]) -> None:
    """Pass if not most lines hold numbers that are far from shares of an image.

    Raises:
        DataError: they do.
    """
    large = [line for line in lines if max(map(abs, line[2])) > MAX_SHARE]
    if len(large) <= len(lines) / 2:
        return
    file, number, values = large[0]
    largest = max(abs(value) for _, _, values in large for value in values)
    raise DataError(
        f"{len(large)} of {len(lines)} lines hold numbers up to {largest:g}, as pixels or percent are: "
        f"'{' '.join(f'{value:g}' for value in values[:6])}'",
        where=f"{file}:{number}",
        allowed="shares of the image, 0 to 1: centre x, centre y, width, height",
        hint="divide x and width by the image's width, y and height by its height; do not remove the lines",
    )


def _check_corners(lines: Sequence[tuple[Path, int, _Values]]) -> None:
    """Pass if lines of four numbers are not corners.

    Raises:
        DataError: the last two are larger than the first two, and as centre and size many boxes leave their image.
    """
    plain = [line for line in lines if len(line[2]) == 4]
    ordered = sum(x < width and y < height for *_, (x, y, width, height) in plain)
    beyond = [line for line in plain if not _is_inside(line[2])]
    if len(plain) < MIN_LINES or ordered < MAX * len(plain) or len(beyond) < MIN_BEYOND * len(plain):
        return
    file, number, values = beyond[0]
    raise DataError(
        f"{len(plain)} lines seem to hold corners (left, top, right, bottom): '{' '.join(f'{v:g}' for v in values)}'; "
        f"as centre and size {len(beyond)} boxes would leave their image",
        where=f"{file}:{number}",
        allowed="centre x, centre y, width, height, shares of the image",
        hint="write (left + right) / 2, (top + bottom) / 2, right - left, bottom - top; do not remove the lines",
    )


def _is_inside(values: Sequence[float]) -> bool:
    """Tell whether centre and size are a box in its image."""
    x, y, width, height = values[:4]
    sides = ((x, width), (y, height))
    return all(at - size / 2 >= -EDGE and at + size / 2 <= 1 + EDGE for at, size in sides)


def _pose_in(lines: Sequence[_Values]) -> tuple[Pose | None, bool]:
    """Return what the points in lines of more than four numbers are, if these are poses, and whether that is sure."""
    lengths = {len(values) for values in lines}
    length = lengths.pop() if len(lengths) == 1 else 0
    for dims in (3, 2):
        points, rest = divmod(length - 4, dims)
        if points < 1 or rest or (dims == 3 and not all(set(values[6::3]) <= FLAGS for values in lines)):
            continue
        pose = Pose(points, dims)
        fits = sum(_fits(values, pose) for values in lines)
        if fits >= MAX * len(lines) and not _are_turned(lines):
            return pose, dims == 3 or len(lines) >= MIN_POSES
    return None, False


def _fits(values: _Values, pose: Pose) -> bool:
    """Tell whether the first four numbers are a box in the image and around the points; 0 0 is a point not marked."""
    x, y, width, height = values[:4]
    if not (width > 0 and height > 0 and _is_inside(values)):
        return False
    points = zip(values[4 :: pose.dims], values[5 :: pose.dims], strict=True)
    across, down = width * (0.5 + SLACK) + EDGE / 2, height * (0.5 + SLACK) + EDGE / 2
    return all((left, top) == (0, 0) or (abs(left - x) <= across and abs(top - y) <= down) for left, top in points)


def _are_turned(lines: Sequence[_Values]) -> bool:
    """Tell whether lines are the four corners of turned boxes: opposite corners have one centre."""
    if len(lines[0]) != 8:
        return False
    same = sum(abs(v[0] + v[4] - v[2] - v[6]) < EDGE / 2 and abs(v[1] + v[5] - v[3] - v[7]) < EDGE / 2 for v in lines)
    return same >= MAX * len(lines)


def holds_labels(file: Path) -> bool:
    """Tell by its first line whether a file holds labels, one of the cells wrong perhaps."""
    with file.open(encoding="utf-8-sig", errors="replace") as opened:
        first = next((line for line in opened if line.strip()), "")
    cells = re.split(r"[\s,;]+", first.strip())  # told when they are read: blanks belong between the numbers
    return len(cells) >= 5 and sum(number_in(text) is None for text in cells) < 2


def box_in(line: str, number: int, names: Sequence[str], *, has_outline: bool, pose: Pose | None) -> Box | str:
    """Return a box in shares of the image, or what is wrong behind the line's number.

    Args:
        has_outline: there is one in the file.
        pose: what stands behind each box; None: nothing.
    """
    first, *rest = line.split()
    values = [value for text in rest if (value := number_in(text)) is not None]
    if pose and len(values) == len(rest) and len(rest) > 4:
        if len(rest) != pose.length:
            return f"{number}: {len(rest)} numbers, kpt_shape {pose} asks for {pose.length}"
        rest, values = rest[:4], values[:4]
    is_outline = len(rest) >= 6 and len(rest) % 2 == 0
    if len(values) < len(rest) or not (len(rest) == 4 or is_outline):
        return f"{number}: '{line[:60]}' is no class number and four numbers"
    if not first.isdecimal() or int(first) >= len(names):
        return f"{number}: class '{first}' is none of the {len(names)} classes, 0 to {len(names) - 1}"
    if is_outline:
        across, down = values[::2], values[1::2]
        if (different := len(set(zip(across, down, strict=True)))) < 3:
            return f"{number}: an outline with {different} points, three are the least"
        return Box(names[int(first)], min(across), min(down), max(across), max(down), number)
    if has_outline:
        return f"{number}: '{line}' among outlines: a box, or an outline with two points?"
    x, y, width, height = values
    return Box(names[int(first)], x - width / 2, y - height / 2, x + width / 2, y + height / 2, number)
