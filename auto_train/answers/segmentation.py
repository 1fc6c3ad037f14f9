"""The answer of a model that gives every pixel a class."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, Field

from auto_train.answers.base import Answer, AnswerBody, ModelDescription, PlainForm, Share
from auto_train.answers.words import Words, ranked
from auto_train.data.rle import decode_rle, encode_rle

if TYPE_CHECKING:
    import numpy as np

Rle = dict[str, Any]


class RunLengths(BaseModel):
    """COCO run lengths by column: counts alternate between 0s and 1s, starting with 0s; ``size`` is height, width."""

    size: list[int] = Field(description="height, width")
    counts: list[int]


class SegmentationAnswer(AnswerBody):
    """The share of the image that each class covers, the largest first, and its pixels as COCO's run lengths."""

    areas: dict[str, Share] = Field(description="share of the image by class, the largest first")
    mask: dict[str, RunLengths] = Field({}, description="pixels of each class as COCO's run lengths")


class Form(PlainForm):
    """A class for every pixel."""

    Schema: ClassVar[type[AnswerBody]] = SegmentationAnswer

    def answer(self, mask: "np.ndarray", model: ModelDescription) -> Answer:
        """Say how much of the image each class covers, and where.

        Args:
            mask: (H, W) uint8 class codes, in the pixels of the image.

        Returns:
            ``areas``: share of the image by class, the largest first; ``mask``: of the same classes their pixels as
            COCO's run lengths, which pycocotools reads with ``frPyObjects``; every pixel is in one of them.
        """
        import numpy as np

        counts = np.bincount(mask.ravel(), minlength=len(model.labels))
        order = [int(code) for code in np.argsort(-counts, kind="stable") if counts[code]]
        return {
            "areas": {model.labels[code]: float(counts[code] / mask.size) for code in order},
            "mask": {model.labels[code]: to_coco_rle(mask == code) for code in order},
            "model": model.name,
        }

    def difference(self, expected: "np.ndarray", found: "np.ndarray") -> float:
        """Return the largest share of an image's pixels whose class differs between two answers (N, H, W)."""
        differs: np.ndarray = (expected != found).mean(axis=(1, 2))
        return float(differs.max(initial=0.0))

    def words(self, answer: Mapping[str, Any], labels: Sequence[str]) -> Words:
        """Give the share of each class; a picture has its legend already."""
        return Words(bars=ranked(answer["areas"]), caption="Shares of the image")

    def draw(
        self, image: "np.ndarray", values: "np.ndarray", answer: Mapping[str, Any], labels: Sequence[str]
    ) -> "np.ndarray":
        """Draw the mask, with its legend below."""
        from auto_train.data.draw import draw_mask

        return draw_mask(image, values, labels)


def to_coco_rle(pixels: "np.ndarray") -> Rle:
    """Return (H, W) bool as COCO's run lengths: ``size`` [H, W], and ``counts`` as data/rle.py gives them."""
    return {"size": list(pixels.shape), "counts": encode_rle(pixels)}


def mask_of(said: Mapping[str, Any], labels: Sequence[str]) -> "np.ndarray":
    """Return the (H, W) uint8 mask of an answer, class codes by these labels."""
    import numpy as np

    height, width = next(iter(said["mask"].values()))["size"]
    mask = np.zeros((height, width), np.uint8)
    for name, rle in said["mask"].items():
        mask[decode_rle(rle["counts"], height, width)] = list(labels).index(name)
    return mask
