"""Fit: one training of a QPipeline, from its arguments to the Learner."""

from typing import Any

from loguru import logger

from auto_train.errors import Interrupted, NotFiniteError, TaskContractError
from auto_train.training.checkpoints.checkpoint import Checkpointer, RegularCheckpoints
from auto_train.training.early_stop import EarlyStop
from auto_train.training.epoch_log import EpochLog
from auto_train.training.optim.stages import Stage
from auto_train.training.pipeline.plan import plan_stages
from auto_train.training.pipeline.setting import log_epoch, prepare_folder, record_run
from auto_train.training.pipeline.step_mode import EndOfPasses, Intervals, StepPlan
from auto_train.training.stopping import StopOnNaN, StopOnRequest
from auto_train.training.workers.distributed import explain_lost_worker, is_main, on_main, world_size

# Longest time without a checkpoint inside an epoch.
CHECKPOINT_MINUTES = 10.0


class Fit:
    """What a pipeline's fit does.

    Args:
        pipe: whose task has a train_loader.

    Raises:
        TaskContractError: it has none.
        UsageError: step mode without max_steps, and the loader has no length.
    """

    def __init__(self, pipe: Any):
        if pipe.task.train_loader is None:
            raise TaskContractError(
                f"{type(pipe.task).__name__} has no train_loader", hint="set self.train_loader in its __init__"
            )
        self.pipe, self.args, self.learn = pipe, pipe.args, pipe.runner
        # A middleware may have replaced the task's loaders since the Learner was made.
        self.learn.dls = pipe.loaders()
        self.learn.extra_ckp_caches = pipe.extra_ckp_caches
        self.plan: StepPlan | None = None
        self.intervals: Intervals | None = None
        if self.args.runner.run_mode == "step":
            self._count_steps()
        self.stages = self._stages()
        self.checkpoints = self._checkpointer()
        self.best: tuple[int, float | None] | None = None

    def _count_steps(self) -> None:
        plan = self.plan = StepPlan.of(self.args.runner, self.learn.dls.train)
        self.intervals = Intervals(
            self.learn.dls.train, accumulate=self.learn.accumulate, sizes=[], max_passes=plan.max_passes
        )
        self.learn.dls.train = self.intervals

    def _stages(self) -> list[Stage]:
        pipe = self.pipe
        first = (pipe.optimizer, pipe.scheduler) if pipe.optimizer else None
        return plan_stages(self.args, pipe.prepare_optim, first=first, plan=self.plan, intervals=self.intervals)

    def _checkpointer(self) -> Checkpointer:
        """Return what keeps the best epoch, by ``runner.checkpoint``, else by what early stop watches (F3.14)."""
        runner = self.args.runner
        own, watched, intervals = runner.checkpoint or {}, runner.early_stop or {}, self.intervals
        return Checkpointer(
            self.pipe.folder.checkpoints,
            target=own.get("target") or watched.get("target") or "val_metric",
            mode=own.get("mode") or (watched.get("mode") if not own.get("target") else None) or "min",
            min_delta=own.get("min_delta") or 0.0,
            minutes=CHECKPOINT_MINUTES,
            passes=None if intervals is None else lambda: intervals.passes,
        )

    def _callbacks(self, stop: StopOnRequest) -> list[Any]:
        callbacks: list[Any] = [StopOnNaN(), stop]
        if self.intervals is not None:
            callbacks.append(EndOfPasses())
        if early := self.args.runner.early_stop:
            callbacks.append(EarlyStop(**{key: value for key, value in early.items() if value is not None}))
        if is_main():
            callbacks += [EpochLog(self.pipe.folder, log_epoch), self.checkpoints, self._regular_checkpoints()]
        return callbacks

    def _regular_checkpoints(self) -> RegularCheckpoints:
        runner = self.args.runner
        keeps = (runner.checkpoint or {}).get("regular_latest_only") is False
        if self.intervals is not None:
            return RegularCheckpoints(self.checkpoints, steps=runner.save_interval, keeps=keeps)
        return RegularCheckpoints(self.checkpoints, steps=None, epochs=runner.save_interval or 1, keeps=keeps)

    def run(self) -> None:
        """Train; what is a regular end is logged, anything else raised."""
        learn, folder, stop = self.learn, self.pipe.folder, StopOnRequest()
        last = folder.checkpoints / "last.ckpt"
        try:
            with record_run(folder), explain_lost_worker(f"go on with ckp_file: {last}"), stop.listening():
                if is_main():
                    prepare_folder(folder, self.args, self.pipe.start)
                learn.fit_stages(self.stages, self._callbacks(stop), start=self.pipe.start)
                self.best = on_main(lambda: (self.checkpoints.best_pass, self.checkpoints.best))
                if learn.end_reason == "interrupt":
                    message = f"training was stopped after {learn.epochs_done} epochs; the state is saved"
                    raise Interrupted(message, where=str(last), hint=f"go on with ckp_file: {last}")
                if is_main():
                    self._warn_of_nothing_done()
        except Interrupted as error:
            logger.warning(str(error))
        except NotFiniteError as error:
            learn.end_reason = "nan"
            if world_size() > 1:  # the others wait for this worker's gradients: its end ends them
                raise
            logger.error(str(error))
        except BaseException as error:
            learn.end_reason = "interrupt" if isinstance(error, KeyboardInterrupt) else "exception"
            raise

    def _warn_of_nothing_done(self) -> None:
        start = self.pipe.start
        if self.checkpoints.lacks_number(self.learn.errors):
            logger.warning(f"No epoch is the best one: {self.checkpoints.target} was NaN in all of them")
        if start and self.learn.steps_done == start["runner"]["step"]:
            was = "was stopped early" if self.learn.end_reason == "early_stop" else "had all its epochs"
            logger.warning(f"Nothing is left to train: the training of {self.args.ckp_file} {was}")

    def result(self) -> dict[str, Any]:
        """Return how the training ended (F3.24); epochs are passes over the data, in step mode too."""
        learn, (best_epoch, best) = self.learn, self.best or (self.checkpoints.best_pass, self.checkpoints.best)
        reason = learn.end_reason or (self.plan.limit if self.plan else "max_epochs")
        return {
            "final_epoch": self.intervals.passes if self.intervals is not None else learn.epochs_done,
            "final_step": learn.steps_done,
            "best_epoch": best_epoch,
            "best_monitored_metric": best,
            "early_stopped": reason == "early_stop",
            "terminal_reason": reason,
        }
