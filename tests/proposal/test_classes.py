from dataclasses import replace

from auto_train.proposal.backbone import Weights
from auto_train.proposal.classes import class_choices
from tests.proposal.test_propose import FOUND, NONE, STROKES, facts


def values(counts: dict[str, int], weights: Weights = FOUND) -> dict[str, object]:
    return {
        choice.key: choice.value
        for choice in class_choices(replace(facts(sum(counts.values())), classes=counts), weights)
    }


def test_class_choices_of_even_classes_and_few_photographs_smooth_the_labels() -> None:
    assert values({"a": 300, "b": 100}) == {"training.scheme.label_smoothing": 0.1}


def test_class_choices_of_a_net_without_learnt_weights_are_none() -> None:
    assert values({"a": 300, "b": 100}, NONE) == {}
    assert class_choices(facts(1797, 8, 8, 10, STROKES), FOUND) == []


def test_class_choices_of_uneven_classes_weigh_the_rare_one_and_say_so() -> None:
    found = values({"a": 10_000, "b": 1000})
    assert found == {"training.scheme.balance": "weights", "training.scheme.monitor": "f1_macro"}
    choices = class_choices(replace(facts(11_000), classes={"a": 10_000, "b": 1000}), FOUND)
    assert choices[0].why == "10,000 images of one class, 1,000 of another: the rare one counts as much"
