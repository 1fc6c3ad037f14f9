"""An answer drawn on its image, for people to look at and to show around. Loads no torch."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from auto_train.types import as_plain

if TYPE_CHECKING:
    import numpy as np

    from auto_train.data.draw import Word

# Likeliest classes that are named; parts of an answer of another form.
_MOST_CLASSES, _MOST_PARTS = 3, 8
# A class less likely is not worth a word beside the first.
_LEAST = 0.01


def draw_answer(
    image: "np.ndarray", values: "np.ndarray", answer: Any, labels: Sequence[str], *, has_words: bool = True
) -> "np.ndarray":
    """Return a picture of an image (H, W, 3) uint8 with what a model says about it.

    Boxes and masks are drawn where they are; what is said of the whole image stands below it.

    Args:
        values: the model's answer as numbers; (H, W) uint8 of the image's size is a mask.
        answer: the same as the user gets it, perhaps made by a function of their own.
        labels: of the model, for the colours.
        has_words: say below the picture what is said of the whole image; a mask has its legend in any case.
    """
    import numpy as np

    from auto_train.data.draw import draw_boxes, draw_mask, draw_words

    if values.dtype == np.uint8 and values.shape == image.shape[:2]:
        return draw_mask(image, values, labels)
    if (boxes := _boxes(answer)) is not None:
        texts = [_tag(answer, at) for at in range(len(boxes))]
        codes = [_code(name, labels) for name in answer["labels"]]
        drawn = draw_boxes(image, boxes, texts, codes)
        return draw_words(drawn, _counts(answer["labels"], labels)) if has_words else drawn
    return draw_words(image, words(answer, labels)) if has_words else image


def words(answer: Any, labels: Sequence[str]) -> "list[Word]":
    """Return what an answer says of the whole image, each with the code of the class it is about."""
    if not isinstance(answer, Mapping):
        return [(str(as_plain(answer)), None)]
    if isinstance(answer.get("values"), Mapping):
        return [(f"{name} {number_text(value)}", None) for name, value in answer["values"].items()]
    probabilities = answer.get("probabilities")
    shares = probabilities if isinstance(probabilities, Mapping) else {}
    if isinstance(answer.get("labels"), list):
        named: list[Word] = [(_with_share(name, shares.get(name)), _code(name, labels)) for name in answer["labels"]]
        return named or [("none of the labels", None)]
    if "prediction" in answer:
        return _likeliest(answer, shares, labels)
    return [(f"{key}: {as_plain(value)}", None) for key, value in list(answer.items())[:_MOST_PARTS] if key != "model"]


def number_text(value: Any) -> str:
    """Return a number with its interval and unit: ``12.3 (10.1 to 14.9) mm``."""
    if not isinstance(value, Mapping):
        return str(as_plain(value))
    number, low, high = (value.get(key) for key in ("value", "low", "high"))
    interval = f" ({low:.4g} to {high:.4g})" if isinstance(low, float) and isinstance(high, float) else ""
    unit = f" {value['unit']}" if value.get("unit") else ""
    return f"{number:.4g}{interval}{unit}" if isinstance(number, int | float) else str(number)


def _likeliest(answer: Mapping[str, Any], shares: Mapping[str, float], labels: Sequence[str]) -> "list[Word]":
    first = str(answer["prediction"])
    ranked = sorted(((name, share) for name, share in shares.items() if name != first), key=lambda one: -one[1])
    others = [(_with_share(name, share), _code(name, labels)) for name, share in ranked if share >= _LEAST]
    return [(f"{first} {answer.get('confidence', '')}".strip(), _code(first, labels)), *others[: _MOST_CLASSES - 1]]


def _boxes(answer: Any) -> "np.ndarray | None":
    """Return the boxes (K, 4) of an answer; None where it has none of this form."""
    import numpy as np

    if not (isinstance(answer, Mapping) and isinstance(answer.get("boxes"), list | tuple)):
        return None
    boxes: np.ndarray = np.array(answer["boxes"], np.float64).reshape(-1, 4)
    return boxes if len(answer.get("labels", ())) == len(boxes) else None


def _tag(answer: Mapping[str, Any], at: int) -> str:
    confidences = answer.get("confidences", ())
    return _with_share(answer["labels"][at], confidences[at] if at < len(confidences) else None)


def _with_share(name: str, share: Any) -> str:
    return f"{name} {share:.0%}" if isinstance(share, int | float) else str(name)


def _code(name: Any, labels: Sequence[str]) -> int:
    return list(labels).index(name) if name in labels else len(labels)


def _counts(found: Sequence[str], labels: Sequence[str]) -> "list[Word]":
    counts = Counter(map(str, found)).most_common()
    return [(f"{name}: {number}", _code(name, labels)) for name, number in counts] or [("nothing found", None)]
