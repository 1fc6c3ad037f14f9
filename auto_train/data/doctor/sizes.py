"""What is said of annotations that were made for an image of another size."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auto_train.data.doctor.looks import Looks


def describe_other_size(size: Sequence[int], looks: "Looks", row: int) -> str:
    """Return how a size differs from that of the image, "" where it does not.

    Args:
        size: width and height the annotations are for, pixels.
        looks: of the images.
        row: of the image.
    """
    found, wanted = list(size), looks.sizes[row].tolist()
    if found == wanted:
        return ""
    text = f"{found[0]} x {found[1]} pixels, the image has {wanted[0]} x {wanted[1]}"
    if found != wanted[::-1]:
        return text
    is_turned = looks.orientations[row] >= 5
    return text + (": turn it as the image's EXIF tag says" if is_turned else ": width and height are swapped")
