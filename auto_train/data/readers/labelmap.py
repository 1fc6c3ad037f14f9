"""labelmap.txt: the class of each colour in masks, as CVAT writes it (Segmentation mask 1.1).

Its lines are ``name:red,green,blue:parts:actions``; what follows the colour is not used here.
Source: https://docs.cvat.ai, format "Segmentation mask"; its void colour is that of Pascal VOC.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from auto_train.data.mask_codes import IGNORED, Colours
from auto_train.errors import DataError, format_list

NAME = "labelmap.txt"
LINE = "name:red,green,blue::"
# Names and the colour of pixels that count for nothing; Pascal VOC outlines objects in that colour.
IGNORED_NAMES, VOID = ("ignored", "ignore"), (224, 224, 192)
# The background is black where no line says otherwise.
BACKGROUND, BLACK = "background", (0, 0, 0)

Colour = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class LabelMap:
    """The classes of colours.

    Attributes:
        file: it was read from.
        colours: of each class name, in the order of the lines.
    """

    file: Path
    colours: dict[str, Colour]

    @property
    def names(self) -> list[str]:
        """The class names in the order of the lines, the background first; not what is ignored."""
        from auto_train.data.draw import BACKGROUNDS

        names = [name for name in self.colours if name.lower() not in IGNORED_NAMES]
        return sorted(names, key=lambda name: name.lower() not in BACKGROUNDS)

    def codes(self, names: Sequence[str]) -> Colours:
        """Return the class code of each colour.

        Args:
            names: of the classes, by code; those of the lines among them.
        """
        codes = {colour: names.index(name) for name, colour in self.colours.items() if name in names}
        ignored = [colour for name, colour in self.colours.items() if name not in names]
        for colour in (*ignored, VOID):
            codes.setdefault(colour, IGNORED)
        return tuple(codes.items())


def find_labelmap(places: Iterable[Path]) -> LabelMap | None:
    """Return the label map in the first of these folders that has one.

    Raises:
        DataError: it cannot be used; all of its problems.
    """
    for place in places:
        if (file := place / NAME).is_file():
            return read_labelmap(file)
    return None


def read_labelmap(file: Path) -> LabelMap:
    """Return the classes of colours that a file names.

    Raises:
        DataError: it cannot be read, a line is not of this form, a name or a colour is there twice; all of them.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read: {error}", where=str(file)) from error
    colours: dict[str, Colour] = {}
    problems = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, colour = _parts(line)
        if not name or colour is None:
            problems.append(f"{file.name}:{number}: '{line.strip()}' does not name a class and a colour")
        elif name in colours or colour in colours.values():
            shown = f"class '{name}'" if name in colours else f"colour {','.join(map(str, colour))}"
            problems.append(f"{file.name}:{number}: {shown} is there a second time")
        else:
            colours[name] = colour
    if problems or not colours:
        message = format_list(f"{len(problems)} lines cannot be used", problems) if problems else "names no class"
        raise DataError(message, where=str(file), allowed=f"lines of '{LINE}', red, green and blue from 0 to 255")
    if BACKGROUND not in colours and BLACK not in colours.values():
        colours[BACKGROUND] = BLACK
    return LabelMap(file=file, colours=colours)


def _parts(line: str) -> tuple[str, Colour | None]:
    name, *rest = line.split(":")
    numbers = [text.strip() for text in (rest[0] if rest else "").split(",")]
    if len(numbers) != 3 or not all(map(_is_byte, numbers)):
        return name.strip(), None
    red, green, blue = map(int, numbers)
    return name.strip(), (red, green, blue)


def _is_byte(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 3 and int(text) <= 255
