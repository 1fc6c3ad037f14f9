"""The least a training needs in memory: torch, timm, a bare loop on one batch, in the program's precision.

_peak_bare.py model=NAME px=N bs=N half=BOOL channels_last=BOOL fastai=BOOL
"""

import importlib

import timm
import torch
from _turn import arguments
from torch.nn.functional import cross_entropy

given = arguments()
half, px, bs = given["half"] == "True", int(given["px"]), int(given["bs"])
if given["fastai"] == "True":  # what it brings along is in memory too: scipy, pandas, matplotlib, scikit-learn
    importlib.import_module("fastai.learner")
layout = torch.channels_last if given["channels_last"] == "True" else torch.contiguous_format
model = timm.create_model(given["model"], num_classes=5).to(memory_format=layout).train()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
images = torch.rand(bs, 3, px, px).contiguous(memory_format=layout)
targets = torch.arange(bs) % 5
for _ in range(20):
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        outputs = model(images)
    cross_entropy(outputs.float(), targets).backward()
    optimizer.step()
    optimizer.zero_grad()
