"""recover (F3.16, F3.19). Weights of other files: init_file in test_pipeline.py."""

from pathlib import Path

import pytest
import torch
from loguru import logger
from torch import nn

from auto_train.errors import CheckpointError, MissingError
from auto_train.training import recover
from tests.training.line import checkpoint, line_model, pipeline, weights


def trained(folder: Path, *, ema: bool) -> Path:
    pipe = pipeline(folder, optim__ema_params={"ema": ema, "ema_decay": 0.9})
    pipe.regist_extra_ckp_caches({"mean": 1.5})
    pipe.fit()
    return folder / "logs/checkpoints/last.ckpt"


def test_recover_loads_the_averaged_weights_where_there_are_any(tmp_path: Path):
    path = trained(tmp_path, ema=True)
    state, model = checkpoint(tmp_path), line_model()
    assert recover(model, path)["extra_ckp_caches"] == {"mean": 1.5}
    assert weights(model) == [float(value) for value in state["ema_state_dict"]["weights"].values()]
    recover(model, str(path), try_ema=False)
    assert weights(model) == [float(value) for value in state["model"].values()]


def test_recover_loads_the_weights_where_there_is_no_average(tmp_path: Path):
    path, model = trained(tmp_path, ema=False), line_model()
    recover(model, path, try_ema=True)
    assert weights(model) == [float(value) for value in checkpoint(tmp_path)["model"].values()]


def test_recover_ignores_the_prefix_of_a_data_parallel_wrapper(tmp_path: Path):
    path, model = trained(tmp_path, ema=False), line_model()
    state = checkpoint(tmp_path)
    expected = [float(value) for value in state["model"].values()]
    torch.save(state | {"model": {f"module.{k}": v for k, v in state["model"].items()}}, path)
    recover(model, path)
    assert weights(model) == expected
    wrapped = nn.ModuleDict({"module": line_model()})
    recover(wrapped, path)
    assert weights(wrapped) == expected


def test_recover_names_what_does_not_fit_or_leaves_it_out(tmp_path: Path):
    path = trained(tmp_path, ema=False)
    other = nn.Linear(1, 1, bias=False)
    other.register_parameter("scale", nn.Parameter(torch.tensor(7.0)))
    with pytest.raises(
        CheckpointError, match=f"^{path}: its weights are of another model: missing: scale, unknown: bias"
    ):
        recover(other, path)
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(str(message)), format="{message}", level="WARNING")
    recover(other, path, strict=False)
    logger.remove(sink)
    assert lines == [f"{path}: missing: scale, unknown: bias\n"]
    kept = float(checkpoint(tmp_path)["model"]["weight"])
    assert {name: weight.item() for name, weight in other.named_parameters()} == {"weight": kept, "scale": 7.0}


@pytest.mark.parametrize("strict", [True, False])
def test_recover_refuses_weights_of_another_shape(tmp_path: Path, strict: bool):
    path = trained(tmp_path, ema=False)
    with pytest.raises(CheckpointError, match="its weights are of another model: size mismatch for weight"):
        recover(nn.Linear(2, 1), path, strict=strict)


def test_recover_needs_a_checkpoint(tmp_path: Path):
    with pytest.raises(MissingError, match="this checkpoint does not exist"):
        recover(line_model(), tmp_path / "no.ckpt")
    torch.save(line_model().state_dict(), tmp_path / "weights.pth")
    with pytest.raises(CheckpointError, match=r"this is no checkpoint of a training.*\n.*init_file"):
        recover(line_model(), tmp_path / "weights.pth")
