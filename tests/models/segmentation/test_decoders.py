import pytest
import torch

from auto_train.models.features import create_timm_features
from auto_train.models.segmentation.decoders import DECODERS

TINY = {"channels": (8, 16, 32, 64)}


@pytest.mark.parametrize("name", sorted(DECODERS))
@pytest.mark.parametrize(
    ("arch", "options"),
    [
        ("resnet18", TINY),
        ("resnet18", {**TINY, "stem": "small"}),
        ("convnext_atto", {}),
        ("vit_tiny_patch16_224", {}),
        ("mobilenetv2_035", {"out_indices": (3, 4)}),
        ("mobilenetv2_035", {"stem": "small"}),
    ],
)
def test_decoder_scores_every_class_over_the_whole_image(name: str, arch: str, options: dict):
    body = create_timm_features(arch, image_size=64, **options)
    decoder = DECODERS[name](body.channels, body.strides, 5, 0.1).eval()
    with torch.no_grad():
        scores = decoder(body.eval()(torch.rand(2, 3, 64, 64)))
    assert scores.shape[:2] == (2, 5) and scores.shape[2] == scores.shape[3]
    if name == "unet":
        assert scores.shape[2] == 64


def test_fpn_is_several_times_less_work_than_the_unet():
    from torch.utils.flop_counter import FlopCounterMode

    body, work = create_timm_features("mobilenetv2_100", image_size=128).eval(), {}
    with torch.no_grad():
        maps = body(torch.rand(1, 3, 128, 128))
        for name, decoder in DECODERS.items():
            with FlopCounterMode(display=False) as counter:
                decoder(body.channels, body.strides, 2).eval()(maps)
            work[name] = counter.get_total_flops()
    assert work["unet"] > 2 * work["fpn"]


@pytest.mark.parametrize("name", sorted(DECODERS))
def test_all_maps_that_are_used_learn(name: str):
    body = create_timm_features("resnet18", image_size=64, **TINY)
    decoder = DECODERS[name](body.channels, body.strides, 3)
    decoder(body(torch.rand(2, 3, 64, 64))).square().mean().backward()
    assert all(p.grad is not None for p in decoder.parameters())
    assert body.model.conv1.weight.grad is not None
