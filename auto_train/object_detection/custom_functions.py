"""Functions that INIs of object detection may name. Copy one into a file of yours, change it, and name that file in
``[project] custom_functions``.
"""

from typing import Any

from auto_train import registry


@registry.augmentations.register("get_train_transforms")
def get_train_transforms(size: int, presize: int = 512) -> dict[str, Any]:
    """Mirror and recolour: boxes stay as tight as they are.

    Args:
        size: side of the images, pixels; as [architecture] image_size says it too.
        presize: of the images that are cut; nothing is cut here.

    Returns:
        Values for [training.augment].
    """
    return {"flip": True, "colour": 0.2}


@registry.augmentations.register("get_val_transforms")
def get_val_transforms(size: int, presize: int = 512) -> dict[str, Any]:
    """Change nothing: the model resizes images itself."""
    return {}
