"""The state of every random generator a training may draw from, as plain values that load without pickle."""

import random
from typing import Any

import numpy as np
import torch


def get_rng_state(*generators: torch.Generator) -> dict[str, Any]:
    """Return the state of Python's, NumPy's and torch's generators, and of those given."""
    name, keys, *rest = np.random.get_state(legacy=True)
    return {
        "python": random.getstate(),
        # int64 holds the uint32 keys and is a type that torch.load takes
        "numpy": [str(name), torch.from_numpy(np.asarray(keys, dtype=np.int64)), *rest],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "own": [generator.get_state() for generator in generators],
    }


def set_rng_state(state: dict[str, Any], *generators: torch.Generator) -> None:
    """Put back what :func:`get_rng_state` returned; devices that are not here any more are left out."""
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))
    torch.set_rng_state(state["torch"])
    if state["cuda"] and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
    for generator, own in zip(generators, state["own"], strict=False):
        generator.set_state(own)


def find_generators(loader: Any) -> list[torch.Generator]:
    """Return the generators that a torch DataLoader or its samplers bring along."""
    owners = [loader, *(getattr(loader, name, None) for name in ("sampler", "batch_sampler"))]
    owners.append(getattr(owners[-1], "sampler", None))
    found = [getattr(owner, "generator", None) for owner in owners if owner is not None]
    unique = {id(generator): generator for generator in found if isinstance(generator, torch.Generator)}
    return list(unique.values())


def seed_everything(seed: int) -> None:
    """Seed the generators of Python, NumPy and torch; loaders and augmentation draw from their own (data/loader.py)."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def mix_seed(*numbers: int) -> int:
    """Return one seed for several numbers; of neighbouring numbers the seeds have nothing in common."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint32)[0])
