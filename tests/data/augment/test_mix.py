import pytest
import torch

from auto_train.data.augment.mix import Mix

IMAGES = torch.arange(8.0)[:, None, None, None].expand(8, 3, 16, 20)
TARGETS = torch.arange(8) % 4


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def mixed(seed: int = 0, *, mixup: float = 0.0, cutmix: float = 0.0, switch_prob: float = 0.5):
    return Mix(mixup=mixup, cutmix=cutmix, switch_prob=switch_prob, num_classes=4)(IMAGES, TARGETS, generator(seed))


@pytest.mark.parametrize("kind", [{"mixup": 0.4}, {"cutmix": 1.0}, {"mixup": 0.2, "cutmix": 1.0}])
def test_mix_targets_are_shares_that_add_up_to_one(kind: dict[str, float]):
    for seed in range(20):
        images, targets = mixed(seed, **kind)
        assert images.shape == IMAGES.shape and targets.shape == (8, 4) and targets.dtype == torch.float32
        assert torch.allclose(targets.sum(dim=1), torch.ones(8)) and targets.min() >= 0


def test_mixup_blends_images_in_the_share_of_their_targets():
    # Every image is filled with its number i and its class is i mod 4; the blended number tells partner and share.
    for seed in range(20):
        images, targets = mixed(seed, mixup=0.4)
        partner = torch.randperm(8, generator=after_draws(seed))
        share = ((images[:, 0, 0, 0] - partner) / (torch.arange(8) - partner))[partner != torch.arange(8)]
        assert torch.allclose(share, share[0].expand_as(share), atol=1e-5)
        rows = (TARGETS[partner] != TARGETS).nonzero()[:, 0]
        assert torch.allclose(targets[rows, TARGETS[rows]], share[0].expand(len(rows)), atol=1e-5)


def after_draws(seed: int) -> torch.Generator:
    """Return the generator as it is after Mix drew its share: what follows is the permutation."""
    drawn = generator(seed)
    torch._standard_gamma(torch.full((2,), 0.4, dtype=torch.float64), generator=drawn)
    return drawn


def test_cutmix_share_is_the_area_that_was_really_kept():
    is_cut_off = 0
    for seed in range(40):
        images, targets = mixed(seed, cutmix=1.0)
        own = (images == IMAGES)[:, 0]
        foreign = [i for i in range(8) if not own[i].all()]
        for i in foreign:
            kept = float(own[i].float().mean())
            partner = int(images[i, 0][~own[i]][0])
            expected = torch.zeros(4)
            expected[TARGETS[i]] += kept
            expected[TARGETS[partner]] += 1 - kept
            assert torch.allclose(targets[i], expected, atol=1e-5)
        if foreign:
            box = (~own[foreign[0]]).nonzero()
            is_cut_off += bool(box.min() == 0)
    assert is_cut_off  # boxes over the border occurred, where the drawn share is not the kept one


def test_cutmix_pastes_one_rectangle_of_one_partner():
    images, _ = mixed(3, cutmix=1.0)
    for i, image in enumerate(images):
        foreign = (image[0] != i).nonzero()
        if len(foreign):
            (top, left), (bottom, right) = foreign.min(dim=0).values, foreign.max(dim=0).values
            assert image[0, top : bottom + 1, left : right + 1].unique().numel() == 1
            assert len(foreign) == (bottom - top + 1) * (right - left + 1)


def test_mix_switch_probability_chooses_between_both():
    both = {"mixup": 0.5, "cutmix": 0.5}
    blends = [float(mixed(seed, **both)[0].frac().abs().max()) > 0 for seed in range(200)]
    # A blend has fractional numbers, a paste has none: 100 ± 4 standard deviations of sqrt(200 / 4).
    assert abs(sum(blends) - 100) < 29
    assert all(mixed(seed, **both, switch_prob=1.0)[0].frac().abs().max() == 0 for seed in range(20))


def test_mix_same_generator_gives_the_same_batch():
    one, two = mixed(5, mixup=0.3), mixed(5, mixup=0.3)
    assert torch.equal(one[0], two[0]) and torch.equal(one[1], two[1])


def test_mix_shares_follow_the_beta_distribution():
    # Beta(a, a) has mean 1/2 and variance 1 / (4 (2a + 1)): for a = 0.4 that is 0.139.
    mix, images, targets = (
        Mix(mixup=0.4, cutmix=0.0, switch_prob=0.0, num_classes=6),
        torch.zeros(6, 3, 1, 1),
        torch.arange(6),
    )
    # An image that is blended with itself keeps a share of 1: of six, one is blended with another in 719 of 720 draws.
    drawn = torch.stack([mix(images, targets, generator(seed))[1].diagonal().min() for seed in range(3000)])
    assert float(drawn.mean()) == pytest.approx(0.5, abs=0.03)
    assert float(drawn.var()) == pytest.approx(0.139, abs=0.01)


def test_mix_leaves_its_inputs_alone():
    images, targets = IMAGES.clone(), TARGETS.clone()
    Mix(mixup=0.0, cutmix=1.0, switch_prob=0.5, num_classes=4)(images, targets, generator())
    assert torch.equal(images, IMAGES) and torch.equal(targets, TARGETS)
