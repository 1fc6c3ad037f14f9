"""What the first page shows of one answer: the image with the answer drawn on it, and the answer in words and bars."""

import base64
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auto_train.api.errors import FIELD, as_body
from auto_train.errors import AutoTrainError
from auto_train.types import as_plain

if TYPE_CHECKING:
    import numpy as np

    from auto_train.answers.draw import Picture

# Pixels of a picture's longer side: of one that is only to be recognised, and of one with something drawn on it.
PICTURE_SIDE, DRAWN_SIDE = 320, 960
MAX_BARS = 50  # classes shown when asked for more


@dataclass(frozen=True, kw_only=True)
class AnswerView:
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


def show_error(error: AutoTrainError) -> AnswerView:
    """Return what the page shows of an error: for people, who gave a file and no form field."""
    body = as_body(error)
    return AnswerView(error=body | {"message": re.sub(f"^{FIELD}: ", "This file ", body["message"])})


def show_answer(picture: "Picture") -> AnswerView:
    """Return what the page shows of an answer; as JSON where it is of no known form."""
    words = picture.words
    url, is_tiny = thumbnail(picture.pixels, DRAWN_SIDE if picture.is_drawn else PICTURE_SIDE)
    is_known = words.title or words.bars or words.rows
    return AnswerView(
        picture=url,
        is_tiny=is_tiny and not picture.is_drawn,
        is_drawn=picture.is_drawn,
        title=words.title,
        share=words.share,
        caption=words.caption,
        classes=words.bars[:MAX_BARS],
        num_classes=len(words.bars),
        rows=words.rows,
        text="" if is_known else json.dumps(as_plain(picture.answer), indent=2, ensure_ascii=False),
    )


def thumbnail(pixels: "np.ndarray", side: int) -> tuple[str, bool]:
    """Return a small picture of an image (H, W, 3) uint8 as a data URL, and whether the image is tiny itself."""
    from PIL import Image

    image = Image.fromarray(pixels)
    is_tiny = max(image.size) <= 64
    image.thumbnail((side, side), reducing_gap=3)
    file = io.BytesIO()
    image.save(file, "WEBP", quality=80, lossless=is_tiny)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}", is_tiny
