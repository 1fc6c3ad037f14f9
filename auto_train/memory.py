"""Out of memory: telling it from other errors, and saying it in the user's words."""

import ctypes
import errno
import gc

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
# of malloc.h
M_MMAP_THRESHOLD = -3


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error means that memory did not suffice."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and any(phrase in str(error).lower() for phrase in PHRASES)


def give_back() -> None:
    """Return to the system what was freed and is kept for later, so that smaller batches find room.

    glibc keeps freed blocks of up to 32 MB in its heap, where nothing else can use them: under a limit on the address
    space not even a batch of one image fits then. From here on it keeps none above 1 MB, which costs some speed.
    Source: mallopt(3), M_MMAP_THRESHOLD.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(M_MMAP_THRESHOLD, 2**20)
    trim()


def trim() -> None:
    """Return to the system what is free just now, so that what comes next does not add to it."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


def out_of_memory(batch_size: int | None, *, workers: int = 1) -> TrainingError:
    """Return the error for a training that does not fit even so; of several workers none can take smaller batches."""
    batch = f"batches of {batch_size}" if batch_size else "these batches"
    if workers > 1:
        return TrainingError(
            f"out of memory with {batch} on {workers} workers",
            hint="halve the batch size and double the accumulation (accumulate, accum_grad): a step sees as many "
            "samples as before",
        )
    return TrainingError(
        f"out of memory with {batch}",
        hint="begin with smaller batches, which leaves less behind than a large one that was halved; or take a "
        "smaller model or smaller images",
    )
