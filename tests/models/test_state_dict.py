from pathlib import Path

import pytest
import torch
from torch import nn

from auto_train.errors import MissingError, TrainingError
from auto_train.models.state_dict import load_torch_model_weights_to, save_torch_model_weights_from


def network(outputs: int = 2, seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, outputs))


def test_weights_come_back_as_they_were(tmp_path: Path):
    path = save_torch_model_weights_from(network(), tmp_path / "models" / "model.pth")
    other = network(seed=1)
    load_torch_model_weights_to(other, path)
    assert all(torch.equal(value, network().state_dict()[name]) for name, value in other.state_dict().items())


def test_file_holds_the_state_dict_alone(tmp_path: Path):
    save_torch_model_weights_from(network(), str(tmp_path / "model.pth"))
    state = torch.load(tmp_path / "model.pth", weights_only=True)
    assert list(state) == list(network().state_dict())
    assert [path.name for path in tmp_path.iterdir()] == ["model.pth"]


def test_size_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    from loguru import logger

    lines: list[str] = []
    sink = logger.add(lines.append, format="{message}")
    try:
        load_torch_model_weights_to(network(), save_torch_model_weights_from(network(), tmp_path / "model.pth"))
    finally:
        logger.remove(sink)
    assert "weights saved to" in lines[0] and "loading weights from" in lines[1]
    assert all("(0.0 MB)" in line for line in lines)


def test_missing_file_says_to_train_first(tmp_path: Path):
    with pytest.raises(MissingError, match=rf"{tmp_path}/model.pth: there are no weights\n  train first") as caught:
        load_torch_model_weights_to(network(), tmp_path / "model.pth")
    assert caught.value.exit_code == 6


def test_weights_of_another_architecture_are_refused(tmp_path: Path):
    path = save_torch_model_weights_from(network(outputs=7), tmp_path / "model.pth")
    with pytest.raises(MissingError, match=r"model.pth: these weights do not fit the model: .*mismatch for 2.weight"):
        load_torch_model_weights_to(network(), path)


@pytest.mark.parametrize("content", [b"", b"these are no weights", b"\x80\x04\x95junk"])
def test_file_that_holds_no_weights_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "model.pth").write_bytes(content)
    with pytest.raises(MissingError, match=r"model.pth: these weights do not fit the model: "):
        load_torch_model_weights_to(network(), tmp_path / "model.pth")


def test_checkpoint_in_place_of_weights_is_refused(tmp_path: Path):
    torch.save({"model": network().state_dict(), "progress": {"epoch": 3}}, tmp_path / "last.ckpt")
    with pytest.raises(MissingError, match=r"last.ckpt: these weights do not fit the model: .*Missing key"):
        load_torch_model_weights_to(network(), tmp_path / "last.ckpt")


def test_pickled_code_is_never_run(tmp_path: Path):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    torch.save(Evil(), tmp_path / "model.pth")
    with pytest.raises(MissingError, match="these weights do not fit the model"):
        load_torch_model_weights_to(network(), tmp_path / "model.pth")
    assert not (tmp_path / "ran").exists()


def test_folder_in_place_of_the_file_is_a_training_error(tmp_path: Path):
    (tmp_path / "model.pth").mkdir()
    with pytest.raises(TrainingError, match=r"cannot write model\.pth"):
        save_torch_model_weights_from(network(), tmp_path / "model.pth")


def test_weights_of_a_checkpoint_are_a_start_too(tmp_path: Path):
    trained, fresh = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    checkpoint = {"format": 1, "model": trained.state_dict(), "optimizer": {}, "progress": {"epochs_done": 1}}
    torch.save(checkpoint, tmp_path / "last.ckpt")
    load_torch_model_weights_to(fresh, tmp_path / "last.ckpt")
    assert torch.equal(fresh.weight, trained.weight) and torch.equal(fresh.bias, trained.bias)
