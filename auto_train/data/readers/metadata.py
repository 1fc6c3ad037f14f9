"""Columns that say something about the rows of a table, not about what is on the images: ids, people, dates, sizes."""

import re
from collections.abc import Sequence

_WORD = re.compile(r"[A-Z]?[a-z]+\d*|[A-Z]+\d*(?![a-z])|\d+")
# The number of a row, and what a data frame's index is called where it was saved.
_ROW_NUMBERS = {"", "id", "ids", "idx", "index", "row", "nr", "unnamed 0"}
# Last words.
_IDS = {"id", "ids", "uuid", "guid", "md5", "sha1", "sha256", "checksum", "url", "uri"}
_PEOPLE = {"annotator", "annotators", "rater", "reviewer", "worker", "user", "author", "credit", "licence", "license"}
_TIMES = {"date", "datetime", "timestamp", "time", "duration"}
_SIZES = {
    f"{first} {last}"
    for first in ("image", "img", "file", "original")
    for last in ("width", "height", "size", "channels")
}
# First words.
_EVENTS = {"created", "updated", "modified", "uploaded", "annotated", "completed", "started"}
# An id of these is a class.
_CLASSES = {"class", "label", "category", "species", "target"}
_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}.*|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d\d)\b.*")


def words_of(name: str) -> list[str]:
    """Return the words of a column's name in small letters: ``patientID`` and ``patient_id`` have the same."""
    return [word.lower() for word in _WORD.findall(name)]


def is_metadata(name: str, cells: Sequence[str] = ()) -> bool:
    """Tell whether a column is about the rows, by its name or by cells that are dates.

    Args:
        name: of the column.
        cells: of it; none: only the name counts.
    """
    words = words_of(name)
    if " ".join(words) in _ROW_NUMBERS | _SIZES or (name.lower() == "filesize"):
        return True
    if words and words[-1] in _IDS:
        return words[0] not in _CLASSES
    if words and (words[-1] in _PEOPLE | _TIMES or words[0] in _EVENTS):
        return True
    filled = [cell for cell in cells if cell]
    return bool(filled) and all(map(_DATE.fullmatch, filled))
