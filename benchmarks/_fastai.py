"""Stock fastai as one side of a race: DataBlock, Resize, aug_transforms, Learner with its default callbacks, float32.

    _fastai.py data=FOLDER model=NAME px=N bs=N

All its defaults: worker processes, Adam, progress bar, recorder. What a user would write from its documentation, less
the normalisation, which would cost it a little more. px=0: no Resize, no mirroring: digits that have their size.
"""

from _turn import Turn, arguments, cuda_synchronize
from fastai.callback import schedule  # noqa: F401 - gives Learner its fit_one_cycle
from fastai.callback.core import Callback
from fastai.data.block import CategoryBlock, DataBlock
from fastai.data.transforms import GrandparentSplitter, get_image_files, parent_label
from fastai.learner import Learner
from fastai.metrics import accuracy
from fastai.vision.augment import Resize, aug_transforms
from fastai.vision.data import ImageBlock

from auto_train.models.backbone import create_timm_model


class Steps(Callback):
    """Tell the turn of every step."""

    order, run_valid = 1000, False

    def before_fit(self) -> None:
        self.turn = Turn(cuda_synchronize)

    def after_batch(self) -> None:
        self.turn.step()

    def after_train(self) -> None:
        self.turn.pause()


given = arguments()
px = int(given["px"])
if given["model"] == "small_cnn":
    import _small_cnn  # noqa: F401 - tells timm its name
block = DataBlock(
    blocks=(ImageBlock, CategoryBlock),
    get_items=get_image_files,
    splitter=GrandparentSplitter("train", "valid"),
    get_y=parent_label,
    item_tfms=Resize(px) if px else None,
    batch_tfms=aug_transforms() if px else aug_transforms(do_flip=False),
)
dls = block.dataloaders(given["data"], bs=int(given["bs"]))
model = create_timm_model(given["model"], len(dls.vocab), pretrained=False)
Learner(dls, model, metrics=accuracy).fit_one_cycle(1000, 1e-3, cbs=Steps())
