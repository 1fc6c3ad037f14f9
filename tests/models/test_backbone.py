from pathlib import Path

import pytest
import timm
import torch
from torch import nn

from auto_train.errors import MissingError, TaskContractError, UsageError
from auto_train.models.backbone import (
    create_timm_model,
    default_split,
    find_pretrained_name,
    normalisation,
    zero_last_linear,
)

TINY = {"channels": (8, 16, 32, 64)}


def images(n: int = 2, side: int = 64, channels: int = 3) -> torch.Tensor:
    return torch.rand(n, channels, side, side, generator=torch.Generator().manual_seed(0))


def create(arch: str = "resnet18", n_out: int = 5, **options) -> nn.Sequential:
    options.setdefault("image_size", 64)
    return create_timm_model(arch, n_out, pretrained=False, **options).eval()


# Feature counts as timm's model cards state them. Averaged features are all that timm's own pooling makes of the first
# two; the others have trained layers after the pooling, which must stay in the body.
@pytest.mark.parametrize(
    ("arch", "is_pooled", "num_features", "options"),
    [
        ("resnet18", False, 512, {}),
        ("resnet18", False, 64, TINY),
        ("efficientnet_b0", False, 1280, {}),
        ("mobilenetv3_small_100", True, 1024, {}),
        ("vit_tiny_patch16_224", True, 192, {}),
        ("convnext_atto", True, 320, {}),
        ("swin_tiny_patch4_window7_224", True, 768, {}),
    ],
)
def test_model_is_body_and_head_of_any_timm_model(arch: str, is_pooled: bool, num_features: int, options: dict):
    model = create(arch, **options)
    assert isinstance(model, nn.Sequential) and len(model) == 2
    assert (model[0].is_pooled, model[0].num_features) == (is_pooled, num_features)
    with torch.no_grad():
        features, outputs = model[0](images()), model(images())
    assert features.ndim == (2 if is_pooled else 4) and features.shape[:2] == (2, num_features)
    assert outputs.shape == (2, 5)


@pytest.mark.parametrize("arch", ["resnet18", "mobilenetv3_small_100", "vit_tiny_patch16_224", "convnext_atto"])
def test_model_computes_what_timms_own_model_does(arch: str):
    model = create(arch)
    theirs = timm.create_model(arch, num_classes=5, **({"img_size": 64} if "vit" in arch else {})).eval()
    theirs.load_state_dict(model[0].model.state_dict(), strict=False)
    linear = model[1][1][1]
    theirs.get_classifier().load_state_dict(linear.state_dict())
    with torch.no_grad():
        assert torch.allclose(model(images()), theirs(images()), atol=1e-4)


@pytest.mark.parametrize("side", [16, 28, 32, 100])
def test_model_sees_images_of_the_stated_size(side: int):
    for arch in ("resnet18", "vit_tiny_patch16_224"):
        assert create(arch, image_size=side)(images(side=side)).shape == (2, 5)


def test_concat_pool_doubles_the_features_of_a_convolutional_net():
    model = create(concat_pool=True, **TINY)
    assert model[1][1][1].in_features == 128
    with torch.no_grad():
        features, pooled = model[0](images()), model[1][0](model[0](images()))
    assert torch.allclose(pooled[:, :64], features.amax(dim=(2, 3))) and torch.allclose(
        pooled[:, 64:], features.mean(dim=(2, 3))
    )


def test_cut_keeps_the_first_children_or_what_a_function_returns():
    # resnet18: conv, norm, activation, pooling, layer1 (8 channels), layer2 (16).
    assert create(cut=6, **TINY)[0].num_features == 16
    body = create(cut=lambda model: nn.Sequential(model.conv1, model.bn1), **TINY)[0]
    assert body.num_features == 64 and len(body) == 2


def test_input_channels_are_those_asked_for():
    assert create(n_in=1, **TINY)(images(channels=1)).shape == (2, 5)


def test_small_stem_keeps_twice_the_resolution():
    for arch in ("resnet18", "mobilenetv3_small_100", "regnetx_002"):
        wide, usual = (create(arch, stem=stem)[0].model.forward_features(images()) for stem in ("small", "default"))
        assert wide.shape[-1] == 2 * usual.shape[-1], arch


def test_head_is_initialised_as_asked():
    ones = create(init=nn.init.ones_, **TINY)[1]
    assert ones[1][1].weight.unique().tolist() == [1.0]
    torch.manual_seed(0)
    kaiming = create(n_out=400, **TINY)[1][1][1].weight
    # kaiming_normal: standard deviation sqrt(2 / fan_in), fan_in the 64 features
    assert float(kaiming.detach().std()) == pytest.approx((2 / 64) ** 0.5, rel=0.02)


def test_head_of_ones_own_gets_pooled_features():
    head = nn.Sequential(nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 5))
    model = create(custom_head=head, init=None, **TINY)
    assert model[1][1] is head and model(images()).shape == (2, 5)


def test_head_for_other_features_names_those_there_are():
    with pytest.raises(TaskContractError, match=r"'resnet18' gives 64 features .*\n.*vector_size = 64"):
        create(custom_head=nn.Linear(1280, 5), **TINY)


def test_head_of_another_number_of_outputs_is_refused():
    match = r"\[architecture.head\]: the head gives \(7,\) outputs for each image \(allowed: \(5,\)\)"
    with pytest.raises(TaskContractError, match=match):
        create(custom_head=nn.Linear(64, 7), **TINY)


def test_head_with_batch_norm_keeps_its_statistics_through_the_check():
    head = nn.Sequential(nn.BatchNorm1d(64), nn.Linear(64, 5))
    create_timm_model("resnet18", 5, pretrained=False, custom_head=head, image_size=64, **TINY)
    assert head[0].running_mean.abs().max() == 0 and head.training


@pytest.mark.parametrize(
    ("name", "near"), [("ResNet-18", "resnet18"), ("mobilenet_v2", "mobilenetv2_140"), ("resnt18", "resnet18")]
)
def test_unknown_model_as_other_libraries_write_it_is_told_timms_name(name: str, near: str):
    with pytest.raises(UsageError, match=rf"timm has no model '{name}' \(allowed: did you mean '{near}'"):
        create(name)


def test_unknown_model_lists_close_names():
    with pytest.raises(UsageError, match=r"timm has no model 'resnet1' \(allowed: did you mean 'resnet\d+'") as caught:
        create("resnet1")
    assert caught.value.where == "[architecture.backbone] model"


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"nonsense": 3}, r"\[architecture.backbone.args\]: 'resnet18' does not take these arguments: .*nonsense"),
        ({"channels": "wide"}, r"\[architecture.backbone.args\]: 'resnet18' does not take these arguments"),
        ({"channels": (8, 16)}, r"image_size: 'resnet18' cannot see images of 64 px: .*layer3"),
    ],
)
def test_arguments_the_model_does_not_take_are_refused(options: dict, match: str):
    with pytest.raises(UsageError, match=match):
        create(**options)


def test_small_stem_of_a_transformer_is_refused():
    with pytest.raises(UsageError, match=r"'vit_tiny_patch16_224' has no stem of stride 2 that could be widened"):
        create("vit_tiny_patch16_224", stem="small")


def test_split_gives_body_and_head():
    model = create(**TINY)
    body, head = default_split(model)
    assert len(body) + len(head) == len(list(model.parameters())) and [p.shape[0] for p in head] == [5, 5]


def test_zeroed_head_answers_evenly():
    model = create(custom_head=nn.Sequential(nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 5)), **TINY)
    zero_last_linear(model[1])
    assert model(images()).abs().max() == 0 and model[1][1][0].weight.abs().max() > 0


def test_normalisation_is_what_the_model_was_made_for():
    # timm's configs: ImageNet's statistics, and 0.5 for models that came from TensorFlow.
    assert normalisation("resnet18") == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert normalisation("vit_tiny_patch16_224") == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def test_pretrained_weights_have_a_name():
    assert find_pretrained_name("resnet18").startswith("hf://timm/resnet18.")
    with pytest.raises(UsageError, match="timm has no model 'resnet1'"):
        find_pretrained_name("resnet1")
    with pytest.raises(MissingError, match=r"timm has no pretrained weights of '\w+'\n.*pretrained = false"):
        find_pretrained_name("botnet50ts_256")


# Weights from files


def save(model: nn.Module, path: Path) -> Path:
    from safetensors.torch import save_file

    save_file(model.state_dict(), path)
    return path


def test_weights_of_the_model_are_loaded_with_or_without_their_classifier(tmp_path: Path):
    for num_classes in (0, 1000):
        theirs = timm.create_model("resnet18", num_classes=num_classes, **TINY)
        model = create(weights=save(theirs, tmp_path / f"{num_classes}.safetensors"), **TINY)
        ours = model[0].model.state_dict()
        assert all(torch.equal(ours[k], v) for k, v in theirs.state_dict().items() if "fc" not in k)


@pytest.mark.parametrize("arch", ["vit_tiny_patch16_224", "resnet10t", "resnet34"])
def test_weights_of_another_model_are_refused(arch: str, tmp_path: Path):
    path = save(timm.create_model(arch, num_classes=0), tmp_path / "foreign.safetensors")
    match = rf"weights: {path} does not hold weights of 'resnet50': .*\n.*name the model these weights were made for"
    with pytest.raises(MissingError, match=match) as caught:
        create("resnet50", weights=path)
    assert caught.value.exit_code == 6


def test_weights_that_hold_only_a_part_are_refused(tmp_path: Path):
    from safetensors.torch import save_file

    state = timm.create_model("resnet18", num_classes=0, **TINY).state_dict()
    save_file({k: v for k, v in state.items() if not k.startswith("layer4")}, tmp_path / "part.safetensors")
    with pytest.raises(MissingError, match=r"does not hold weights of 'resnet18': \d+ tensors are not in it: layer4"):
        create(weights=tmp_path / "part.safetensors", **TINY)


@pytest.mark.parametrize("name", ["junk.safetensors", "junk.pth"])
def test_file_that_holds_no_weights_is_refused(name: str, tmp_path: Path):
    (tmp_path / name).write_bytes(b"these are no weights" * 50)
    with pytest.raises(MissingError, match=rf"{name} does not hold weights of 'resnet18'"):
        create(weights=tmp_path / name, **TINY)


def test_real_weights_give_features_that_tell_photographs_apart(mirror: Path):
    from sklearn.datasets import load_sample_images

    model = create("mobilenetv2_100", 1000, weights=mirror / "weights/mobilenetv2_100_int8src.safetensors")
    photos = torch.from_numpy(load_sample_images().images[0][:128, :128].copy()).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.no_grad():
        own = model[0](photos).mean(dim=(2, 3))
    random = create("mobilenetv2_100", 1000)
    with torch.no_grad():
        other = random[0](photos).mean(dim=(2, 3))
    assert not torch.allclose(own, other, atol=0.1)
    # The classifier in the file makes of our features what timm's whole model makes of the photograph.
    whole = timm.create_model(
        "mobilenetv2_100",
        pretrained=True,
        pretrained_cfg_overlay={"file": str(mirror / "weights/mobilenetv2_100_int8src.safetensors")},
    ).eval()
    with torch.no_grad():
        assert torch.allclose(whole.get_classifier()(own), whole(photos), atol=1e-3)


def test_real_weights_without_classifier_are_loaded(mirror: Path):
    create("mobilenetv2_035", weights=mirror / "weights/mobilenetv2_035_keras.safetensors")


def test_real_weights_of_another_width_are_refused(mirror: Path):
    match = r"mobilenetv2_035_keras\.safetensors does not hold weights of 'mobilenetv2_100'"
    with pytest.raises(MissingError, match=match):
        create("mobilenetv2_100", weights=mirror / "weights/mobilenetv2_035_keras.safetensors")
