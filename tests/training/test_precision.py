import pytest
import torch
from torch import nn

from auto_train.training.precision import Precision, choose_precision


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 4))


def images(n: int = 4) -> torch.Tensor:
    return torch.rand(n, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("amp", "expected"), [(True, torch.bfloat16), (False, None)])
@pytest.mark.parametrize("channels_last", [True, False])
def test_precision_stated_is_taken_without_a_trial(amp: bool, expected: torch.dtype | None, channels_last: bool):
    # bfloat16 is what a CPU has.
    chosen = choose_precision(network(), images(), amp=amp, channels_last=channels_last)
    assert chosen == Precision(amp=expected, channels_last=channels_last, images_per_s=None)


@pytest.mark.parametrize("amp", [True, False])
def test_precision_tries_only_what_is_left_open(amp: bool):
    chosen = choose_precision(network(), images(), amp=amp)
    assert (chosen.amp is not None) == amp and chosen.images_per_s > 0


def test_precision_auto_is_one_of_the_four_and_measured():
    chosen = choose_precision(network(), images())
    assert chosen.amp in (None, torch.bfloat16) and chosen.images_per_s > 0


def test_precision_trial_leaves_the_model_untouched():
    model = network().eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    choose_precision(model, images())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters()) and not model.training
    assert model[0].weight.is_contiguous()


def test_precision_trial_leaves_the_random_state_of_a_dropout_alone():
    model = nn.Sequential(network(), nn.Dropout(0.5))
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    choose_precision(model, images())
    assert torch.equal(torch.rand(3), expected)


def test_precision_is_described_for_people():
    assert Precision().describe() == "float32"
    assert Precision(amp=torch.bfloat16, channels_last=True).describe() == "bfloat16, channels-last"


def test_precision_autocast_computes_in_its_type():
    inputs = images()
    with Precision(amp=torch.bfloat16).autocast(inputs.device):
        assert network()(inputs).dtype == torch.bfloat16
    with Precision().autocast(inputs.device):
        assert network()(inputs).dtype == torch.float32
