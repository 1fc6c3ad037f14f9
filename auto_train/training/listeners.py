"""Events of a training for whoever wants to hear them: loggers, a task's own methods, user code (F3.12, F3.13)."""

from collections.abc import Callable
from typing import Any

from auto_train.errors import UsageError, did_you_mean
from auto_train.training.task import EVENTS, hook, qTaskBase

Callee = Callable[..., Any]


class Listeners:
    """Functions called at the events of a training. What one raises ends the training: nothing is swallowed.

    ========================================================= ==================================================
    ``onStageStart(stage_idx, stage_cfg)``                    a stage of the schedule begins
    ``onEpochStart(epoch)``                                   once per epoch; epochs count from 1
    ``onEvalStart(split, num_batches)``                       each pass over valid, test, ema_valid, ema_test
    ``onBatchStart(batch)``                                   before anything is done with a batch
    ``onTrainBatchEnd(batch_idx, num_batches, batch_metrics, avgBank, lr)``  after a training batch
    ``onBatchEnd(batch_idx, num_batches, batch_metrics, avgBank)``           after any batch
    ``onValidationEnd(epoch_state, avg)``                     after the passes over valid and test
    ``onEpochEnd(epoch_state, avg)``                          epoch_state: epoch, train_metric, val_metric, …
    ``onEarlyStop(reason)``                                   no improvement, or a bound was crossed
    ========================================================= ==================================================
    """

    def __init__(self) -> None:
        self.functions: dict[str, list[Callee]] = {event: [] for event in EVENTS}
        self.methods: dict[str, list[Callee]] = {}

    def on(self, event: str, function: Callee) -> None:
        """Call the function at every event of this name, after those that came before it.

        Raises:
            UsageError: there is no such event.
        """
        if event not in self.functions:
            raise UsageError(
                f"there is no event '{event}'", allowed=did_you_mean(event, list(EVENTS), limit=len(EVENTS))
            )
        self.functions[event].append(function)

    def bind(self, task: qTaskBase) -> None:
        """Call the methods that this task has now and that are named like an event, in either spelling, first."""
        named = {event: [hook(task, event), hook(task, other)] for event, other in EVENTS.items()}
        self.methods = {event: [method for method in methods if method] for event, methods in named.items()}

    def has(self, event: str) -> bool:
        return bool(self.functions[event] or self.methods.get(event))

    def emit(self, event: str, *args: Any) -> None:
        for function in [*self.methods.get(event, ()), *self.functions[event]]:
            function(*args)
