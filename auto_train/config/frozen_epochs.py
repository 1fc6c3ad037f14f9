"""What `freeze_epochs = none` means."""


def count_frozen_epochs(freeze_epochs: int | None, *, is_pretrained: bool) -> int:
    """Return the epochs with the backbone frozen; none: one where it is pretrained, else there is nothing to keep."""
    return int(is_pretrained) if freeze_epochs is None else freeze_epochs
