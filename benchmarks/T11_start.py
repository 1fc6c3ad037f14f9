"""T11: start of `train` to its first batch, pixel store warm, against importing torch, timm and fastai.learner."""

import sys
import tempfile

from _measure import finish, ratio, verdict

# Ends when the first batch reaches the model: the process stops itself there.
FIRST_BATCH = """
import os, sys, torch
torch.nn.Sequential.forward = lambda *_: os._exit(0)
from auto_train.actions import train
scheme = ["training.scheme.amp=false", "training.scheme.channels_last=false"]
train("configs/digits.ini", ["project.location={folder}/project", *scheme])
"""
with tempfile.TemporaryDirectory() as folder:
    code = FIRST_BATCH.replace("{folder}", folder)
    imports = "import torch, timm, fastai.learner"
    low, middle, high = ratio([sys.executable, "-c", code], [sys.executable, "-c", imports], pairs=10)
finish(verdict("T11 start of train / imports", middle, 1.3, at_most=True, detail=f"quartiles {low:.2f} to {high:.2f}"))
