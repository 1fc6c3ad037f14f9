import hashlib
import json
import math
import shutil
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from auto_train.classification.train import train_model
from auto_train.common.read_data import fetch_data, read_data
from auto_train.common.resume import Resume
from auto_train.config import load_config
from auto_train.errors import CheckpointError, DataError, Interrupted, TrainingError, UsageError
from auto_train.runs.find import find_run
from auto_train.runs.folder import RunFolder, TrainResult
from auto_train.types import Progress
from tests.sharing import put_back
from tests.tiny import tiny_config

Listener = Callable[[Progress], None]


@pytest.fixture(scope="module")
def trained(digit_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of a project with one finished run of two epochs; it was trained in the folder beside it."""
    folder = tmp_path_factory.mktemp("resume") / "here"
    train_model(tiny_config(folder, digit_files, "training.scheme.epochs=2", "training.scheme.monitor=loss"))
    return folder.rename(folder.with_name("kept"))


@pytest.fixture
def project(trained: Path) -> Iterator[Path]:
    """Return that project, where it was trained."""
    folder = trained.with_name("here")
    with put_back(trained, folder):
        yield folder


def run_of(project: Path) -> Path:
    return (project / "project/runs/latest").resolve()


def resume(project: Path, *overrides: str, checkpoint: str = "", listener: Listener | None = None) -> list[str]:
    """Go on with the run, and return what was told."""
    told: list[str] = []

    def listen(event: Progress) -> None:
        if event.message:
            told.append(event.message)
        if listener:
            listener(event)

    run = run_of(project)
    train_model(load_config(run / "config.ini", list(overrides)), resume=run / checkpoint, progress=listen)
    return told


def end(project: Path, status: str) -> None:
    (run_of(project) / "STATUS").write_text(f"{status}\n")


def rows(project: Path, name: str = "metrics.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run_of(project) / name).read_text().splitlines()]


def epochs(project: Path) -> list[int | None]:
    return [row.get("epoch") for row in rows(project)]


def content(project: Path) -> dict[str, str]:
    files = [path for path in project.rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def changed_files(project: Path, before: dict[str, str]) -> list[str]:
    after = content(run_of(project))
    assert after.keys() >= before.keys()
    return [path for path in after if after[path] != before.get(path) and Path(path).name != ".lock"]


def weights(project: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = torch.load(project / "project/models/model.pth", weights_only=True)
    return found


# Going on


def test_run_with_more_epochs_trains_on_in_its_folder(project: Path):
    told = resume(project, "training.scheme.epochs=4", "training.scheme.label_smoothing=0.1")
    run = run_of(project)
    assert epochs(project) == [1, 2, 3, 4, None]
    assert (run / "STATUS").read_text() == "done\n"
    assert len([path for path in run.parent.iterdir() if not path.is_symlink()]) == 1
    assert told[:3] == [
        f"Resuming {run}: 2 epochs done; the best so far is epoch {told[0].rsplit(' ', 1)[1]}",
        "  training.scheme.epochs             2 → 4    re-plans the schedule",
        "  training.scheme.label_smoothing  0.0 → 0.1  safe",
    ]
    state = torch.load(run / "checkpoints/last.ckpt", weights_only=True)
    assert state["runner"]["epoch"] == 4 and state["plan"]["config"]["training.scheme.epochs"] == 4


def test_changed_config_is_kept_with_the_one_before(project: Path):
    run = run_of(project)
    before = (run / "config.ini").read_text()
    resume(project, "training.scheme.epochs=3")
    resume(project, "serve.port=1234")
    assert (run / "config.1.ini").read_text() == before
    assert load_config(run / "config.2.ini").training.scheme.epochs == 3
    now = load_config(run / "config.ini")
    assert (now.training.scheme.epochs, now.serve.port) == (3, 1234)
    assert json.loads((run / "overrides.json").read_text()) == {
        "training.scheme.epochs": 3, "training.scheme.monitor": "loss", "serve.port": 1234,
    }  # fmt: skip


def test_changes_and_place_are_in_the_events(project: Path):
    resume(project, "training.scheme.epochs=3")
    (event,) = [row for row in rows(project, "events.jsonl") if row["event"] == "resume"]
    assert (event["checkpoint"], event["epoch"], event["iter"]) == ("last.ckpt", 2, 0)
    assert event["changes"] == [
        {"key": "training.scheme.epochs", "before": "2", "after": "3", "effect": "re-plans the schedule"}
    ]
    (schedule,) = [row for row in rows(project, "events.jsonl") if row["event"] == "schedule"]
    assert (schedule["name"], schedule["epochs"], schedule["epoch"]) == ("one_cycle", 3, 3)
    # Two of three epochs done: the cosine down from 3e-3 is (2/3 - 0.3) / 0.7 of its way.
    assert schedule["learning_rate"] == pytest.approx(
        3e-3 * (1 + math.cos(math.pi * (2 / 3 - 0.3) / 0.7)) / 2, rel=1e-3
    )
    assert schedule["before"] < schedule["learning_rate"]


def test_bundle_and_weights_are_those_of_the_longer_training(project: Path):
    before, bundle = weights(project), run_of(project) / "bundle"
    facts = (bundle / "facts.json").read_text()
    resume(project, "training.scheme.epochs=12", "training.scheme.learning_rate=1e-2")
    assert any(not torch.equal(value, before[name]) for name, value in weights(project).items())
    assert (bundle / "facts.json").read_text() != facts
    assert not list(run_of(project).glob(".*.part"))


def test_run_killed_before_its_first_checkpoint_starts_over(project: Path):
    before = weights(project)
    for path in (run_of(project) / "checkpoints").iterdir():
        path.unlink()
    end(project, "running")
    told = resume(project)
    assert told[0] == f"Starting {run_of(project)} over: it was ended before its first checkpoint"
    assert "Training from scratch!" in told and epochs(project) == [1, 2, None]
    assert all(torch.equal(value, before[name]) for name, value in weights(project).items())


def test_run_killed_after_its_epochs_goes_straight_to_the_end(project: Path):
    before = weights(project)
    shutil.rmtree(run_of(project) / "bundle")
    end(project, "running")
    lines = (run_of(project) / "metrics.jsonl").read_text().splitlines(keepends=True)
    (run_of(project) / "metrics.jsonl").write_text("".join(lines[:2]) + '{"final": tr')
    told = resume(project)
    assert "No epoch is left to train" in told and epochs(project) == [1, 2, None]
    assert (run_of(project) / "bundle/model/config.json").is_file()
    assert all(torch.equal(value, before[name]) for name, value in weights(project).items())


def test_run_whose_length_is_what_it_has_done_is_finished_now(project: Path):
    end(project, "interrupted")
    told = resume(project, "training.scheme.epochs=1")
    assert "No epoch is left to train" in told and epochs(project) == [1, 2, None]


def test_run_goes_on_from_its_best_checkpoint(project: Path):
    run = run_of(project)
    best = run / "checkpoints/best.ckpt"
    epoch = torch.load(best, weights_only=True)["runner"]["epoch"]
    told = resume(project, "training.scheme.epochs=4", checkpoint="checkpoints/best.ckpt")
    done = "1 epoch" if epoch == 1 else f"{epoch} epochs"
    assert told[0] == f"Resuming {run} from best.ckpt: {done} done; the best so far is epoch {epoch}"
    assert epochs(project) == [1, 2, 3, 4, None]


def test_checkpoint_to_go_on_from_is_the_last_one_from_then_on(project: Path):
    run = run_of(project)
    earlier = run / "checkpoints/earlier.ckpt"
    shutil.copy(run / "checkpoints/last.ckpt", earlier)
    resume(project, "training.scheme.epochs=4")

    def interrupt(event: Progress) -> None:
        if event.message.startswith("Using learning rate"):
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        resume(project, checkpoint="checkpoints/earlier.ckpt", listener=interrupt)
    assert (run / "checkpoints/last.ckpt").samefile(earlier) and epochs(project) == [1, 2]
    assert resume(project)[0].startswith(f"Resuming {run}: 2 epochs done")


def test_best_checkpoint_that_a_kill_has_left_behind_is_made_up_for(project: Path):
    run = run_of(project)
    last = torch.load(run / "checkpoints/last.ckpt", weights_only=True)
    last["runner"]["best_epoch"] = last["best"]["epoch"] = 2
    torch.save(last, run / "checkpoints/last.ckpt")
    (run / "checkpoints/best.ckpt").unlink()
    end(project, "running")
    resume(project)
    assert (run / "checkpoints/best.ckpt").samefile(run / "checkpoints/last.ckpt")


def test_changes_since_the_checkpoint_are_told_again_after_a_kill(project: Path):
    # Killed after the new config was written and before a checkpoint was made with it.
    config = run_of(project) / "config.ini"
    config.write_text(config.read_text().replace("epochs = 2\n", "epochs = 3\n", 1))
    end(project, "running")
    told = resume(project)
    assert told[1] == "  training.scheme.epochs  2 → 3  re-plans the schedule"
    assert any(text.startswith("The schedule is planned anew") for text in told)
    assert not list(run_of(project).glob("config.*.ini"))


def test_loss_that_is_no_number_keeps_the_epochs_before_and_goes_on_with_a_lower_rate(project: Path):
    run = run_of(project)
    match = (
        rf"the loss became (nan|inf) in epoch 3, step \d+\n(.*\n)*  then go on: python main.py train --resume {run} "
    )
    with pytest.raises(TrainingError, match=match) as caught:
        resume(project, "training.scheme.epochs=4", "training.scheme.learning_rate=1e30")
    assert caught.value.exit_code == 4 and (run / "STATUS").read_text() == "failed\n" and epochs(project) == [1, 2]
    resume(project, "training.scheme.learning_rate=1e-3")
    assert epochs(project) == [1, 2, 3, 4, None] and (run / "STATUS").read_text() == "done\n"
    assert all(value.isfinite().all() for value in weights(project).values())


# What is refused touches nothing


def test_finished_run_without_changes_is_refused(project: Path):
    before = content(run_of(project))
    with pytest.raises(UsageError, match=r"this run is finished: 2 epochs are done\n.*--resume .* training.scheme.epo"):
        resume(project)
    assert content(run_of(project)) == before | {
        str(run_of(project) / ".lock"): content(run_of(project))[str(run_of(project) / ".lock")]
    }


def test_changes_that_a_run_cannot_take_touch_nothing(project: Path):
    before = content(run_of(project))
    with pytest.raises(UsageError, match="2 of 3 changes are not for a run that goes on") as caught:
        resume(project, "architecture.image_size=64", "training.seed=3", "training.scheme.epochs=9")
    assert "architecture.image_size" in str(caught.value) and "training.seed" in str(caught.value)
    assert changed_files(project, before) == []


def test_run_that_is_being_trained_is_refused(project: Path):
    with RunFolder.open(run_of(project)).hold(), pytest.raises(UsageError, match="this run is being trained by"):
        resume(project, "training.scheme.epochs=9")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: (data / "0/000.png").unlink(), "1 image gone"),
        (lambda data: shutil.copy(data / "0/000.png", data / "0/copy.png"), "1 image new"),
        (lambda data: Image.new("L", (28, 28)).save(data / "0/000.png"), "1 image with other content"),
        (lambda data: (data / "0/001.png").rename(data / "1/001b.png"), "1 image gone, 1 image new"),
    ],
)
def test_run_whose_data_has_changed_is_refused_with_counts(
    project: Path, digit_files: Path, tmp_path: Path, change: Callable[[Path], Any], message: str
):
    data = shutil.copytree(digit_files, tmp_path / "data")
    change(data)
    before = (run_of(project) / "config.ini").read_text()
    match = (
        rf"manifest.csv: the data is not what this run was trained on: {message}\n.*resume_training_from=.*best.ckpt"
    )
    with pytest.raises(DataError, match=match) as caught:
        resume(project, "training.scheme.epochs=9", f"training.dir={data}")
    assert caught.value.exit_code == 3
    assert (run_of(project) / "STATUS").read_text() == "done\n"
    assert (run_of(project) / "config.ini").read_text() == before and epochs(project) == [1, 2, None]


def test_data_that_was_moved_is_the_same_data(project: Path, digit_files: Path, tmp_path: Path):
    data = shutil.copytree(digit_files, tmp_path / "moved")
    resume(project, "training.scheme.epochs=3", f"training.dir={data}")
    assert epochs(project) == [1, 2, 3, None]


def test_row_with_another_label_or_split_is_counted(project: Path):
    manifest = run_of(project) / "manifest.csv"
    whole = manifest.read_text()
    lines = whole.splitlines(keepends=True)
    changed = [line.replace(",train,0,", ",train,9,") if number == 1 else line for number, line in enumerate(lines)]
    assert changed != lines
    manifest.write_text("".join(changed))
    with pytest.raises(DataError, match="trained on: 1 image with another label\n"):
        resume(project, "training.scheme.epochs=3")
    manifest.write_text("".join([lines[0], *reversed(lines[1:])]))
    with pytest.raises(DataError, match="the same images in another order"):
        resume(project, "training.scheme.epochs=3")
    manifest.write_text(whole)
    config = load_config(run_of(project) / "config.ini", ["training.scheme.epochs=3"])
    resumed, samples = Resume.of(find_run(run_of(project)), config), read_data(config, fetch_data(config)).samples
    resumed.check_data(samples)
    splits = samples.table["split"].tolist()
    with pytest.raises(DataError, match="trained on: 1 image in another split\n"):
        resumed.check_data(samples.with_column("split", ["valid" if splits[0] == "train" else "train", *splits[1:]]))


def test_resumed_run_keeps_the_splits_it_has_drawn(project: Path):
    manifest = run_of(project) / "manifest.csv"
    lines = manifest.read_text().splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if ",train," in line)
    lines[first] = lines[first].replace(",train,", ",valid,")  # as if drawn by another rule
    manifest.write_text("".join(lines))
    resume(project, "training.scheme.epochs=3")
    assert manifest.read_text() == "".join(lines)


# Checkpoints that cannot be used


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100_000])


def make_foreign(path: Path) -> None:
    torch.save({**torch.load(path, weights_only=True), "model": {"layer.weight": torch.zeros(2)}}, path)


def make_newer(path: Path) -> None:
    torch.save({**torch.load(path, weights_only=True), "format": 99}, path)


def make_weights(path: Path) -> None:
    torch.save(torch.load(path, weights_only=True)["model"], path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (damage, "this checkpoint is damaged"),
        (cut, "this checkpoint is damaged"),
        (make_foreign, "its weights are of another model"),
        (make_newer, r"a newer version of this program wrote this checkpoint \(format 99\)"),
        (make_weights, "this is no checkpoint of a training"),
    ],
    ids=["damaged", "cut", "foreign", "newer", "weights"],
)
def test_checkpoint_that_cannot_be_used_touches_nothing_and_another_one_goes_on(
    project: Path, change: Callable[[Path], None], message: str
):
    checkpoints = run_of(project) / "checkpoints"
    last, best = checkpoints / "last.ckpt", checkpoints / "best.ckpt"
    content_of_last = last.read_bytes()
    last.unlink()  # best.ckpt may be a link to it
    last.write_bytes(content_of_last)
    change(last)
    files = list(checkpoints.iterdir())
    before = [path.read_bytes() for path in files]
    with pytest.raises(CheckpointError, match=f"{last}: {message}") as caught:
        resume(project, "training.scheme.epochs=3")
    assert caught.value.exit_code == 6 and caught.value.hint
    assert [path.read_bytes() for path in files] == before and (run_of(project) / "STATUS").read_text() == "done\n"
    epoch = torch.load(best, weights_only=True)["runner"]["epoch"]
    resume(project, "training.scheme.epochs=3", checkpoint="checkpoints/best.ckpt")
    assert 1 <= epoch <= 2 and epochs(project) == [1, 2, 3, None]


# Warnings


def test_relative_paths_in_another_working_directory_are_warned_of(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    config = run_of(project) / "config.ini"
    config.write_text(config.read_text().replace(f"location = {project}/project\n", "location = project\n"))
    here = Path.cwd()
    resume(project, "training.scheme.epochs=3")
    assert "WARNING" not in (run_of(project) / "log.txt").read_text()
    monkeypatch.chdir(tmp_path)
    resume(project, "training.scheme.epochs=4")
    warning = f"WARNING relative paths start at {tmp_path} now, not at {here}: project.location\n"
    assert warning in (run_of(project) / "log.txt").read_text()


def test_strict_run_that_goes_on_elsewhere_is_warned_of(digit_files: Path, tmp_path: Path):
    run = train_model(tiny_config(tmp_path, digit_files, "training.reproducible=strict")).run
    config = load_config(run / "config.ini", ["training.scheme.epochs=2"])
    assert Resume.of(find_run(run), config).warnings == []
    facts = json.loads((run / "env.json").read_text())
    facts["libraries"]["torch"] = "1.0"
    (run / "env.json").write_text(json.dumps(facts))
    (warning,) = Resume.of(find_run(run), config).warnings
    assert warning.startswith("the weights will not be those of an uninterrupted run, bit for bit: ")
    assert warning.endswith(f": torch 1.0 → {version('torch')}")
    seeded = (run / "config.ini").read_text().replace("reproducible = strict", "reproducible = seeded")
    (run / "config.ini").write_text(seeded)
    config = load_config(run / "config.ini", ["training.scheme.epochs=2"])
    assert Resume.of(find_run(run), config).warnings == []


def test_result_of_a_resumed_run_is_that_of_the_run(project: Path):
    run = run_of(project)
    config = load_config(run / "config.ini", ["training.scheme.epochs=3"])
    result: TrainResult = train_model(config, resume=str(run))
    assert result.run == run and "valid/accuracy" in result.metrics
