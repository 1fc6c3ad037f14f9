import pytest
import torch

from auto_train.errors import TaskContractError
from auto_train.training.task import checked_loss, hook, qTaskBase


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
    assert checked_loss(Complete(), {"loss": (loss, 4), "part": (0.5, 4)}) is loss


def test_losses_without_loss_name_what_was_returned():
    with pytest.raises(TaskContractError, match=r"Complete.batch_loss returned \['ce', 'l1'\], without 'loss'"):
        checked_loss(Complete(), {"l1": (torch.tensor(1.0), 1), "ce": (torch.tensor(1.0), 1)})
