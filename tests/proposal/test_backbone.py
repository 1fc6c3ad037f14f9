from pathlib import Path

import pytest

from auto_train.models.backbone import create_timm_model
from auto_train.proposal.backbone import SMALL, choose_starting_weights


@pytest.fixture
def weights_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AUTO_TRAIN_MIRROR", str(tmp_path))
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights"


def save(model: str, path: Path) -> None:
    from safetensors.torch import save_file

    body = create_timm_model(model, 2, pretrained=False, image_size=96)[0]
    save_file(body.model.state_dict(), path)


def test_starting_weights_of_a_mirror_are_found_by_their_name(weights_folder: Path) -> None:
    save("test_resnet", weights_folder / "test_resnet_mine.safetensors")
    save("test_resnet", weights_folder / "another.safetensors")
    found = choose_starting_weights(("resnet18", "test_resnet"), offline=True)
    assert (found.model, found.file) == ("test_resnet", "test_resnet_mine.safetensors")
    assert found.why == f"test_resnet_mine.safetensors is there, in {weights_folder}"


def test_starting_weights_that_are_none_of_the_model_are_not_taken(weights_folder: Path) -> None:
    (weights_folder / "test_resnet.safetensors").write_bytes(b"no weights")
    save("test_resnet", weights_folder / "test_vit.pth")
    save("test_resnet", weights_folder / "test_resnetv3.safetensors")  # another name, though it begins alike
    found = choose_starting_weights(("test_resnet", "test_vit"), offline=True)
    assert found.model == ""
    assert "test_resnet.safetensors does not hold weights of 'test_resnet'" in found.why
    assert "test_vit.pth does not hold weights of 'test_vit'" in found.why
    assert "could not be had" in found.why


def test_starting_weights_nowhere_say_what_was_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    found = choose_starting_weights(SMALL, offline=True)
    assert (found.model, found.file) == ("", "")
    assert "hub timm/mobilenetv2_100" in found.why and "offline" in found.why


@pytest.mark.parametrize(
    ("model", "file"), [("mobilenetv2_100", "mobilenetv2_100_int8src"), ("mobilenetv2_035", "mobilenetv2_035_keras")]
)
def test_starting_weights_of_tensorflow_come_with_their_statistics(
    mirror: Path, monkeypatch: pytest.MonkeyPatch, model: str, file: str
) -> None:
    monkeypatch.setenv("AUTO_TRAIN_MIRROR", str(mirror))
    found = choose_starting_weights((model,), offline=True)
    assert (found.model, found.file) == (model, f"{file}.safetensors")
    assert found.statistics == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
