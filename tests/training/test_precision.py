import pytest
import torch
from torch import nn

from auto_train.errors import UsageError
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


def strided(side: int) -> tuple[nn.Module, torch.Tensor]:
    """Return a net whose second convolution sees a quarter of the side, and a batch for it."""
    model = nn.Sequential(nn.Conv2d(3, 4, 4, stride=4), nn.Conv2d(4, 4, 3, stride=2, padding=1), nn.Flatten())
    return model, torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))


def test_bfloat16_is_not_tried_where_a_cpu_computes_it_wrong():
    model, batch = strided(4)
    chosen = choose_precision(model, batch)
    assert chosen.amp is None and model.training
    match = r"\[training.scheme\] amp: bfloat16 computes wrong gradients .* \(allowed: auto or false"
    with pytest.raises(UsageError, match=match):
        choose_precision(model, batch, amp=True)
    assert choose_precision(*strided(8), amp=True, channels_last=False).amp == torch.bfloat16
