"""AutoTimm as one side of a race: its data module, classifier and trainer as its documentation shows them.

    _autotimm.py data=FOLDER model=NAME px=N bs=N half=BOOL

All its defaults (two worker processes on two cores, torch.compile) but the search for a learning rate. Runs in the
environment that AutoTimm is installed in; needs nothing of ours but _turn.py.
"""

import tempfile

import autotimm
import pytorch_lightning as pl
import torch
from _turn import Turn, arguments, cuda_synchronize


class Steps(pl.Callback):
    """Tell the turn of every step."""

    def on_train_start(self, *_: object) -> None:
        self.turn = Turn(cuda_synchronize)

    def on_train_batch_end(self, *_: object) -> None:
        self.turn.step()

    def on_train_epoch_end(self, *_: object) -> None:
        self.turn.pause()


given = arguments()
torch._dynamo.config.suppress_errors = True  # without a C++ compiler it runs uncompiled
data = autotimm.ImageDataModule(given["data"], image_size=int(given["px"]), batch_size=int(given["bs"]))
model = autotimm.ImageClassifier(autotimm.BackboneConfig(given["model"], pretrained=False), num_classes=5)
with tempfile.TemporaryDirectory() as folder:
    trainer = autotimm.AutoTrainer(
        max_epochs=1000,
        precision="bf16-mixed" if given["half"] == "True" else 32,
        tuner_config=False,
        default_root_dir=folder,
        callbacks=[Steps()],
    )
    trainer.fit(model, datamodule=data)
