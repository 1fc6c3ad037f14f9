"""What a training or an evaluation without network lacks, told before anything starts."""

import sys
from pathlib import Path

import pytest

from auto_train.actions.offline import require_for_evaluation, require_for_training
from auto_train.config import Config, load_config
from auto_train.errors import OfflineError

FAR = "http://192.0.2.1/data.zip"  # TEST-NET-1 of RFC 5737: of no machine


def config_of(folder: Path, *overrides: str) -> Config:
    ini = folder / "far.ini"
    ini.write_text(f"[project]\nname = far\nlocation = {folder}/p\n[training]\ndir = {folder}/data\n")
    return load_config(ini, list(overrides))


def problems(check, config: Config) -> list[str]:
    with pytest.raises(OfflineError) as caught:
        check(config)
    return [str(problem) for problem in caught.value.problems]


def test_training_names_data_weights_and_loggers_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    monkeypatch.delitem(sys.modules, "auto_train.training.loggers.wandb", raising=False)
    config = config_of(
        tmp_path,
        f"project.data_source_url={FAR}",
        "architecture.backbone.weights=far/away",
        "training.loggers=[wandb, tensorboard]",
    )
    logger, weights, data = problems(require_for_training, config)
    assert "the logger 'wandb' cannot be used" in logger and "pip install 'auto-train[wandb]'" in logger
    assert "weights 'far/away' could not be had" in weights
    assert f"{FAR}: not fetched, offline" in data and f"folder {tmp_path}/data: not there" in data


def test_training_with_pretrained_weights_names_where_timm_has_them(tmp_path: Path) -> None:
    config = config_of(tmp_path, "architecture.backbone.pretrained=true", "project.data_source_url=builtin:digits")
    (weights,) = problems(require_for_training, config)
    assert "hub timm/" in weights and "offline" in weights


def test_training_that_has_everything_passes_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.png").touch()
    (tmp_path / "weights.safetensors").touch()
    before = sorted(tmp_path.rglob("*"))
    config = config_of(tmp_path, f"architecture.backbone.weights={tmp_path}/weights.safetensors")
    require_for_training(config)
    assert sorted(tmp_path.rglob("*")) == sorted([*before, tmp_path / "far.ini"])


def test_training_with_a_fallback_needs_no_data(tmp_path: Path) -> None:
    require_for_training(
        config_of(
            tmp_path,
            f"project.data_source_url={FAR}",
            "project.data.fallback=builtin:digits",
            "architecture.backbone.pretrained=false",
        )
    )


def test_training_with_data_in_the_mirror_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTO_TRAIN_MIRROR", str(tmp_path / "mirror"))
    (tmp_path / "mirror/below").mkdir(parents=True)
    (tmp_path / "mirror/below/data.zip").touch()
    config = config_of(tmp_path, f"project.data_source_url={FAR}", "architecture.backbone.pretrained=false")
    require_for_training(config)
    assert not (tmp_path / "data").exists()


def test_training_without_any_source_says_how_to_name_one(tmp_path: Path) -> None:
    (data,) = problems(require_for_training, config_of(tmp_path, "architecture.backbone.pretrained=false"))
    assert "no data here and no source is named" in data


def test_evaluation_names_model_and_data_at_once(tmp_path: Path) -> None:
    model, data = problems(require_for_evaluation, config_of(tmp_path, f"project.data_source_url={FAR}"))
    assert "there is no trained model" in model and "train first" in model
    assert f"{FAR}: not fetched, offline" in data
