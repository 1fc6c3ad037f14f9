import random
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader

from auto_train.training.rng import find_generators, get_rng_state, mix_seed, seed_everything, set_rng_state


def drawn() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def test_seed_reaches_every_generator():
    seed_everything(7)
    first = drawn()
    seed_everything(7)
    assert drawn() == first


def test_state_of_every_generator_comes_back_from_a_file(tmp_path: Path):
    own = torch.Generator().manual_seed(5)
    torch.save(get_rng_state(own), tmp_path / "rng")
    first = drawn(), torch.rand(3, generator=own)
    set_rng_state(torch.load(tmp_path / "rng", weights_only=True), own)
    assert drawn() == first[0] and torch.equal(torch.rand(3, generator=own), first[1])


def test_generators_of_a_loader_are_found_once():
    generator = torch.Generator()
    assert find_generators(DataLoader(range(4), shuffle=True, generator=generator)) == [generator]
    assert find_generators([1, 2]) == []


def test_mixed_seeds_of_neighbours_differ():
    assert len({mix_seed(1, epoch, rank) for epoch in range(20) for rank in range(20)}) == 400
