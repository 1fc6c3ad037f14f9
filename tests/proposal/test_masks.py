from dataclasses import replace

import pytest

from auto_train.proposal.backbone import Weights
from auto_train.proposal.machine import Machine
from auto_train.proposal.masks import mask_choices
from auto_train.proposal.propose import propose
from tests.proposal.test_propose import FOUND, LAPTOP, NONE, SERVER, facts


def values(
    images: int, machine: Machine = LAPTOP, weights: Weights = FOUND, *, num_classes: int = 2, **more: int
) -> dict[str, object]:
    found = replace(facts(images, **more), splits={"train": images, "valid": 20}, target="mask")
    choices = mask_choices(propose(found, machine, weights), found, machine, num_classes=num_classes)
    assert len({one.key for one in choices}) == len(choices)
    return {one.key: one.value for one in choices}


def test_choices_for_a_few_masks_are_many_passes():
    found = values(165, width=256, height=256)
    assert found["architecture.image_size"] == 256
    scheme = {key.rpartition(".")[2]: value for key, value in found.items() if key.startswith("training.scheme")}
    assert scheme == {"freeze_epochs": 1, "epochs": 24, "batch_size": 8, "learning_rate": 2e-3}
    assert "training.augment.crop" not in found


@pytest.mark.parametrize(("side", "machine", "expected"), [(60, LAPTOP, 96), (200, LAPTOP, 224), (900, SERVER, 512)])
def test_side_follows_the_images_up_to_what_the_machine_bears(side: int, machine: Machine, expected: int):
    assert values(500, machine, width=side, height=side)["architecture.image_size"] == expected


def test_many_images_get_a_budget_and_many_classes_the_light_decoder():
    many = values(200_000, num_classes=134)
    assert many["training.scheme.epochs"] == 6 and "training.minutes" in many
    assert many["architecture.decoder"] == "fpn" and "architecture.decoder" not in values(300)


def test_random_backbone_is_not_frozen():
    assert "training.scheme.freeze_epochs" not in values(300, weights=NONE)
