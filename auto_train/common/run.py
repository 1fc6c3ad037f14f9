"""One training from an opened run folder to the finished bundle: what every recipe's train_model does."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock
from loguru import logger

from auto_train.bundle.filelist import sha256_of
from auto_train.common.base import Task
from auto_train.common.evaluation import evaluate_split, network_outputs, some_images
from auto_train.common.export import check_export, export_onnx
from auto_train.common.inference import InferenceModel
from auto_train.common.loaders import eval_loader
from auto_train.common.product import write_bundle
from auto_train.common.weights import load_torch_model_weights_to, save_torch_model_weights_from
from auto_train.config import Config
from auto_train.data import write_manifest
from auto_train.errors import Interrupted, UsageError
from auto_train.reports import write_report
from auto_train.training.checkpoint import Checkpointer
from auto_train.training.early_stop import EarlyStop
from auto_train.training.epoch_log import EpochLog
from auto_train.training.lr_finder import find_learning_rate
from auto_train.training.run_folder import (
    RunFolder,
    TrainResult,
    all_warnings,
    environment,
    replacing,
    write_atomically,
)
from auto_train.training.stages import fine_tune_stages
from auto_train.training.stopping import StopOnNaN, StopOnRequest
from auto_train.types import Listener, Progress, absolute

EXPORT_CHECK_IMAGES = 32
# Above this AdamW diverges on most networks; the finder suggests more only where it saw a batch or two.
MOST_RATE = 1e-2


@dataclass(kw_only=True)
class TrainingRun:
    """A training under way.

    Attributes:
        config: what is trained.
        folder: where it is recorded.
        listener: told about progress.
    """

    config: Config
    folder: RunFolder
    listener: Listener | None = None
    started: float = field(default_factory=time.perf_counter)
    train_seconds: float = 0.0

    def say(self, message: str) -> None:
        """Put a sentence into the log and before the user."""
        logger.info(message)
        if self.listener:
            self.listener(Progress(stage="train", message=message))

    def begin(self, task: Task) -> None:
        """Record what the task is made of, and load the weights to go on from, if there are any."""
        for warning in task.warnings:
            logger.warning(warning)
        write_manifest(task.samples, self.folder.path / "manifest.csv")
        counts = task.samples.table["split"].value_counts().to_dict()
        self.folder.write_json("env.json", environment({"device": str(task.device), "data": task.source.origin}))
        self.folder.event("data", splits=counts, classes=len(task.labels), source=task.source.origin)
        precision = task.learn.precision
        self.folder.event("precision", chosen=precision.describe(), images_per_s=precision.images_per_s)
        images = ", ".join(f"{count:,} {split}" for split, count in counts.items())
        self.say(f"{images} images of {len(task.labels)} classes; {precision.describe()}; run {self.folder.path}")
        self.say(f"The backbone starts from {task.weights_name or 'random weights'}")
        weights = self.config.training.scheme.resume_training_from
        if weights and Path(weights).expanduser().is_file():
            load_torch_model_weights_to(task.model, weights, task.device)
            self.say(f"Resuming from {weights}")
        else:
            self.say("Training from scratch!")

    def fine_tune(self, task: Task) -> None:
        """Train the head alone, then everything; the model ends with the best epoch's weights.

        Raises:
            Interrupted: a signal asked to stop; the state is in ``last.ckpt``.
        """
        scheme, learn = self.config.training.scheme, task.learn
        rate = scheme.learning_rate or self._found_rate(task)
        self.say(f"Using learning rate: {rate:.3g}")
        freeze_epochs = int(task.is_pretrained) if scheme.freeze_epochs is None else scheme.freeze_epochs
        stages = fine_tune_stages(
            scheme.epochs, rate, freeze_epochs=freeze_epochs, pretrained=task.is_pretrained, lr_mult=scheme.lr_mult
        )
        target = "ema_val_metric" if scheme.ema_decay is not None else "val_metric"
        minutes = self.config.training.checkpoint_minutes
        checkpoints = Checkpointer(self.folder.checkpoints, target=target, minutes=minutes)
        stop = StopOnRequest()
        epochs = sum(stage.epochs for stage in stages)
        callbacks = [EpochLog(self.folder, epochs, self.listener), checkpoints, StopOnNaN(), stop]
        if scheme.early_stop:
            callbacks.append(EarlyStop(scheme.early_stop, target=target, ends_stage=True))
        begun = time.perf_counter()
        with learn.added_cbs(callbacks), stop.listening():
            learn.fit_stages(stages)
            self.train_seconds = time.perf_counter() - begun
            if learn.end_reason == "interrupt":
                raise Interrupted(
                    f"training was stopped after {learn.epochs_done} of {epochs} epochs; the state is saved",
                    where=str(self.folder.checkpoints / "last.ckpt"),
                    hint="its weights are a start: training.scheme.resume_training_from=<that file>",
                )
            checkpoints.load_best()
        if checkpoints.best_epoch:
            self.say(f"Best epoch: {checkpoints.best_epoch} of {epochs}")

    def _found_rate(self, task: Task) -> float:
        """Return the LR finder's rate, no higher than AdamW bears, and keep its plot in the run folder."""
        found = find_best_learning_rate(task)
        shutil.copy(lr_plot(task.config), self.folder.path)
        if found > MOST_RATE:
            self.say(f"The LR finder suggests {found:.3g}, from too little data to be believed: {MOST_RATE} is taken")
        return min(found, MOST_RATE)

    def finish(self, task: Task) -> TrainResult:
        """Evaluate, write weights, bundle and exports, and say where they are."""
        inference = task.inference.with_network(task.model)
        task.calibrate(inference, *network_outputs(inference, eval_loader(task, task.samples.of("valid")), task.device))
        metrics: dict[str, float] = {}
        for split in ("valid", "test"):
            metrics |= evaluate_split(task, inference, split)
        write_bundle(self.folder, task, inference, metrics)
        # The gate first: a model whose export was refused does not replace the one that is served.
        self._export(task, inference)
        weights = self._save_weights(task)
        self.folder.append("metrics.jsonl", {"final": True, **metrics, "data": task.source.origin})
        report = write_report(self.folder.path)
        return TrainResult(
            run=self.folder.path,
            bundle=self.folder.bundle,
            weights=weights,
            metrics=metrics,
            report=report,
            seconds=time.perf_counter() - self.started,
            train_seconds=self.train_seconds,
            warnings=all_warnings([str(warning) for warning in self.config.warnings], task.warnings),
        )

    def _save_weights(self, task: Task) -> Path:
        """Write output_path and its record together, also when two trainings of a project end at once."""
        path = absolute(self.config.training.scheme.output_path)
        with FileLock(path.with_name(f".{path.name}.lock")):
            save_torch_model_weights_from(task.model, path)
            record = {"sha256": sha256_of(path), "run": str(self.folder.path), "bundle": str(self.folder.bundle)}
            write_atomically(Path(f"{path}.json"), (json.dumps(record, indent=2) + "\n").encode())
        return path

    def _export(self, task: Task, inference: InferenceModel) -> None:
        export = self.config.export
        if "onnx" not in export.formats:
            return
        if self.listener:
            self.listener(Progress(stage="export"))
        images = some_images(task.samples.of("valid"), EXPORT_CHECK_IMAGES)
        weights_sha256 = sha256_of(self.folder.bundle / "model" / inference.__weight__)
        # Only what has passed gets the name under which a server looks for it.
        with replacing(self.folder.path / "exports" / "onnx" / "model.onnx") as part:
            export_onnx(inference, part, weights_sha256=weights_sha256)
            worst = check_export(inference, part, images, limit=export.max_difference)
        self.folder.event("export", format="onnx", max_difference=worst, images=len(images))


@contextmanager
def training_run(config: Config, listener: Listener | None = None) -> Iterator[TrainingRun]:
    """Open a run folder with the resolved config in it and keep its STATUS until the block ends.

    Raises:
        UsageError: the run folder or the one of output_path cannot be made.
    """
    _check_output_path(absolute(config.training.scheme.output_path))
    folder = RunFolder.create(Path(config.project.location))
    with folder.recording():
        write_atomically(folder.path / "config.ini", config.to_ini().encode())
        keys = config.keys()
        overrides = {key: config[key] for key in keys if config.origin(key).kind == "override"}
        folder.write_json("overrides.json", overrides)
        yield TrainingRun(config=config, folder=folder, listener=listener)


def _check_output_path(path: Path) -> None:
    """Find out now, not after hours, that the weights can go nowhere."""
    where = "[training.scheme] output_path"
    if path.is_dir():
        raise UsageError(f"'{path}' is a folder", where=where, allowed="a file", hint=f"for example: {path}/model.pth")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"the folder of '{path}' cannot be made: {error.strerror}", where=where) from error


def find_best_learning_rate(task: Task) -> float:
    """Return the LR finder's rate; its plot goes to ``<project.location>/find_lr_plot.png`` (F2.9)."""
    learn = task.learn
    if task.is_pretrained:
        learn.freeze()
    return find_learning_rate(learn, lr_plot(task.config))


def lr_plot(config: Config) -> Path:
    """Return where the LR finder draws its curve."""
    return absolute(config.project.location) / "find_lr_plot.png"
