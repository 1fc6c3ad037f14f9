from pathlib import Path

import pytest
import torch

from auto_train.classification.model import ClassificationModel
from auto_train.common.evaluation import evaluate_split, network_outputs
from auto_train.common.loaders import eval_loader
from tests.tiny import tiny_config


@pytest.fixture(scope="module")
def task(digit_files: Path, tmp_path_factory: pytest.TempPathFactory) -> ClassificationModel:
    task = ClassificationModel(tiny_config(tmp_path_factory.mktemp("evaluation"), digit_files))
    torch.nn.init.normal_(task.model[1][1][1].weight)
    return task


def test_outputs_are_the_networks_in_the_order_of_the_rows(task: ClassificationModel):
    valid = task.samples.of("valid")
    inference = task.inference.with_network(task.model)
    outputs, targets = network_outputs(inference, eval_loader(task, valid), task.device)
    assert torch.equal(targets, task.targets(valid)) and outputs.dtype == torch.float32
    with torch.no_grad():
        images = [torch.from_numpy(valid.images[i].copy())[None] for i in range(len(valid))]
        live = torch.cat([inference(image) for image in images])
    # The whole split in batches, and each image alone through the whole model: the same answers.
    assert torch.allclose(inference.answers(outputs), live, atol=1e-5)


def test_metrics_of_a_split_carry_its_name(task: ClassificationModel):
    found = evaluate_split(task, task.inference.with_network(task.model), "valid")
    assert all(name.startswith("valid/") for name in found) and 0 <= found["valid/accuracy"] <= 1
    assert found.warnings == tuple(task.warnings)


def test_split_without_images_has_no_metrics(task: ClassificationModel):
    assert evaluate_split(task, task.inference.with_network(task.model), "test") == {}
