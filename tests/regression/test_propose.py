from auto_train.data.inspect.facts import Facts
from auto_train.data.inspect.pixels import Evidence
from auto_train.proposal.backbone import Weights
from auto_train.proposal.machine import Machine
from auto_train.regression.model import RegressionModel

LAPTOP, FOUND = Machine(cores=2, memory_gb=8), Weights(model="mobilenetv2_100", why="there")
PHOTOS = Evidence(images=160, is_grey=False, is_plain=False, upright=0.5)


def test_numbers_are_not_changed_by_crops():
    facts = Facts(
        splits={"train": 400, "valid": 100}, classes={}, width=640, height=480, smallest=(640, 480),
        largest=(640, 480), looked_at=500, broken=(), evidence=PHOTOS, target="values",
    )  # fmt: skip
    found = {choice.key: choice.value for choice in RegressionModel.propose(facts, LAPTOP, FOUND)}
    assert found["architecture.backbone.model"] == "mobilenetv2_100" and found["training.scheme.epochs"] > 4
    assert not {"training.augment.crop", "training.augment.rotate", "training.scheme.balance"} & found.keys()
