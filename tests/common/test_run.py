import csv
import json
import math
import os
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from auto_train.bundle import load_bundle
from auto_train.bundle.filelist import sha256_of
from auto_train.classification.model import ClassificationModel
from auto_train.classification.train import train_model
from auto_train.common.learning_rate import find_best_learning_rate
from auto_train.config import Config, load_config
from auto_train.errors import GateError, Interrupted, MissingError, TrainingError, UsageError
from auto_train.runs.folder import TrainResult
from auto_train.types import Progress
from tests.tiny import tiny_config, write_digits

Listener = Callable[[Progress], None]


@dataclass(frozen=True, kw_only=True)
class Trained:
    config: Config
    result: TrainResult
    told: list[Progress]

    @property
    def run(self) -> Path:
        return self.result.run

    def json(self, name: str) -> Any:
        return json.loads((self.run / name).read_text(encoding="utf-8"))

    def manifest(self) -> list[dict[str, str]]:
        return list(csv.DictReader((self.run / "manifest.csv").read_text(encoding="utf-8").splitlines()))

    def lines(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.run / name).read_text(encoding="utf-8").splitlines()]


def train(folder: Path, data: Path, *overrides: str, more: str = "", listener: Listener | None = None) -> Trained:
    told: list[Progress] = []

    def listen(event: Progress) -> None:
        told.append(event)
        if listener:
            listener(event)

    config = tiny_config(folder, data, *overrides, more=more)
    return Trained(config=config, result=train_model(config, progress=listen), told=told)


def messages(trained: Trained) -> list[str]:
    return [event.message for event in trained.told if event.message]


def last_run(folder: Path) -> Path:
    return (folder / "project/runs/latest").resolve()


def status(run: Path) -> str:
    return (run / "STATUS").read_text().strip()


@pytest.fixture(scope="module")
def trained(digit_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    overrides = ["training.scheme.epochs=3", "export.formats=onnx", "training.scheme.batch_size=8"]
    with pytest.MonkeyPatch.context() as patch:  # a first start, whatever other tests have stored
        patch.setenv("AUTO_TRAIN_CACHE", str(tmp_path_factory.mktemp("cache")))
        return train(tmp_path_factory.mktemp("trained"), digit_files, *overrides)


# What a run leaves


def test_run_folder_holds_what_the_interface_promises(trained: Trained):
    names = {path.relative_to(trained.run).as_posix() for path in trained.run.rglob("*") if path.is_file()}
    assert names >= {
        "STATUS", "config.ini", "overrides.json", "manifest.csv", "metrics.jsonl", "events.jsonl", "env.json",
        "log.txt", "report.html", "report.json", "junit.xml", "evaluation.json", "predictions/valid.csv",
        "predictions/valid.npz",
        "checkpoints/last.ckpt", "checkpoints/best.ckpt", "exports/onnx/model.onnx",
        "bundle/model/config.json", "bundle/model/weights.safetensors", "bundle/model/filelist.txt",
        "bundle/golden/answers.json", "bundle/facts.json", "bundle/config.ini", "bundle/README.md",
    }  # fmt: skip
    assert not [name for name in names if ".part" in name or "/." in name]
    assert status(trained.run) == "done"
    assert (trained.run.parent / "latest").resolve() == trained.run.resolve()


def test_config_of_the_run_trains_the_same_again(trained: Trained):
    again = load_config(trained.run / "config.ini")
    assert again.to_dict() == trained.config.to_dict()
    assert trained.json("overrides.json") == {
        "training.scheme.epochs": 3, "export.formats": ["onnx"], "training.scheme.batch_size": 8,
    }  # fmt: skip


def test_manifest_says_where_every_image_went(trained: Trained, digit_files: Path):
    rows = trained.manifest()
    assert len(rows) == 72 and {row["split"] for row in rows} == {"train", "valid"}
    assert all(row["sha256"] == sha256_of(digit_files / row["path"]) for row in rows)
    assert all(row["label"] == Path(row["path"]).parent.name for row in rows)


def test_metrics_have_a_row_per_epoch_and_the_final_values(trained: Trained):
    *epochs, final = trained.lines("metrics.jsonl")
    assert [row["epoch"] for row in epochs] == [1, 2, 3]
    assert all({"train/loss", "valid/loss", "valid/accuracy", "valid/f1_macro", "lr"} <= row.keys() for row in epochs)
    assert final["final"] is True and final["data"] == "folder"
    assert {name: final[name] for name in trained.result.metrics} == trained.result.metrics
    assert trained.json("bundle/facts.json")["metrics"] == trained.result.metrics


def test_events_and_log_tell_the_story(trained: Trained):
    events = trained.lines("events.jsonl")
    assert [event["event"] for event in events] == ["start", "data", "precision", "export", "done"]
    assert events[1]["classes"] == 3 and sum(events[1]["splits"].values()) == 72
    assert 0 <= events[3]["max_difference"] < 1e-4 and events[3]["images"] == events[1]["splits"]["valid"]
    log = (trained.run / "log.txt").read_text()
    assert "Training from scratch!" in log and "Using learning rate: 0.003" in log and "weights saved to" in log


def test_environment_is_recorded(trained: Trained):
    found = trained.json("env.json")
    assert found["device"] == "cpu" and found["data"] == "folder" and "torch" in found["libraries"]


def test_run_says_once_how_the_data_was_understood(trained: Trained):
    said = [text for text in messages(trained) if text.startswith("The data is read as ")]
    assert said == ["The data is read as folders: a folder of images per class"]
    assert said[0] in (trained.run / "log.txt").read_text()


def test_result_says_where_everything_is(trained: Trained):
    result = trained.result
    assert result.bundle == trained.run / "bundle" and result.report == trained.run / "report.html"
    assert result.weights.is_file() and 0 < result.train_seconds < result.seconds
    assert {"valid/accuracy", "valid/loss", "valid/ece"} <= result.metrics.keys()


def test_record_beside_the_weights_names_run_and_bundle(trained: Trained):
    weights = trained.result.weights
    assert weights == Path(trained.config.training.scheme.output_path)
    record = json.loads(Path(f"{weights}.json").read_text())
    assert record == {
        "sha256": sha256_of(weights), "run": str(trained.run), "bundle": str(trained.result.bundle),
    }  # fmt: skip


def test_weights_of_the_best_epoch_are_what_is_left(trained: Trained):
    best = torch.load(trained.run / "checkpoints/best.ckpt", weights_only=True)
    saved = torch.load(trained.result.weights, weights_only=True)
    assert all(torch.equal(best["model"][name], value) for name, value in saved.items())
    epochs = [row for row in trained.lines("metrics.jsonl") if "epoch" in row]
    errors = [(-row["valid/accuracy"], row["valid/loss"]) for row in epochs]  # of equal accuracies the lower loss
    assert best["best"]["epoch"] == errors.index(min(errors)) + 1
    bundled = load_bundle(trained.result.bundle).model.network.state_dict()
    assert all(torch.equal(bundled[name], value) for name, value in saved.items())


def test_final_metrics_are_those_of_the_bundled_model(trained: Trained, digit_files: Path):
    model = load_bundle(trained.result.bundle).model
    rows = [row for row in trained.manifest() if row["split"] == "valid"]
    images = np.stack([np.array(Image.open(digit_files / row["path"]).convert("RGB")) for row in rows])
    targets = torch.tensor([model.labels.index(row["label"]) for row in rows])
    with torch.no_grad():
        answers = model(torch.from_numpy(images))
    assert trained.result.metrics["valid/accuracy"] == float((answers.argmax(dim=1) == targets).double().mean())
    loss = -answers[torch.arange(len(rows)), targets].double().log().mean()
    assert trained.result.metrics["valid/loss"] == pytest.approx(float(loss), rel=1e-4)


def test_test_split_is_measured_once_at_the_end(tmp_path: Path):
    for split in ("train", "valid", "test"):
        write_digits(tmp_path / "data" / split, {"0": 8, "1": 8})
    trained = train(tmp_path, tmp_path / "data")
    assert {"valid/accuracy", "test/accuracy", "test/loss"} <= trained.result.metrics.keys()
    epoch, final = trained.lines("metrics.jsonl")
    assert not any(name.startswith("test/") for name in epoch) and final["test/accuracy"] >= 0


def test_listener_hears_of_every_epoch(trained: Trained):
    assert [event.run for event in trained.told if event.run] == [trained.result.run]
    stages = list(dict.fromkeys(event.stage for event in trained.told if not event.run))
    assert stages == ["check", "pixel store", "train", "evaluate", "export"]
    assert [event.done for event in trained.told if event.epoch_ended] == [1, 2, 3]


def test_same_seed_trains_the_same_weights(digit_files: Path, tmp_path: Path):
    one, two, other = (
        torch.load(train(tmp_path / name, digit_files, f"training.seed={seed}").result.weights, weights_only=True)
        for name, seed in (("1", 1), ("2", 1), ("3", 2))
    )
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


# Keys of the scheme


def test_no_epochs_at_all_still_leaves_a_model(digit_files: Path, tmp_path: Path):
    trained = train(tmp_path, digit_files, "training.scheme.epochs=0")
    assert trained.result.weights.is_file() and not list((trained.run / "checkpoints").iterdir())
    assert load_bundle(trained.result.bundle).labels == ["0", "1", "2"]


def test_freeze_epochs_come_before_the_epochs(digit_files: Path, tmp_path: Path):
    trained = train(tmp_path, digit_files, "training.scheme.freeze_epochs=2")
    assert [row.get("stage") for row in trained.lines("metrics.jsonl")] == ["frozen", "frozen", "all", None]


def test_early_stop_ends_the_training(digit_files: Path, tmp_path: Path):
    # A rate that changes nothing that can be measured: the first epoch stays the best.
    keys = ["epochs=9", "early_stop=2", "learning_rate=1e-8", "freeze_bn=true", "monitor=loss"]
    trained = train(tmp_path, digit_files, *[f"training.scheme.{key}" for key in keys])
    assert [row["epoch"] for row in trained.lines("metrics.jsonl") if "epoch" in row] == [1, 2, 3]
    assert torch.load(trained.run / "checkpoints/best.ckpt", weights_only=True)["best"]["epoch"] == 1


def test_learning_rate_is_found_where_the_ini_states_none(digit_files: Path, tmp_path: Path):
    trained = train(tmp_path, digit_files, "training.scheme.learning_rate=none")
    found = [text for text in messages(trained) if text.startswith("Using learning rate: ")]
    assert 1e-7 < float(found[0].removeprefix("Using learning rate: ")) < 10
    with Image.open(tmp_path / "project/find_lr_plot.png") as plot:
        assert plot.size == (720, 480)


def test_finder_leaves_the_tasks_weights_bit_identical(digit_files: Path, tmp_path: Path):
    task = ClassificationModel(tiny_config(tmp_path, digit_files))
    before = {name: value.clone() for name, value in task.model.state_dict().items()}
    assert find_best_learning_rate(task) > 0
    assert all(torch.equal(value, before[name]) for name, value in task.model.state_dict().items())
    assert (tmp_path / "project/find_lr_plot.png").is_file()


# Going on from weights


def test_weights_to_go_on_from_that_are_not_there_yet_mean_from_scratch(digit_files: Path, tmp_path: Path):
    trained = train(tmp_path, digit_files, f"training.scheme.resume_training_from={tmp_path}/none.pth")
    assert "Training from scratch!" in messages(trained)


def test_weights_to_go_on_from_are_loaded(trained: Trained, digit_files: Path, tmp_path: Path):
    weights = trained.result.weights
    keys = [f"training.scheme.resume_training_from={weights}", "training.scheme.epochs=0"]
    resumed = train(tmp_path, digit_files, *keys)
    assert f"Resuming from {weights}" in messages(resumed)
    found, expected = (torch.load(path, weights_only=True) for path in (resumed.result.weights, weights))
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_weights_of_another_architecture_are_a_clear_error(trained: Trained, digit_files: Path, tmp_path: Path):
    wider = "architecture.backbone.args.channels=[16, 16, 32, 64]"
    match = rf"{trained.result.weights}: these weights do not fit the model: .*size mismatch"
    with pytest.raises(MissingError, match=match) as caught:
        train(tmp_path, digit_files, wider, f"training.scheme.resume_training_from={trained.result.weights}")
    assert caught.value.exit_code == 6 and status(last_run(tmp_path)) == "failed"
    assert not (tmp_path / "project/models/model.pth").exists()


# Failures


def test_loss_that_is_no_number_ends_the_run_with_the_reason(digit_files: Path, tmp_path: Path):
    with pytest.raises(
        TrainingError, match=r"the loss became (nan|inf) in epoch 1, step \d+\n.*learning rate"
    ) as caught:
        train(tmp_path, digit_files, "training.scheme.learning_rate=1e30", "training.scheme.epochs=3")
    run = last_run(tmp_path)
    assert (
        caught.value.exit_code == 4 and status(run) == "failed" and "the loss became" in (run / "log.txt").read_text()
    )
    assert not (tmp_path / "project/models/model.pth").exists()


@pytest.mark.usefixtures("lossy_export")
def test_export_beyond_the_limit_is_refused_and_the_bundle_stays(digit_files: Path, tmp_path: Path):
    with pytest.raises(GateError, match=r"the export differs .* \(allowed: .* = 0.001\)") as caught:
        train(tmp_path, digit_files, "export.formats=onnx", "export.max_difference=1e-3")
    run = last_run(tmp_path)
    assert caught.value.exit_code == 5 and status(run) == "failed"
    assert not list((run / "exports/onnx").iterdir())
    assert load_bundle(run / "bundle").labels == ["0", "1", "2"]
    report = json.loads((run / "report.json").read_text())
    assert report["run"]["status"] == "failed" and "the export differs" in report["model"]["export"]["error"]
    assert '<failure message="' in (run / "junit.xml").read_text()


def test_output_path_that_cannot_be_is_refused_before_training(digit_files: Path, tmp_path: Path):
    (tmp_path / "file").write_text("")
    match = rf"output_path: '{tmp_path}' is a folder \(allowed: a file\)\n  for example: {tmp_path}/model.pth"
    with pytest.raises(UsageError, match=match):
        train(tmp_path, digit_files, f"training.scheme.output_path={tmp_path}")
    with pytest.raises(UsageError, match=rf"output_path: the folder of '{tmp_path}/file/model.pth' cannot be made: "):
        train(tmp_path, digit_files, f"training.scheme.output_path={tmp_path}/file/model.pth")
    assert not (tmp_path / "project").exists()


def full_disk_from_epoch(number: int, size: int) -> Listener:
    """Return a listener that lets files grow no further than this once the epoch is done, as a full disk would."""

    def listen(event: Progress) -> None:
        if event.epoch_ended and event.done == number:
            limits = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))

    return listen


@pytest.fixture
def disk_afterwards():
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("disk_afterwards")
def test_disk_that_fills_up_keeps_the_last_good_checkpoint(digit_files: Path, tmp_path: Path):
    # A checkpoint has 2.4 MB; from the second epoch on 1 MB is the most.
    with pytest.raises(TrainingError, match=r"checkpoints: cannot write last.ckpt: .*\n  free some space") as caught:
        train(tmp_path, digit_files, "training.scheme.epochs=3", listener=full_disk_from_epoch(2, 1_000_000))
    run = last_run(tmp_path)
    assert caught.value.exit_code == 4 and status(run) == "failed"
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]
    for name in ("last.ckpt", "best.ckpt"):
        state = torch.load(run / "checkpoints" / name, weights_only=True)
        assert state["runner"]["epoch"] == 1
        assert all(value.isfinite().all() for value in state["model"].values())


@pytest.mark.usefixtures("disk_afterwards")
@pytest.mark.parametrize(("size", "name"), [(500_000, "weights.safetensors"), (850_000, "model.onnx")])
def test_disk_that_is_full_at_the_end_says_so(digit_files: Path, tmp_path: Path, size: int, name: str):
    # Without epochs nothing is larger than the weights (0.78 MB) and the export (0.89 MB).
    def listen(event: Progress) -> None:
        if event.message.startswith("Using learning rate"):
            limits = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))

    # The library that writes the weights keeps the system's reason to itself.
    match = r"cannot write .*: (File too large|not all of it; is the disk full\?)\n  free some space"
    with pytest.raises(TrainingError, match=match) as caught:
        train(tmp_path, digit_files, "training.scheme.epochs=0", "export.formats=onnx", listener=listen)
    assert caught.value.exit_code == 4 and name.removesuffix(".onnx") in str(caught.value)
    assert status(last_run(tmp_path)) == "failed"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_in_the_first_epoch_saves_what_there_is(digit_files: Path, tmp_path: Path, number: int):
    def listen(event: Progress) -> None:
        if event.stage == "train" and 0 < event.done < 1:
            os.kill(os.getpid(), number)

    match = r"last.ckpt: training was stopped after 0 of 5 epochs; the state is saved"
    with pytest.raises(Interrupted, match=match) as caught:
        train(tmp_path, digit_files, "training.scheme.epochs=5", listener=listen)
    run = last_run(tmp_path)
    assert caught.value.exit_code == 130 and status(run) == "interrupted"
    state = torch.load(run / "checkpoints/last.ckpt", weights_only=True)
    assert state["runner"]["epoch"] == 0 and state["best"]["epoch"] == 0
    assert not (run / "checkpoints/best.ckpt").exists() and not (tmp_path / "project/models/model.pth").exists()


def test_interrupt_outside_the_loop_is_recorded(digit_files: Path, tmp_path: Path):
    def listen(event: Progress) -> None:
        if event.stage == "export":
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=r"interrupted; what the last checkpoint holds is kept\n  go on: .* --resume"):
        train(tmp_path, digit_files, "export.formats=onnx", listener=listen)
    assert status(last_run(tmp_path)) == "interrupted"


def test_metrics_are_finite_numbers(trained: Trained):
    assert all(math.isfinite(value) for value in trained.result.metrics.values())
