"""T11: start of `train` to its first batch, pixel store warm, against importing torch, timm and fastai.learner."""

import sys
import tempfile

from _measure import finish, ratio, verdict

# Ends when the first batch reaches the model. The trial of precisions, which is work done on purpose, is left out.
FIRST_BATCH = """
import os
from auto_train.actions import train
from auto_train.training.learner import Learner
Learner._do_one_batch = lambda *_: os._exit(0)
scheme = ["training.scheme.amp=false", "training.scheme.channels_last=false"]
train("configs/digits.ini", ["project.location={folder}/project", *scheme])
"""
with tempfile.TemporaryDirectory() as folder:
    code = FIRST_BATCH.replace("{folder}", folder)
    imports = "import torch, timm, fastai.learner"
    low, middle, high = ratio([sys.executable, "-c", code], [sys.executable, "-c", imports], pairs=10)
finish(verdict("T11 start of train / imports", middle, 1.3, at_most=True, detail=f"quartiles {low:.2f} to {high:.2f}"))
