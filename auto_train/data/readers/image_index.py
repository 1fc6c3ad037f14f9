"""Images by the last parts of their paths: annotations made on another machine name folders that are not here."""

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from auto_train.data.image import SUFFIXES
from auto_train.data.readers.base import SPLIT_OF

# Files in folders of such names belong to images and are not meant themselves.
NOT_IMAGES = {"annotations", "labels", "mask", "masks", "segmentationclass", "segmentationobject"}
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://|/data/local-files/\?")
# Label Studio puts eight digits before the name of an uploaded file.
_UPLOADED = re.compile(r"[0-9a-f]{8}-(?=.)")
# Digits of a number in a name; longer ones are no numbers of images.
_MAX_DIGITS = 18


def spellings(name: str) -> list[str]:
    """Return the paths that a name may stand for, as it is first: of Windows, URL-encoded, in an address."""
    found = [name]
    if _ADDRESS.match(name):
        try:
            parts = urlsplit(name)
        except ValueError:  # http://[x
            return found
        found.append((parse_qs(parts.query).get("d") or [unquote(parts.path)])[0])
    found.append(name.replace("\\", "/"))
    if "%" in name:
        found.append(unquote(found[-1]))
    return list(dict.fromkeys(found))


class ImageIndex:
    """Images by the last parts of their paths.

    Args:
        folder: of the data, or of its images.
        files: the images below it.
    """

    def __init__(self, folder: Path, files: Iterable[Path]):
        self._folders: set[str] = set()
        self._parts: dict[Path, list[str]] = {}
        self._named: dict[str, list[Path]] = defaultdict(list)
        self._stems: dict[str, list[Path]] = defaultdict(list)
        self._numbered: dict[int, Path] = {}
        for path in files:
            *folders, name = map(_fold, path.relative_to(folder).parts)
            if NOT_IMAGES.isdisjoint(folders):
                self._add(path, folders, name)

    def _add(self, path: Path, folders: list[str], name: str) -> None:
        stem = os.path.splitext(name)[0]  # noqa: PTH122 - a hundred thousand names
        self._folders.update(folders)
        self._parts[path] = folders
        self._named[name].append(path)
        self._stems[stem].append(path)
        if (number := _number(stem)) is not None:
            self._numbered.setdefault(number, path)

    def find(self, text: str) -> list[Path]:
        """Return the images that share the most last parts with a path; several where it is not clear which is meant.

        A folder that is here too has to be in the image's path: ``/srv/cat/1.jpg`` is never ``dog/1.jpg`` where there
        is a folder ``cat``. Upper case, Unicode's form and Label Studio's digits before a name do not matter.
        """
        *folders, name = ["", *(_fold(part) for part in text.split("/") if part not in ("", ".", ".."))]
        if not folders:
            return []
        plain = _UPLOADED.sub("", name, count=1)
        return self._find_best(folders[1:], name) or (self._find_best(folders[1:], plain) if plain != name else [])

    def with_number(self, text: str) -> str:
        """Return the name of an image with the number that is a path's name, zeros before it apart; "" for none."""
        number = _number(os.path.splitext(text.rpartition("/")[2])[0])  # noqa: PTH122 - any text
        return self._numbered[number].name if number in self._numbered else ""

    def _find_best(self, folders: list[str], name: str) -> list[Path]:
        has_suffix = os.path.splitext(name)[1] in SUFFIXES  # noqa: PTH122 - any text
        known = (self._named if has_suffix else self._stems).get(name, [])
        shared = {path: _count_shared(self._parts[path], folders) for path in known}
        best = max(shared.values(), default=0)
        another = folders[-best - 1] if best < len(folders) else ""
        return [] if another in self._folders else [path for path, count in shared.items() if count == best]


def _count_shared(left: list[str], right: list[str]) -> int:
    """Return how many last parts of two lists are the same; ``val`` is ``valid``."""
    count = 0
    for one, other in zip(reversed(left), reversed(right), strict=False):
        if SPLIT_OF.get(one, one) != SPLIT_OF.get(other, other):
            break
        count += 1
    return count


def _fold(part: str) -> str:
    return unicodedata.normalize("NFC", part).lower()


def _number(stem: str) -> int | None:
    return int(stem) if stem.isascii() and stem.isdigit() and len(stem) <= _MAX_DIGITS else None
