"""fastai DataLoaders that a user's load_function built: what can be told of them for manifest, labels and bundle."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from auto_train.data import Samples
from auto_train.errors import TaskContractError

WHERE = "[training.data.load_datablocks] @load_function"


def is_dataloaders(value: Any) -> bool:
    """Tell whether this is what fastai's ``DataBlock.dataloaders`` returns."""
    return hasattr(value, "train_ds") and hasattr(value, "valid_ds") and hasattr(value, "vocab")


def get_samples(dls: Any, image_size: int) -> Samples:
    """Return the files and labels behind DataLoaders of one label per image.

    Raises:
        TaskContractError: items that are no files, or batches of another size than the INI's.
    """
    import pandas as pd

    from auto_train.data.images import FileImages

    labels = [str(label) for label in dls.vocab]
    rows: list[dict[str, str]] = []
    for split, dataset in (("train", dls.train_ds), ("valid", dls.valid_ds)):
        if not all(isinstance(item, str | Path) for item in dataset.items):
            raise TaskContractError("the items of these DataLoaders are no files", where=WHERE, allowed="image paths")
        # tls[1] holds the targets alone: reading them decodes no image.
        numbers = [int(number) for number in dataset.tls[1]]
        rows += [
            {"path": str(item), "split": split, "label": labels[number], "group": "", "sha256": ""}
            for item, number in zip(dataset.items, numbers, strict=True)
        ]
    side = dls.train.one_batch()[0].shape[-1]
    if side != image_size:
        raise TaskContractError(
            f"the load_function gives images of {side} px",
            where=WHERE,
            allowed=f"[architecture] image_size = {image_size}",
            hint="resize to config.architecture.image_size in the load_function",
        )
    warning = (
        "the load_function's DataLoaders feed the training as they are, unchecked: [training.augment], batch_size, "
        "mixup, cutmix, aa and balance = sampler have no effect; the final metrics are of the model with its own "
        "preprocessing"
    )
    table = pd.DataFrame(rows)
    images = FileImages([Path(row["path"]) for row in rows])
    return Samples(table=table, images=images, labels=labels, warnings=(warning,))


def get_normalisation(dls: Any) -> tuple[Sequence[float], Sequence[float]]:
    """Return means and deviations of the DataLoaders' Normalize; 0 and 1 where there is none."""
    from fastai.data.transforms import Normalize

    for transform in dls.after_batch.fs:
        if isinstance(transform, Normalize):
            return transform.mean.flatten().tolist(), transform.std.flatten().tolist()
    return (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
