import pytest
import torch
from loguru import logger

from auto_train.errors import TaskContractError
from auto_train.training.task import HOOKS, REQUIRED, check_loss, hook, qTaskBase


class Complete(qTaskBase):
    def batch_forward(self, model, batch):
        return {"pred": model(batch[0])}

    def batch_metric(self, out, batch):
        return {}

    def batch_loss(self, out, batch):
        return {"loss": (out["pred"].mean(), len(batch[0]))}

    def post_metric_to_err(self, result):
        return result["loss"]


def test_task_without_a_required_method_is_refused_by_name():
    class Half(qTaskBase):
        def batch_forward(self, model, batch):
            return {}

        def batch_loss(self, out, batch):
            return {}

    with pytest.raises(TaskContractError, match="Half does not define batch_metric, post_metric_to_err"):
        Half()


def test_task_defaults_add_nothing():
    task = Complete()
    assert task.train_loader is task.val_loader is task.test_loader is None
    assert hook(task, "extra_batch_metrics") is None and hook(task, "epoch_metric") is None
    with pytest.raises(NotImplementedError, match=r"Complete defines no predict"):
        task.predict("image.png")


def test_loss_is_the_tensor_to_differentiate():
    loss = torch.tensor(1.5, requires_grad=True)
    assert check_loss(Complete(), {"loss": (loss, 4), "part": (0.5, 4)}) is loss


def test_losses_without_loss_name_what_was_returned():
    with pytest.raises(TaskContractError, match=r"Complete.batch_loss returned \['ce', 'l1'\], without 'loss'"):
        check_loss(Complete(), {"l1": (torch.tensor(1.0), 1), "ce": (torch.tensor(1.0), 1)})


@pytest.mark.parametrize("name", ["epoch_metrics", "on_epoc_end", "onEpochStrat", "Predict"])
def test_method_one_typo_from_a_hook_is_warned_of(name: str) -> None:
    lines: list[str] = []
    sink = logger.add(lines.append, level="WARNING", format="{message}")
    type("Mistyped", (Complete,), {name: lambda self: None})
    logger.remove(sink)
    assert [name in line and "never called" in line for line in lines] == [True]


def test_hooks_that_a_task_does_not_define_are_not_called() -> None:
    task = Complete()
    assert {hook(task, name) for name in HOOKS if name not in REQUIRED} == {None}
    task.epoch_metric = lambda epoch_cache: {}  # instances may bring their own
    assert hook(task, "epoch_metric") is task.epoch_metric
