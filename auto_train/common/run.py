"""One training from an opened run folder to the finished bundle: what every recipe's train_model does."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loguru import logger

from auto_train.common.earlier_splits import read_splits
from auto_train.common.evaluation import evaluate_run
from auto_train.common.learning_rate import find_rate
from auto_train.common.next_step import add_next_step
from auto_train.common.optimize import check_optimisation, plan_stages
from auto_train.common.read_data import save_failed_examination
from auto_train.common.replan import FirstStep, keep_precision, plan_of, replan, replans
from auto_train.common.resume import Resume
from auto_train.common.standard_args import target_of
from auto_train.common.strict import check_strict, make_deterministic
from auto_train.common.task import Task
from auto_train.common.write_bundle import write_bundle
from auto_train.common.write_outputs import check_output_path, save_weights, write_export
from auto_train.config import Config
from auto_train.data import write_manifest
from auto_train.data.doctor import write_data_report
from auto_train.errors import GateError, Interrupted
from auto_train.files import write_atomically, write_folder
from auto_train.memory import trim
from auto_train.models.state_dict import load_torch_model_weights_to
from auto_train.reports import write_report
from auto_train.runs.changes import flat, table
from auto_train.runs.find import find_run
from auto_train.runs.folder import RunFolder, SilentFolder, TrainResult, all_warnings, environment
from auto_train.runs.read import METRICS
from auto_train.training.checkpoints.checkpoint import Checkpointer
from auto_train.training.early_stop import EarlyStop
from auto_train.training.epoch_log import EpochLog
from auto_train.training.learner import Learner
from auto_train.training.loggers import open_loggers
from auto_train.training.loggers.feed import Feed
from auto_train.training.stopping import StopOnNaN, StopOnRequest
from auto_train.training.time_budget.budget import Budget
from auto_train.training.workers.distributed import (
    barrier,
    explain_lost_worker,
    is_main,
    leave,
    on_main,
    process_group,
    world_size,
)
from auto_train.types import Listener, Progress, to_absolute

if TYPE_CHECKING:
    from auto_train.models.inference import InferenceModel


@dataclass(kw_only=True)
class TrainingRun:
    """A training under way.

    Attributes:
        config: what is trained.
        folder: where it is recorded.
        listener: told about progress.
        resume: what it goes on from; none: it is a new one.
        feed: takes the metrics to the loggers of the config.
    """

    config: Config
    folder: RunFolder
    feed: Feed
    listener: Listener | None = None
    resume: Resume | None = None
    started: float = field(default_factory=time.perf_counter)
    train_seconds: float = 0.0

    def say(self, message: str) -> None:
        """Put a sentence into the log and before the user."""
        logger.info(message)
        if self.listener:
            self.listener(Progress(stage="train", message=message))

    def open(self) -> None:
        """Write the config of a new run, and tell where it is recorded."""
        if self.listener:
            self.listener(Progress(stage="start", run=self.folder.path))
        if self.resume or not is_main():
            return
        config, folder = self.config, self.folder
        write_atomically(folder.path / "config.ini", config.to_ini().encode())
        keys = config.keys()
        overrides = {key: config[key] for key in keys if config.origin(key).kind == "override"}
        folder.write_json("overrides.json", overrides)

    def begin(self, task: Task) -> None:
        """Record what the task is made of, and load the weights to go on from, if there are any.

        Raises:
            DataError: the run has other data than before. UsageError: strict, and the data comes from a function.
        """
        check_strict(self.config, task)
        for warning in [*map(str, self.config.warnings), *task.warnings]:
            logger.warning(warning)
        if self.resume:
            self._go_on(self.resume, task)
        if is_main():
            self._record(task)
        if not self.state:
            self._start(task)

    def _record(self, task: Task) -> None:
        write_manifest(task.samples, self.folder.path / "manifest.csv")
        write_data_report(task.examination, self.folder.path)
        counts = task.samples.table["split"].value_counts().to_dict()
        facts = {"device": str(task.device), "workers": world_size(), "data": task.source.origin}
        self.folder.write_json("env.json", environment(facts))
        source = {"source": task.source.origin, "warning": task.source.warning}
        self.folder.event("data", splits=counts, classes=len(task.labels), **source)
        precision = task.learn.precision
        self.folder.event("precision", chosen=precision.describe(), images_per_s=precision.images_per_s)
        for note in task.samples.notes:
            self.say(f"{note[0].upper()}{note[1:]}")
        images = ", ".join(f"{count:,} {split}" for split, count in counts.items())
        workers = f"{world_size()} workers; " if world_size() > 1 else ""
        labels = f"{len(task.labels)} {task.inference.label_noun}"
        self.say(f"{images} images of {labels}; {workers}{precision.describe()}; run {self.folder.path}")

    @property
    def state(self) -> Mapping[str, Any] | None:
        """The checkpoint to go on from."""
        return self.resume.state if self.resume else None

    @property
    def earlier(self) -> dict[str, str] | None:
        """The splits by sha256 of the run that is resumed; None for a new one, and for one without a manifest yet."""
        file = self.folder.path / "manifest.csv"
        return read_splits(file) if self.resume and file.is_file() else None

    def _start(self, task: Task) -> None:
        self.say(f"The backbone starts from {task.weights_name or 'random weights'}")
        weights = self.config.training.scheme.resume_training_from
        if weights and Path(weights).expanduser().is_file():
            load_torch_model_weights_to(task.model, weights, task.device)
            self.say(f"Resuming from {weights}")
        else:
            self.say("Training from scratch!")

    def _go_on(self, resume: Resume, task: Task) -> None:
        """Bring the run's files to where it goes on, after the last reason not to, and tell what has changed."""
        if is_main():
            self._commit(resume, task)
        if resume.state:
            keep_precision(resume, task.learn)

    def _commit(self, resume: Resume, task: Task) -> None:
        resume.check_data(task.samples)
        resume.check_weights(task.model)
        resume.commit()
        for warning in resume.warnings:
            logger.warning(warning)
        self.say(resume.summary)
        for line in table(resume.changes):
            self.say(line)

    def fine_tune(self, task: Task) -> None:
        """Train the head alone, then everything; the model ends with the best epoch's weights.

        Raises:
            Interrupted: a signal asked to stop; the state is in ``last.ckpt``.
        """
        scheme, learn = self.config.training.scheme, task.learn
        rate = self._rate(task)
        self.say(f"Using learning rate: {rate:.3g}")
        learn.plan = plan_of(self.config, learn, rate)
        stages = plan_stages(self.config, rate, is_pretrained=task.is_pretrained)
        target = target_of(self.config)
        minutes = self.config.training.checkpoint_minutes
        checkpoints = Checkpointer(self.folder.checkpoints, target=target, minutes=minutes)
        stop = StopOnRequest()
        callbacks = [StopOnNaN(), stop]
        if is_main():
            callbacks += [EpochLog(self.folder, self.listener, self.feed), checkpoints]
        if self.config.training.minutes is not None:
            callbacks.append(self._budget(task))
        if scheme.early_stop:
            callbacks.append(EarlyStop(scheme.early_stop, target=target, ends_stage=True))
        start = None
        if self.resume and self.state:
            stages, start = replan(self.resume, learn, stages)
            if replans(self.resume):
                callbacks.append(FirstStep(self._tell_schedule))
        trim()  # what reading and checking the data, and building its store, have left free
        begun = time.perf_counter()
        with learn.added_cbs(callbacks), stop.listening():
            learn.fit_stages(stages, start=start)
            self.train_seconds = time.perf_counter() - begun
            epochs = sum(stage.epochs for stage in learn.stages)
            if stop.requested.is_set() or learn.end_reason == "interrupt":  # the latter: another worker was asked to
                raise Interrupted(
                    f"training was stopped after {learn.epochs_done} of {epochs} epochs; the state is saved",
                    where=str(self.folder.checkpoints / "last.ckpt"),
                )
            leave()
            learn.forget_training()
            checkpoints.load_best()
        if self.state and learn.steps_done == self.state["runner"]["step"]:
            self.say("No epoch is left to train")
        self._say_best(learn, checkpoints)

    def _say_best(self, learn: Learner, checkpoints: Checkpointer) -> None:
        if checkpoints.best_epoch:
            self.say(f"Best epoch: {checkpoints.best_epoch} of {learn.epochs_done}")
        elif is_main() and checkpoints.lacks_number(learn.errors):
            self.say(f"No epoch is the best: {checkpoints.target} was NaN in each; the last epoch's weights are used")

    def _budget(self, task: Task) -> Budget:
        """Return what ends the training in time; finish() passes over valid and test, and has the report to make."""
        sizes = [len(task.samples.of(split)) for split in ("valid", "test")]
        return Budget(
            self.config.training.minutes,
            self.say,
            clock=time.perf_counter,
            started=self.started,
            evaluations=2 + sizes[1] / max(sizes[0], 1),
        )

    def _tell_schedule(self, learn: Learner) -> None:
        """Say how the schedule goes on with what has changed; called after the first step."""
        assert self.state and learn.stage
        before = self.state["optimizer"]["param_groups"][-1]["lr"]
        now = learn.opt.opt.param_groups[-1]["lr"]
        name, epochs = self.config.training.scheme.scheduler, learn.stage.epochs
        self.say(
            f"The schedule is planned anew: {name} over {epochs} epochs goes on in its epoch {learn.epoch + 1} "
            f"with learning rate {now:.2g}; it was {before:.2g}"
        )
        self.folder.event("schedule", name=name, epochs=epochs, epoch=learn.epoch + 1, learning_rate=now, before=before)

    def _rate(self, task: Task) -> float:
        """Return the learning rate: the config's, the one this run has found before, or the LR finder's."""
        stated = self.config.training.scheme.learning_rate
        known = self.state["plan"].get("learning_rate") if self.state else None
        return stated or known or on_main(lambda: find_rate(task, self.folder, self.say))

    def finish(self, task: Task) -> TrainResult:
        """Evaluate, write weights, bundle and exports, and say where they are; of several workers only the first."""
        if not is_main():
            return self._result(task, {})
        if self.listener:
            self.listener(Progress(stage="evaluate"))
        # The model itself, no copy of it: nothing is trained after this.
        inference = task.inference.finish()
        metrics = evaluate_run(task, inference, self.folder)
        self.feed.final = metrics
        with write_folder(self.folder.bundle) as part:
            write_bundle(part, task, inference, metrics)
        # The gate first: a model whose export was refused does not replace the one that is served.
        self._export(task, inference)
        save_weights(self.folder, task)
        self.folder.append(METRICS, {"final": True, **metrics, "data": task.source.origin})
        return self._result(task, metrics, report=write_report(self.folder.path))

    def _export(self, task: Task, inference: "InferenceModel") -> None:
        if self.listener and self.config.export.formats:
            self.listener(Progress(stage="export"))
        try:
            for format in self.config.export.formats:
                write_export(self.folder, task, inference, format)
        except GateError:
            write_report(self.folder.path)
            raise

    def _result(self, task: Task, metrics: dict[str, float], report: Path | None = None) -> TrainResult:
        return TrainResult(
            run=self.folder.path,
            bundle=self.folder.bundle,
            weights=to_absolute(self.config.training.scheme.output_path),
            metrics=metrics,
            report=report,
            seconds=time.perf_counter() - self.started,
            train_seconds=self.train_seconds,
            warnings=all_warnings([str(warning) for warning in self.config.warnings], task.warnings),
        )


@contextmanager
def training_run(
    config: Config,
    listener: Listener | None = None,
    resume: Path | str | None = None,
    *,
    offline: bool = False,
) -> Iterator[TrainingRun]:
    """Open a run folder with the resolved config in it and keep its STATUS until the block ends.

    Where this process is one of several workers, it joins them; only the first one writes into the folder.

    Args:
        resume: a run to go on with: its folder, or a checkpoint in it; none: a new one.
        offline: touch no network.

    Raises:
        UsageError: the run folder or the one of output_path cannot be made; the run is being trained, is finished, or
            cannot go on with this config; a logger cannot start. MissingError: the library of one is not installed.
            CheckpointError: the run's checkpoint cannot be used.
    """
    feed = open_loggers(config.training.loggers or () if is_main() else (), offline=offline)
    check_output_path(to_absolute(config.training.scheme.output_path))
    check_optimisation(config)
    found = find_run(resume) if resume else None
    with process_group(), make_deterministic(config.training.reproducible == "strict"):
        path = found.folder.path if found else on_main(lambda: RunFolder.create(Path(config.project.location)).path)
        folder = RunFolder(path) if is_main() else SilentFolder(path)
        with folder.hold():
            resumed = Resume.of(replace(found, folder=folder), config) if found else None
            barrier()  # the first worker changes what the others have just read
            run = TrainingRun(
                config=config, folder=folder, feed=feed, listener=listener if is_main() else None, resume=resumed
            )
            with folder.recording(resumed=bool(found)), add_next_step(folder), explain_lost_worker():
                run.open()
                recorded = feed.recording(folder.path, config.project.name, flat(config))
                with (
                    save_failed_examination(None if found or config.training.limit_batches else path),
                    recorded as places,
                ):
                    for name, place in places.items():
                        run.say(f"Metrics go to {name} too: {place}")
                    yield run
