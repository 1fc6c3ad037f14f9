"""A bare PyTorch loop on preloaded tensors as one side of a race: the program's model, loss and precision, no more.

    _bare.py --config=INI [section.key=value …]

The batches are those the program's own loader gave in one pass, kept on the device as they were.
"""

import sys
from importlib import import_module
from itertools import cycle

import torch
from _turn import Turn, cuda_synchronize
from torch import nn

from auto_train.config import load_config

config = load_config(sys.argv[1].removeprefix("--config="), sys.argv[2:])
recipe = config.recipe
task = getattr(import_module(f"{recipe.package}.model"), recipe.model_name)(config, offline=True)
model, precision = task.learn.model.train(), task.learn.precision
for module in model[0].modules() if task.freeze_bn else ():
    if isinstance(module, nn.modules.batchnorm._BatchNorm):
        module.eval()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01, fused=True)
batches = [tuple(part.clone() for part in batch) for batch in task.dls.train]
turn = Turn(cuda_synchronize)
for batch in cycle(batches):
    with precision.autocast(batch[0].device):
        out = task.batch_forward(model, batch)
    task.batch_loss(out, batch)["loss"][0].backward()
    optimizer.step()
    optimizer.zero_grad()
    turn.step()
