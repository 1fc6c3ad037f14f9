"""QPipeline: a door to the Learner for a task and a model of one's own, described by arguments (F3.7 to F3.9)."""

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from loguru import logger
from torch import nn

from auto_train.errors import TaskContractError, UsageError
from auto_train.training.checkpoints.recover import load_init_file, recover
from auto_train.training.checkpoints.state import check_plain
from auto_train.training.learner import Learner
from auto_train.training.loaders import Loaders
from auto_train.training.optim.losses import build_loss
from auto_train.training.optim.optimizers import build_optimizer
from auto_train.training.optim.torch_schedule import build_schedule
from auto_train.training.pipeline.args import prepare_cmd_args
from auto_train.training.pipeline.fit import Fit
from auto_train.training.pipeline.plan import stage_arguments
from auto_train.training.pipeline.qdict import qDict
from auto_train.training.pipeline.schema import complete_args, validate_args
from auto_train.training.pipeline.setting import (
    as_yaml,
    choose_device,
    join_workers,
    log_batches,
    open_log_dir,
    warn_of_unused,
)
from auto_train.training.rng import seed_everything
from auto_train.training.task import hook, qTaskBase
from auto_train.training.workers.distributed import is_main
from auto_train.training.workers.shard import shard_evaluation

DTYPES = {"float32": torch.float32, "float64": torch.float64}
DERIVE = "or derive from QPipeline and define"

Middleware = Callable[["QPipeline"], Any]


class NotDefinedError(UsageError, NotImplementedError):
    """A pipeline lacks its task or its model."""


class PipelineStateError(UsageError, RuntimeError):
    """A pipeline is asked for what it cannot do now."""


class QPipeline:
    """Train or evaluate a model on a task, as arguments say.

    Give task and model as they are, or derive and define ``prepare_task`` and ``prepare_model``. What happens, in this
    order: workers join, seed, log folder, device; the task, its ``pipe_middle_ware(pipe)``; the model, on the device
    in the format of ``args.model.dtype``; ``task.to(device)``; weights of ``ckp_file`` or ``init_file``; loss;
    optimizer and schedule.

    Args:
        args: those of F3.4, from prepare_cmd_args or of your own; the device is put into them.
        test: evaluate only; left out: as ``args.test`` says.
        task: made by ``prepare_task(args)`` where it is left out.
        model: made by ``prepare_model(args)`` where it is left out.

    Attributes:
        args, task, model: the same, complete.
        runner: the Learner; ``runner.listeners.on(event, function)`` hears of its events.
        loss_fn: what batch_loss may take as its third argument.
        optimizer, scheduler: of the first stage; None in a test.
        extra_ckp_caches: values of your own that are in every checkpoint; after a resume those of ``ckp_file``
            too, where no middleware has registered others.
        result: how the training ended: final_epoch, final_step, best_epoch, best_monitored_metric, early_stopped,
            terminal_reason (max_epochs, max_steps, early_stop, nan, interrupt, exception).

    Raises:
        ConfigError: the arguments are not those of a training.
        NotDefinedError: there is neither a task (a model) nor a way to make it.
    """

    def __init__(
        self,
        args: Mapping[str, Any],
        test: bool | None = None,
        task: qTaskBase | None = None,
        model: nn.Module | None = None,
    ):
        self.args = args if isinstance(args, qDict) else qDict(args)
        self.is_test = bool(self.args.test) if test is None else test
        self.extra_ckp_caches: dict[str, Any] = {}
        self.result: dict[str, Any] | None = None
        self.start: dict[str, Any] | None = None
        self._prepare_environment()
        self.task = self._check_task(task or self.prepare_task(self.args))
        self.model: nn.Module = model  # type: ignore[assignment] # a middleware may set it, else it is made below
        if middleware := hook(self.task, "pipe_middle_ware"):
            middleware(self)
        self._place(self.model or self.prepare_model(self.args))
        self._load_weights()
        self.loss_fn = self._make_loss()
        self.runner = self._make_learner()
        self.optimizer: torch.optim.Optimizer | None = None
        self.scheduler: Any = None
        if not self.is_test:
            self.optimizer, self.scheduler = self._prepare_first_optim()

    # What a subclass defines or replaces

    @staticmethod
    def prepare_task(args: qDict) -> qTaskBase:
        """Return the task."""
        raise NotDefinedError("this pipeline has no task", hint=f"pass task=…, {DERIVE} prepare_task(args)")

    @staticmethod
    def prepare_model(args: qDict) -> nn.Module:
        """Return the model."""
        raise NotDefinedError("this pipeline has no model", hint=f"pass model=…, {DERIVE} prepare_model(args)")

    @staticmethod
    def prepare_optim(args: qDict, model: nn.Module) -> tuple[torch.optim.Optimizer, Any]:
        """Return (optimizer, scheduler) of a stage; a scheduler is one of torch, a Schedule, or None.

        Args:
            args: with what the stage says in its ``optim``.
        """
        return build_optimizer(model, args.optim), build_schedule(args.optim)

    @staticmethod
    def prepare_loss(args: qDict) -> Any:
        """Return the loss, or a dict of losses."""
        return build_loss(args.optim.loss, args.optim.loss_params)

    # For the user

    def regist_extra_ckp_caches(self, caches: Mapping[str, Any]) -> None:
        """Keep these values in every checkpoint, best and last, beside those registered before.

        Raises:
            TaskContractError: values that cannot be loaded without pickle.
        """
        self.extra_ckp_caches |= check_plain(dict(caches), "regist_extra_ckp_caches")

    def regist_middleware(self, middleware: Middleware | Sequence[Middleware]) -> None:
        """Call each with this pipeline, now and in order; it may change the task, its loaders, the caches."""
        for function in middleware if isinstance(middleware, Sequence) else [middleware]:
            function(self)

    def fit(self) -> dict[str, Any]:
        """Train, and return how it ended: see ``result``.

        Raises:
            PipelineStateError: this is a test, or the pipeline was trained before.
        """
        if self.is_test:
            raise PipelineStateError("fit() trains, and this pipeline is a test", hint="QPipeline(args, test=False)")
        if self.result is not None:
            raise PipelineStateError("this pipeline has been trained", hint="make another, with ckp_file to go on")
        training = Fit(self)
        try:
            training.run()
        finally:
            self.result = training.result()
        return self.result

    def infer(self, dataloader: Any = None) -> dict[str, float]:
        """Return the metrics of one pass over a loader, the task's test_loader if none is given.

        Raises:
            UsageError: there is none.
        """
        if dataloader is None:
            warnings.warn("infer() without a dataloader takes task.test_loader", stacklevel=2)
            dataloader = self.task.test_loader
        if dataloader is None:
            raise UsageError("the task has no test_loader", where="infer()", hint="infer(dataloader)")
        self.runner.bind_hooks()
        with shard_evaluation(dataloader):
            return self.runner.evaluate(dataloader, "test")

    # In the order of construction

    def _prepare_environment(self) -> None:
        args, given = self.args, as_yaml(self.args)
        args["test"] = self.is_test
        validate_args(args)
        complete_args(args)
        join_workers(args)
        seed_everything(int(args.seed))
        if not self.is_test:
            name = "config_ckprecover.yaml" if args.ckp_file else "config.yaml"
            self.folder = open_log_dir(args, name, given)
            warn_of_unused(args)
        self.device = choose_device(args)
        self.dtype = DTYPES.get(args.get("model.dtype"))

    @staticmethod
    def _check_task(task: Any) -> qTaskBase:
        if not isinstance(task, qTaskBase):
            message = f"the task is a {type(task).__name__}"
            raise TaskContractError(message, allowed="a class derived from qTaskBase", hint="see docs/tasks.md")
        return task

    def _place(self, model: Any) -> None:
        """Bring model and task to the device, the model into its number format."""
        if not isinstance(model, nn.Module):
            raise TaskContractError(f"the model is a {type(model).__name__}", allowed="an nn.Module")
        self.model = model.to(self.device, self.dtype)
        if to := hook(self.task, "to"):
            to(self.device)

    def _load_weights(self) -> None:
        """Load what is to go on or to begin with; a checkpoint's other content waits for fit."""
        checkpoint, weights = self.args.ckp_file, self.args.init_file
        if checkpoint and weights:
            logger.warning(f"init_file has no effect: the weights are those of ckp_file, {checkpoint}")
        if checkpoint:
            uses_ema = self.is_test and self.args.get("optim.ema_params.ema")
            state = recover(self.model, checkpoint, try_ema=bool(uses_ema))
            self.extra_ckp_caches = dict(state["extra_ckp_caches"]) | self.extra_ckp_caches
            self.start = None if self.is_test else state
        elif weights:
            load_init_file(self.model, weights)

    def _make_loss(self) -> Any:
        own = hook(self.task, "get_loss_fn") or partial(self.prepare_loss, self.args)
        loss = own(self.args) if inspect.signature(own).parameters else own()
        for part in loss.values() if isinstance(loss, dict) else [loss]:
            if isinstance(part, nn.Module):
                part.to(self.device, self.dtype)
        return loss

    def _make_learner(self) -> Learner:
        runner, ema = self.args.runner, self.args.optim.ema_params or qDict()
        decay = 0.99 if ema.ema_decay is None else ema.ema_decay
        learn = Learner(
            self.loaders(),
            self.model,
            task=self.task,
            loss_func=self.loss_fn,
            dtype=self.dtype,
            accumulate=int(runner.accum_grad or 1),
            clip_grad=runner.clip_grad,
            ema_decay=decay if ema.ema and not self.is_test else None,
            # in step mode the Learner's epoch is the interval: see step_mode.py
            eval_interval=1 if runner.run_mode == "step" else int(runner.eval_interval or 1),
        )
        if self.args.print_freq and is_main():
            learn.listeners.on("onTrainBatchEnd", log_batches(int(self.args.print_freq)))
        return learn

    def _prepare_first_optim(self) -> tuple[torch.optim.Optimizer, Any]:
        first = (self.args.optim.stages or [{}])[0]
        return self.prepare_optim(stage_arguments(self.args, first), self.model)

    def loaders(self) -> Loaders:
        """Return the loaders that the task has now."""
        task = self.task
        return Loaders(task.train_loader, task.val_loader, task.test_loader, device=self.device)


def create_pipeline(
    prepare_model: Callable[[qDict], nn.Module], prepare_task: Callable[[qDict], qTaskBase]
) -> QPipeline:
    """Return a pipeline of two functions and the arguments of the command line (see prepare_cmd_args)."""
    members = {"prepare_model": staticmethod(prepare_model), "prepare_task": staticmethod(prepare_task)}
    made: QPipeline = type("CreatedPipeline", (QPipeline,), members)(prepare_cmd_args())
    return made
