"""F3.20."""

from typing import Any

import pytest
import torch
from torch import nn

from auto_train.errors import UsageError
from auto_train.training.optim.optimizers import build_optimizer


class Body(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 3)
        self.scale = nn.Parameter(torch.ones(1))

    def no_decay(self) -> list[str]:
        return ["scale", "linear.bias"]


def model() -> nn.ModuleDict:
    return nn.ModuleDict({"body": Body(), "head": nn.Linear(3, 1)})


def args(name: str = "adamw", *, groups: Any = None, **params: Any) -> dict[str, Any]:
    return {"optimizer": name, "optimizer_params": {"lr": 0.1, **params}, "groups": groups}


def rates(net: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, tuple[float, float]]:
    """Return (lr, weight decay) of every parameter by its name."""
    names = {id(parameter): name for name, parameter in net.named_parameters()}
    return {
        names[id(parameter)]: (group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for parameter in group["params"]
    }


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("adamw", torch.optim.AdamW),
        ("AdamW", torch.optim.AdamW),
        ("adam", torch.optim.Adam),
        ("sgd", torch.optim.SGD),
        ("rmsprop", torch.optim.RMSprop),
    ],
)
def test_optimizer_is_torchs_of_that_name(name: str, kind: type):
    optimizer = build_optimizer(nn.Linear(2, 1), args(name, weight_decay=0.01))
    assert type(optimizer) is kind and optimizer.defaults["weight_decay"] == 0.01


def test_optimizer_takes_the_arguments_of_its_class():
    adam = build_optimizer(nn.Linear(2, 1), args("adam", betas=[0.8, 0.9], eps=1e-6, amsgrad=True, momentum=None))
    assert (adam.defaults["betas"], adam.defaults["eps"], adam.defaults["amsgrad"]) == ((0.8, 0.9), 1e-6, True)
    assert build_optimizer(nn.Linear(2, 1), args("sgd", momentum=0.9)).defaults["momentum"] == 0.9


def test_optimizer_of_an_unknown_name_lists_the_known():
    with pytest.raises(KeyError, match="adagrad") as caught:
        build_optimizer(nn.Linear(2, 1), args("adagrad"))
    assert isinstance(caught.value, UsageError)
    assert str(caught.value) == ("optim.optimizer: 'adagrad' is no optimizer (allowed: adam, adamw, rmsprop, sgd)")


@pytest.mark.parametrize(
    ("name", "params"), [("adamw", {"momentum": 0.9}), ("sgd", {"lr": -1.0}), ("sgd", {"lr": "x"})]
)
def test_optimizer_with_arguments_it_does_not_take_lists_its_own(name: str, params: dict[str, Any]):
    with pytest.raises(UsageError, match=rf"optim.optimizer_params: {name}: .*\(allowed: lr, "):
        build_optimizer(nn.Linear(2, 1), args(name, **params))


def test_no_decay_of_a_module_frees_its_parameters_of_weight_decay():
    net = model()
    assert rates(net, build_optimizer(net, args(weight_decay=0.5))) == {
        "body.scale": (0.1, 0.0),
        "body.linear.weight": (0.1, 0.5),
        "body.linear.bias": (0.1, 0.0),
        "head.weight": (0.1, 0.5),
        "head.bias": (0.1, 0.5),
    }


def test_groups_give_rates_to_the_names_they_match_and_the_first_counts():
    net = model()
    groups = [{"pattern": r"^head\.bias$", "lr": 0.3}, {"pattern": "head", "lr": 0.2, "weight_decay": 0.7}]
    found = rates(net, build_optimizer(net, args(groups=groups, weight_decay=0.5)))
    assert found["head.bias"] == (0.3, 0.5) and found["head.weight"] == (0.2, 0.7)
    assert found["body.linear.weight"] == (0.1, 0.5)


def test_group_with_a_weight_decay_wins_over_no_decay():
    net = model()
    groups = [{"pattern": "scale", "weight_decay": 0.2}, {"pattern": "linear.bias", "lr": 0.3}]
    found = rates(net, build_optimizer(net, args(groups=groups, weight_decay=0.5)))
    assert found["body.scale"] == (0.1, 0.2) and found["body.linear.bias"] == (0.3, 0.0)


def test_parameters_of_equal_rates_share_a_group():
    net = model()
    optimizer = build_optimizer(net, args(groups=[{"pattern": "head", "lr": 0.2}], weight_decay=0.5))
    assert [len(group["params"]) for group in optimizer.param_groups] == [2, 1, 2]


def test_frozen_parameters_are_excluded():
    net = model()
    net["body"].requires_grad_(False)
    assert set(rates(net, build_optimizer(net, args(groups=[{"pattern": "body"}])))) == {"head.weight", "head.bias"}
    net.requires_grad_(False)
    with pytest.raises(UsageError, match="all 5 parameters of the model are frozen"):
        build_optimizer(net, args())


def test_shared_parameters_are_taken_once():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    optimizer = build_optimizer(net, args())
    assert sum(len(group["params"]) for group in optimizer.param_groups) == 3


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("heat", r"optim.groups\[0\].pattern: no parameter's name has 'heat' in it \(allowed: "),
        ("he(ad", r"optim.groups\[0\].pattern: 'he\(ad' is no regular expression: missing \)"),
    ],
)
def test_group_whose_pattern_finds_nothing_is_refused(pattern: str, message: str):
    with pytest.raises(UsageError, match=message):
        build_optimizer(model(), args(groups=[{"pattern": pattern, "lr": 1.0}]))


def test_no_decay_of_what_is_no_parameter_is_refused():
    class Wrong(nn.Linear):
        def no_decay(self) -> list[str]:
            return ["bais"]

    with pytest.raises(UsageError, match=r"Wrong.no_decay\(\): 'bais' is no parameter \(allowed: did you mean 'bias'"):
        build_optimizer(Wrong(1, 1), args())
