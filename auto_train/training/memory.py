"""Out of memory: telling it from other errors, and saying it in the user's words."""

import errno

import torch

from auto_train.errors import TrainingError

# What torch's allocators, oneDNN and C++ say; none of them has an exception type of its own on the CPU.
PHRASES = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "bad_alloc",
    "could not create a memory",
    "could not create a primitive",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error means that memory did not suffice."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and any(phrase in str(error).lower() for phrase in PHRASES)


def out_of_memory(batch_size: int | None, *, workers: int = 1) -> TrainingError:
    """Return the error for a training that does not fit even so; of several workers none can take smaller batches."""
    batch = f"batches of {batch_size}" if batch_size else "these batches"
    if workers > 1:
        return TrainingError(
            f"out of memory with {batch} on {workers} workers",
            hint="halve [training.scheme] batch_size and double accumulate: a step sees as many images as before",
        )
    return TrainingError(
        f"out of memory with {batch}",
        hint="take a smaller backbone or [architecture] image_size; a task with loaders of its own: a smaller batch",
    )
