from dataclasses import replace

import pytest

from auto_train.proposal.backbone import Weights
from auto_train.proposal.boxes import box_choices
from auto_train.proposal.machine import Machine
from auto_train.proposal.propose import propose
from tests.proposal.test_propose import FOUND, LAPTOP, NONE, SERVER, facts


def values(images: int, machine: Machine = LAPTOP, weights: Weights = FOUND, **more: int) -> dict[str, object]:
    found = replace(facts(images, **more), splits={"train": images, "valid": 20}, target="boxes")
    choices = box_choices(propose(found, machine, weights), found, machine)
    assert len({one.key for one in choices}) == len(choices)
    return {one.key: one.value for one in choices}


def test_choices_for_blood_cells_fit_their_number_and_size():
    found = values(205, width=640, height=480)
    assert found["architecture.image_size"] == 320
    scheme = {key.rpartition(".")[2]: value for key, value in found.items() if key.startswith("training.scheme")}
    assert scheme == {"freeze_epochs": 1, "epochs": 20, "batch_size": 8, "learning_rate": 2e-3}
    assert "training.augment.crop" not in found


@pytest.mark.parametrize(("side", "machine", "expected"), [(90, LAPTOP, 128), (200, LAPTOP, 224), (900, SERVER, 640)])
def test_side_follows_the_images_up_to_what_the_machine_bears(side: int, machine: Machine, expected: int):
    assert values(500, machine, width=side, height=side)["architecture.image_size"] == expected


def test_few_images_are_seen_more_often_and_many_get_a_budget():
    few, many = values(20), values(200_000, width=640, height=480)
    assert (few["training.scheme.epochs"], few["training.scheme.batch_size"]) == (40, 5)
    assert many["training.scheme.epochs"] == 8 and "training.minutes" in many


def test_random_backbone_is_not_frozen():
    assert "training.scheme.freeze_epochs" not in values(300, weights=NONE)
