from dataclasses import replace

from auto_train.data.inspect.facts import Facts
from auto_train.data.inspect.pixels import Evidence
from auto_train.multilabel.model import MultilabelModel
from auto_train.proposal.backbone import Weights
from auto_train.proposal.machine import Machine

LAPTOP, FOUND = Machine(cores=2, memory_gb=8), Weights(model="mobilenetv2_100", why="there")
PHOTOS = Evidence(images=160, is_grey=False, is_plain=False, upright=0.5)
FACTS = Facts(
    splits={"train": 400, "valid": 100}, classes={"cat": 200, "dog": 150}, width=640, height=480, smallest=(640, 480),
    largest=(640, 480), looked_at=500, broken=(), evidence=PHOTOS, target="labels",
)  # fmt: skip


def values(facts: Facts) -> dict[str, object]:
    return {choice.key: choice.value for choice in MultilabelModel.propose(facts, LAPTOP, FOUND)}


def test_labels_are_not_cut_off_by_crops_nor_weighed_without_need():
    found = values(FACTS)
    assert found["architecture.backbone.model"] == "mobilenetv2_100"
    assert not {"training.augment.crop", "training.scheme.loss", "training.scheme.label_smoothing"} & found.keys()


def test_uneven_labels_are_balanced():
    uneven = replace(FACTS, classes={"cat": 300, "yak": 20})
    assert values(uneven)["training.scheme.loss"] == "balanced"
