"""The answer of a detector: the boxes it is sure enough of."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from auto_train.answers.base import Answer, AnswerBody, ModelDescription, PlainForm, Share
from auto_train.answers.words import Words, code_of, with_share

if TYPE_CHECKING:
    import numpy as np

# Two answers are compared by the boxes above this confidence. Where they are full, the least confident row may be
# there or not for a last digit: neither are boxes compared that are so close to it.
COMPARED, MARGIN = 0.05, 1e-3
# Of two boxes of one thing that are equally sure, a last digit decides which one is suppressed, and with it what that
# one would have suppressed: this share of the rows may be such. MIN_OVERLAP: IoU above which boxes suppress others.
UNDECIDED, MIN_OVERLAP = 0.1, 0.5


Corners = Annotated[list[float], Field(min_length=4, max_length=4)]


class DetectionAnswer(AnswerBody):
    """Boxes as left, top, right, bottom in pixels of the image sent, the surest first."""

    boxes: list[Corners] = Field(description="left, top, right, bottom in pixels of the image")
    labels: list[str] = Field(description="of each box")
    confidences: list[Share] = Field([], description="of each box")

    @model_validator(mode="after")
    def _has_one_of_each(self) -> Self:
        if len(self.labels) != len(self.boxes) or len(self.confidences) not in (0, len(self.boxes)):
            raise ValueError("boxes, labels and confidences differ in number")
        return self


class Form(PlainForm):
    """Boxes with their classes and confidences."""

    Schema: ClassVar[type[AnswerBody]] = DetectionAnswer

    def answer(self, detections: "np.ndarray", model: ModelDescription) -> Answer:
        """List the boxes above the model's threshold, the most confident first.

        Args:
            detections: (K, 6) left, top, right, bottom in pixels of the image, confidence, class code.
        """
        found = detections[detections[:, 4] > model.facts["threshold"]]
        return {
            "boxes": [[round(float(value), 2) for value in row] for row in found[:, :4]],
            "labels": [model.labels[int(code)] for code in found[:, 5]],
            "confidences": [float(value) for value in found[:, 4]],
            "model": model.name,
        }

    def difference(self, expected: "np.ndarray", found: "np.ndarray") -> float:
        """Return how far the boxes (N, K, 6) of two answers are apart, whatever their order.

        Each box of one answer is compared with the closest box of its class in the other: in its confidence, and in its
        corners as shares of the largest coordinate. A few boxes do not count that the other answer lacks because it has
        one in their place that is at least as sure: see UNDECIDED. NaN where one is NaN.
        """
        import numpy as np

        if np.isnan(expected).any() or np.isnan(found).any():
            return float("nan")
        scale = max(float(expected[..., :4].max(initial=1.0)), 1.0)
        units = np.array([scale, scale, scale, scale, 1.0, 1.0])
        pairs = [(a / units, b / units) for a, b in zip(expected.astype(float), found.astype(float), strict=True)]
        return max((_measure_distance(*pair) for a, b in pairs for pair in ((a, b), (b, a))), default=0.0)

    def words(self, answer: Mapping[str, Any], labels: Sequence[str]) -> Words:
        """Count the objects by class."""
        number, counts = len(answer["labels"]), Counter(answer["labels"]).most_common()
        return Words(
            lines=tuple((f"{name}: {count}", code_of(name, labels)) for name, count in counts)
            or (("nothing found", None),),
            title=f"{number} object{'' if number == 1 else 's'}" if number else "Nothing found",
            rows=tuple((name, str(count)) for name, count in counts),
        )

    def draw(
        self, image: "np.ndarray", values: "np.ndarray", answer: Mapping[str, Any], labels: Sequence[str]
    ) -> "np.ndarray":
        """Draw the boxes with their classes and confidences."""
        import numpy as np

        from auto_train.data.draw import draw_boxes

        boxes: np.ndarray = np.array(answer["boxes"], np.float64).reshape(-1, 4)
        shares = answer["confidences"] or [None] * len(boxes)
        texts = [with_share(*tag) for tag in zip(answer["labels"], shares, strict=True)]
        return draw_boxes(image, boxes, texts, [code_of(name, labels) for name in answer["labels"]])


def _measure_distance(rows: "np.ndarray", others: "np.ndarray") -> float:
    """Return the largest distance of a row from the closest one of the others, but for rows that are undecided."""
    import numpy as np

    compared = rows[rows[:, 4] > max(COMPARED, float(rows[-1, 4]) + MARGIN)]
    if not len(compared):
        return 0.0
    distances = np.abs(compared[:, None, :5] - others[None, :, :5]).max(axis=2)
    is_other_class = compared[:, None, 5] != others[None, :, 5]
    distances[is_other_class] = 1.0
    nearest = distances.min(axis=1)
    is_rival = ~is_other_class & (others[None, :, 4] >= compared[:, None, 4] - MARGIN)
    undecided = np.flatnonzero((is_rival & (_compute_iou(compared, others) > MIN_OVERLAP)).any(axis=1))
    worst = undecided[np.argsort(-nearest[undecided])][: int(UNDECIDED * len(compared))]
    return float(np.delete(nearest, worst).max(initial=0.0))


def _compute_iou(rows: "np.ndarray", others: "np.ndarray") -> "np.ndarray":
    """Return the IoU of every row with each of the others."""
    import numpy as np

    low = np.maximum(rows[:, None, :2], others[None, :, :2])
    high = np.minimum(rows[:, None, 2:4], others[None, :, 2:4])
    shared = (high - low).clip(min=0).prod(axis=2)
    areas, other_areas = ((each[:, 2:4] - each[:, :2]).prod(axis=1) for each in (rows, others))
    return np.asarray(shared / (areas[:, None] + other_areas - shared).clip(min=1e-12))
