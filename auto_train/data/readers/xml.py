"""XML files as elements that know their lines."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from auto_train.errors import DataError


@dataclass
class Element:
    """An element: its name, its line from 1, its text, the elements in it, and its attributes."""

    name: str
    line: int
    text: str = ""
    children: list["Element"] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)

    def all(self, name: str) -> Iterator["Element"]:
        """Yield the elements of this name right below."""
        return (child for child in self.children if child.name == name)

    def first(self, name: str) -> "Element | None":
        """Return the first of them, or None."""
        return next(self.all(name), None)

    def text_of(self, name: str) -> str:
        """Return the text of the first of them without blanks around it, or ""."""
        found = self.first(name)
        return found.text.strip() if found else ""


def read_xml(path: Path) -> Element:
    """Return the outermost element of a file.

    Raises:
        DataError: it cannot be read or is no XML; ``where`` holds file and line.
    """
    top = Element("", 0)
    stack = [top]
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def start(name: str, attributes: dict[str, str]) -> None:
        element = Element(name, parser.CurrentLineNumber, attributes=attributes)
        stack[-1].children.append(element)
        stack.append(element)

    def end(name: str) -> None:
        stack.pop()

    def text(data: str) -> None:
        stack[-1].text += data

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    try:
        parser.Parse(path.read_bytes(), True)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except (LookupError, ValueError) as error:  # of the encoding that its first line names
        raise DataError(f"is XML in an encoding that cannot be read: {error}", where=f"{path}:1",
                        hint="save it as UTF-8") from error  # fmt: skip
    except expat.ExpatError as error:
        raise DataError(f"is no XML: {expat.ErrorString(error.code)}", where=f"{path}:{error.lineno}") from error
    return top.children[0]
