"""Functions that segmentation INIs may name; a preprocess_function here must leave every pixel in its place."""

from typing import Any

from auto_train import registry


@registry.augmentations.register("my_train_transforms")
def my_train_transforms(size: int, presize: int = 512) -> dict[str, Any]:
    """Mirror, turn, zoom and recolour a little: the place for other strengths.

    Args:
        size: side of the images, pixels; as [architecture] image_size says it too.
        presize: of the images that are cut; nothing is cut here.

    Returns:
        Values for [training.augment].
    """
    return {"flip": True, "rotate": 15.0, "zoom": 0.1, "shift": 0.05, "colour": 0.2}


@registry.augmentations.register("my_val_transforms")
def my_val_transforms(size: int, presize: int = 512) -> dict[str, Any]:
    """Change nothing: the model resizes images itself."""
    return {}
