from pathlib import Path

import pytest
import timm
import torch

from auto_train.errors import MissingError, UsageError
from auto_train.models.features import FeatureMaps, create_timm_features

TINY = {"channels": (8, 16, 32, 64)}
SWIN = {"embed_dim": 16, "depths": (1, 1, 1, 1), "num_heads": (1, 2, 4, 8), "window_size": 2}


def create(arch: str = "resnet18", **options) -> FeatureMaps:
    return create_timm_features(arch, **{"image_size": 64, **options}).eval()


# Channels and strides as timm's feature_info states them.
@pytest.mark.parametrize(
    ("arch", "options", "channels", "strides"),
    [
        ("resnet18", TINY, [64, 8, 16, 32, 64], [2, 4, 8, 16, 32]),
        ("mobilenetv2_100", {}, [16, 24, 32, 96, 320], [2, 4, 8, 16, 32]),
        ("mobilenetv2_100", {"out_indices": (2, 3, 4)}, [32, 96, 320], [8, 16, 32]),
        ("mobilenetv2_100", {"out_indices": (-3, -2, -1)}, [32, 96, 320], [8, 16, 32]),
        ("convnext_atto", {}, [40, 80, 160, 320], [4, 8, 16, 32]),
        ("vit_tiny_patch16_224", {}, [192, 192, 192], [16, 16, 16]),
        # its maps come with the channels last
        ("swin_tiny_patch4_window7_224", SWIN, [16, 32, 64, 128], [4, 8, 16, 32]),
    ],
)
def test_features_are_the_maps_of_each_depth(arch: str, options: dict, channels: list[int], strides: list[int]):
    body = create(arch, **options)
    assert (body.channels, body.strides, body.num_features) == (channels, strides, channels[-1])
    with torch.no_grad():
        maps = body(torch.rand(2, 3, 64, 64))
    assert [tuple(m.shape) for m in maps] == [(2, c, 64 // s, 64 // s) for c, s in zip(channels, strides, strict=True)]


def test_features_of_a_small_stem_have_twice_the_resolution():
    assert create(stem="small", **TINY).strides == [2, 2, 4, 8, 16]
    assert create("mobilenetv2_035", stem="small").strides == [1, 2, 4, 8, 16]


def test_features_are_in_training_mode_as_timm_makes_them():
    assert create_timm_features("resnet18", image_size=64, **TINY).model.training


def test_weights_of_the_whole_model_are_loaded(tmp_path: Path):
    from safetensors.torch import save_file

    theirs = timm.create_model("resnet18", num_classes=10, **TINY).eval()
    save_file(theirs.state_dict(), tmp_path / "whole.safetensors")
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        ours = create(weights=tmp_path / "whole.safetensors", **TINY)(images)[-1]
        assert torch.allclose(ours, theirs.forward_features(images), atol=1e-5)


def test_weights_of_another_model_are_refused(tmp_path: Path):
    from safetensors.torch import save_file

    save_file(timm.create_model("resnet10t", num_classes=0).state_dict(), tmp_path / "foreign.safetensors")
    with pytest.raises(MissingError, match=r"foreign\.safetensors does not hold weights of 'resnet18'"):
        create(weights=tmp_path / "foreign.safetensors", **TINY)


def test_real_weights_give_the_features_of_the_whole_model(mirror: Path):
    file = mirror / "weights/mobilenetv2_100_int8src.safetensors"
    whole = timm.create_model("mobilenetv2_100", pretrained=True, pretrained_cfg_overlay={"file": str(file)}).eval()
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        ours = create("mobilenetv2_100", weights=file)(images)[-1]
        assert torch.allclose(whole.bn2(whole.conv_head(ours)), whole.forward_features(images), atol=1e-4)


@pytest.mark.parametrize(
    ("arch", "options", "match"),
    [
        ("resnet1", {}, r"model: timm has no model 'resnet1' \(allowed: did you mean"),
        ("resnet18", {"nonsense": 3}, r"args\]: 'resnet18' does not take these arguments: .*nonsense"),
        ("resnet18", {"out_indices": (2, 9)}, r"timm gives no feature maps of 'resnet18'"),
        ("vit_tiny_patch16_224", {"stem": "small"}, r"has no stem of stride 2 that could be widened"),
    ],
)
def test_bodies_that_cannot_be_are_refused(arch: str, options: dict, match: str):
    with pytest.raises(UsageError, match=match):
        create(arch, **options)
