"""The decisions, from facts made up for each: pure functions, nothing to wait for."""

from dataclasses import replace
from typing import Any

import pytest

from auto_train.data.inspect.facts import Facts
from auto_train.data.inspect.pixels import Evidence
from auto_train.proposal.backbone import Weights
from auto_train.proposal.choice import Choice
from auto_train.proposal.machine import Machine
from auto_train.proposal.propose import propose

LAPTOP = Machine(cores=2, memory_gb=8)
SERVER = Machine(cores=16, memory_gb=64, gpu="A100", gpu_memory_gb=40)
FOUND = Weights(model="mobilenetv2_100", why="there")
NONE = Weights(model="", why="no connection to the hub")
PHOTOS = Evidence(images=160, is_grey=False, is_plain=False, upright=0.5)
STROKES = Evidence(images=320, is_grey=True, is_plain=True, upright=0.85)


def facts(
    count: int = 600, width: int = 240, height: int = 180, classes: int = 5, evidence: Evidence = PHOTOS, **more: Any
) -> Facts:
    """Return the facts of so many images in no split."""
    found = Facts(
        splits={"": count},
        classes={f"class {i}": count // classes for i in range(classes)},
        width=width,
        height=height,
        smallest=(width, height),
        largest=(width, height),
        looked_at=count,
        broken=(),
        evidence=evidence,
    )
    return replace(found, **more)


def values(*arguments: Any) -> dict[str, Any]:
    return {choice.key: choice.value for choice in propose(*arguments)}


def reason(key: str, *arguments: Any) -> str:
    return next(choice.why for choice in propose(*arguments) if choice.key == key)


def test_propose_photographs_start_from_learnt_weights_head_first() -> None:
    found = values(facts(), LAPTOP, FOUND)
    assert found["architecture.backbone.model"] == "mobilenetv2_100"
    assert found["architecture.backbone.pretrained"] is True
    assert (found["architecture.image_size"], found["training.scheme.batch_size"]) == (192, 32)
    assert (found["training.scheme.freeze_epochs"], found["training.scheme.epochs"]) == (4, 14)
    assert found["training.augment.crop"] == 0.35
    assert "training.augment.flip" not in found
    assert "architecture.backbone.stem" not in found


def test_propose_strokes_start_from_random_weights_unmirrored() -> None:
    found = values(facts(1797, 8, 8, 10, STROKES), LAPTOP, FOUND)
    assert (found["architecture.backbone.model"], found["architecture.backbone.pretrained"]) == ("resnet18", False)
    assert (found["architecture.image_size"], found["architecture.backbone.stem"]) == (16, "small")
    assert found["architecture.backbone.args.channels"] == [32, 64, 128, 256]
    assert (found["training.augment.flip"], found["training.augment.colour"]) == (False, 0)
    assert "training.scheme.freeze_epochs" not in found


def test_propose_sixty_thousand_digits_hold_a_tenth_out() -> None:
    found = values(facts(60_000, 28, 28, 10, STROKES), LAPTOP, FOUND)
    assert (found["project.data.valid_fraction"], found["architecture.image_size"]) == (0.1, 28)
    assert (found["training.scheme.epochs"], found["training.scheme.batch_size"]) == (10, 128)
    assert "training.minutes" not in found


def test_propose_few_tiny_photographs_are_enlarged_for_learnt_weights() -> None:
    found = values(facts(500, 32, 32), LAPTOP, FOUND)
    assert (found["architecture.backbone.model"], found["architecture.image_size"]) == ("mobilenetv2_100", 96)
    many = values(facts(50_000, 32, 32), LAPTOP, FOUND)
    assert (many["architecture.backbone.model"], many["architecture.image_size"]) == ("resnet18", 32)
    assert "architecture.backbone.args.channels" not in many


@pytest.mark.parametrize(("width", "side"), [(70, 96), (130, 160), (160, 160), (4000, 192)])
def test_propose_image_size_is_a_multiple_of_32_that_the_machine_bears(width: int, side: int) -> None:
    assert values(facts(width=width, height=50), LAPTOP, FOUND)["architecture.image_size"] == side


def test_propose_gpu_sees_more_and_in_larger_batches() -> None:
    found = values(facts(3000), SERVER, Weights(model="resnet50", why="there"))
    assert (found["architecture.backbone.model"], found["architecture.image_size"]) == ("resnet50", 224)
    assert found["training.scheme.batch_size"] == 64


def test_propose_without_weights_says_why_and_trains_longer() -> None:
    found = values(facts(), LAPTOP, NONE)
    assert (found["architecture.backbone.pretrained"], found["architecture.image_size"]) == (False, 128)
    assert found["training.scheme.epochs"] == 60
    why = reason("architecture.backbone.pretrained", facts(), LAPTOP, NONE)
    assert why == "random weights, for want of learnt ones, which would do better: no connection to the hub"


def test_propose_weights_of_a_mirror_are_named_with_their_statistics() -> None:
    half = (0.5, 0.5, 0.5)
    weights = Weights(model="mobilenetv2_100", file="mobilenetv2_100_x.safetensors", statistics=(half, half), why="")
    found = values(facts(), LAPTOP, weights)
    assert found["architecture.backbone.weights"] == "mobilenetv2_100_x.safetensors"
    assert (found["architecture.mean"], found["architecture.std"]) == ([0.5] * 3, [0.5] * 3)
    assert "architecture.backbone.pretrained" not in found


@pytest.mark.parametrize(
    ("labels", "upright", "count", "is_mirrored"),
    [
        (["roses", "tulips"], 0.5, 160, True),
        (["roses", "tulips"], 0.9, 160, True),  # photographs that all face one way are still of the same things
        (["turn left", "turn_right"], 0.5, 160, False),
        (["brightness", "leftover"], 0.5, 160, True),  # neither says right or left
        (["0", "1"], None, 4, False),
        (["0", "1"], 0.5, 160, True),  # numbers for things that have no left and right
        (["a", "tulips"], None, 4, True),
    ],
)
def test_propose_mirrors_where_mirrored_images_may_occur(
    labels: list[str], upright: float | None, count: int, is_mirrored: bool
) -> None:
    evidence = replace(PHOTOS, upright=upright, images=count)
    found = values(replace(facts(evidence=evidence), classes=dict.fromkeys(labels, 300)), LAPTOP, FOUND)
    assert ("training.augment.flip" not in found) is is_mirrored


@pytest.mark.parametrize(("is_grey", "is_plain", "word"), [(False, True, "letters"), (True, False, "X-rays")])
def test_propose_gives_a_reason_not_to_mirror_that_needs_no_statistics(
    is_grey: bool, is_plain: bool, word: str
) -> None:
    evidence = replace(PHOTOS, upright=0.75, images=192, is_grey=is_grey, is_plain=is_plain)
    why = reason("training.augment.flip", facts(evidence=evidence), LAPTOP, FOUND)
    assert word in why and "%" not in why


def test_propose_split_of_the_data_is_left_alone() -> None:
    given = replace(facts(), splits={"train": 450, "valid": 150})
    assert "project.data.valid_fraction" not in values(given, LAPTOP, FOUND)
    why = reason("project.data.valid_fraction", facts(), LAPTOP, FOUND)
    assert why == "the data gives no validation split: 120 images, always the same, are held out of training"


@pytest.mark.parametrize("count", [2, 5, 20, 60, 1000])
def test_propose_small_sets_have_several_steps_an_epoch(count: int) -> None:
    found = values(facts(count, classes=1), LAPTOP, FOUND)
    assert 8 <= found["training.scheme.batch_size"] <= 32
    assert found["training.scheme.epochs"] <= 30


def test_propose_little_memory_means_small_batches() -> None:
    assert values(facts(), replace(LAPTOP, memory_gb=2), FOUND)["training.scheme.batch_size"] == 16
    assert values(facts(), replace(SERVER, gpu_memory_gb=2), FOUND)["training.scheme.batch_size"] == 16


def test_propose_what_would_take_days_gets_a_budget() -> None:
    large = facts(1_000_000)
    assert values(large, LAPTOP, FOUND)["training.minutes"] == 120
    assert "epochs would take about" in reason("training.minutes", large, LAPTOP, FOUND)
    assert "training.minutes" not in values(facts(100_000), SERVER, FOUND)


def test_propose_gives_every_choice_a_reason_and_says_each_once() -> None:
    for found in (facts(), facts(1797, 8, 8, 10, STROKES), facts(1, 1, 1, 1), facts(10**6)):
        for machine in (LAPTOP, SERVER):
            for weights in (FOUND, NONE):
                choices: list[Choice] = propose(found, machine, weights)
                assert all(choice.why for choice in choices)
                assert len({choice.key for choice in choices}) == len(choices)
