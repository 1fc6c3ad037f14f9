"""A bare PyTorch loop on preloaded tensors as one side of a race: the program's model and precision, no more.

    _bare.py --config=INI [section.key=value …]

The batches are those the program's own loader gave in one pass, kept on the device as they were.
"""

import sys
from itertools import cycle

import torch
from _turn import Turn, cuda_synchronize
from torch.nn.functional import cross_entropy

from auto_train.classification.model import ClassificationModel
from auto_train.config import load_config

task = ClassificationModel(load_config(sys.argv[1].removeprefix("--config="), sys.argv[2:]), offline=True)
model, precision = task.learn.model.train(), task.learn.precision
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
batches = [(images.clone(), targets.clone()) for images, targets in task.dls.train]
turn = Turn(cuda_synchronize)
for images, targets in cycle(batches):
    with precision.autocast(images.device):
        outputs = model(images)
    cross_entropy(outputs.float(), targets).backward()
    optimizer.step()
    optimizer.zero_grad()
    turn.step()
