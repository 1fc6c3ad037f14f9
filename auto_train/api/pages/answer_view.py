"""What the first page shows of one answer: the image with the answer drawn on it, and the answer in words and bars."""

import base64
import io
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from auto_train.answers.draw import number_text
from auto_train.api.errors import FIELD, as_body
from auto_train.errors import AutoTrainError
from auto_train.runs.listing import number
from auto_train.types import as_plain

if TYPE_CHECKING:
    import numpy as np

# Pixels of a picture's longer side: of one that is only to be recognised, and of one with something drawn on it.
PICTURE_SIDE, DRAWN_SIDE = 320, 960
MOST = 50  # classes shown when asked for more


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One answer, ready for the page.

    Attributes:
        title: the prediction; "" where the answer names none.
        share: its probability, where it is one class of several.
        caption: what the shares of the classes are.
        classes: those of the largest shares, (label, share) each.
        rows: further (name, text) of the answer.
        text: the answer as JSON, where its form is not known.
        error: what went wrong instead, as ``type``, ``message``, ``hint``.
        picture: of the image, as a data URL.
        is_tiny: the image has so few pixels that it is shown as squares.
        is_drawn: the picture shows where in the image something is.
    """

    title: str = ""
    share: float | None = None
    caption: str = ""
    classes: tuple[tuple[str, float], ...] = ()
    num_classes: int = 0
    rows: tuple[tuple[str, str], ...] = ()
    text: str = ""
    error: Mapping[str, str] | None = None
    picture: str = ""
    is_tiny: bool = False
    is_drawn: bool = False


def show_error(error: AutoTrainError) -> Shown:
    """Return what the page shows of an error: for people, who gave a file and no form field."""
    body = as_body(error)
    return Shown(error=body | {"message": re.sub(f"^{FIELD}: ", "This file ", body["message"])})


def show_answer(answer: Any, picture: "np.ndarray") -> Shown:
    """Return what the page shows of an answer.

    Args:
        answer: as the service gives it; a postprocess function may have made anything of it.
        picture: (H, W, 3) uint8, with the answer drawn where it is about places.
    """
    found = as_plain(answer)
    fields = found if isinstance(found, dict) else {}
    is_drawn = "boxes" in fields or "mask" in fields
    url, is_tiny = thumbnail(picture, DRAWN_SIDE if is_drawn else PICTURE_SIDE)
    said = _detection(fields) or _segmentation(fields) or _numbers(fields) or _label_set(fields) or _class(fields)
    said = said or {
        "title": _as_text(fields.get("prediction", "")),
        "text": json.dumps(found, indent=2, ensure_ascii=False),
    }
    return Shown(picture=url, is_tiny=is_tiny and not is_drawn, is_drawn=is_drawn, **said)


def _class(fields: dict[str, Any]) -> dict[str, Any]:
    """Return what is said of one class of several; nothing where the answer is none."""
    ranked = _ranked(fields.get("probabilities"))
    if not ranked:
        return {}
    return {"title": _as_text(fields.get("prediction", "")), "share": ranked[0][1]} | _bars(ranked, "Likeliest classes")


def _label_set(fields: dict[str, Any]) -> dict[str, Any]:
    labels, ranked = fields.get("labels"), _ranked(fields.get("probabilities"))
    if not isinstance(labels, list) or not ranked:
        return {}
    return {"title": ", ".join(map(str, labels)) or "none of the labels"} | _bars(ranked, "Likeliest labels")


def _detection(fields: dict[str, Any]) -> dict[str, Any]:
    labels = fields.get("labels")
    if "boxes" not in fields or not isinstance(labels, list):
        return {}
    counts = Counter(map(str, labels)).most_common()
    title = f"{len(labels)} object{'' if len(labels) == 1 else 's'}" if labels else "Nothing found"
    return {"title": title, "rows": tuple((name, str(count)) for name, count in counts)}


def _segmentation(fields: dict[str, Any]) -> dict[str, Any]:
    areas = _ranked(fields.get("areas"))
    return _bars(areas, "Shares of the image") if areas else {}


def _numbers(fields: dict[str, Any]) -> dict[str, Any]:
    values = fields.get("values")
    if not isinstance(values, dict):
        return {}
    return {"rows": tuple((name, number_text(value)) for name, value in values.items())}


def _bars(ranked: list[tuple[str, float]], caption: str) -> dict[str, Any]:
    return {"classes": tuple(ranked[:MOST]), "num_classes": len(ranked), "caption": caption}


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _ranked(shares: Any) -> list[tuple[str, float]]:
    """Return labels and shares, the largest first; nothing where these are no shares."""
    if not isinstance(shares, dict):
        return []
    found = [(label, value) for label, text in shares.items() if (value := number(text)) is not None]
    if len(found) < len(shares) or not all(0 <= value <= 1 for _, value in found):
        return []
    return sorted(found, key=lambda one: -one[1])


def thumbnail(pixels: "np.ndarray", side: int) -> tuple[str, bool]:
    """Return a small picture of an image (H, W, 3) uint8 as a data URL, and whether the image is tiny itself."""
    from PIL import Image

    image = Image.fromarray(pixels)
    is_tiny = max(image.size) <= 64
    image.thumbnail((side, side), reducing_gap=3)
    file = io.BytesIO()
    image.save(file, "WEBP", quality=80, lossless=is_tiny)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}", is_tiny
