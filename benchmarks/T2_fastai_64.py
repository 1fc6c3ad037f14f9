"""T2: the whole program against stock fastai, resnet18 at 64 px from 640 x 480 JPEG files, images/s of training.

The program is `train` as the command line starts it, in the precision it chooses; fastai is what its documentation
tells a user to write (_fastai.py), in float32 and with worker processes. Both are timed inside, step by step, in the
passes over the training split, and take turns (_race.py). The first step of each pass does not count: it waits for
fastai's workers to start. Neither does the making of the pixel store, which happens once and has a bar of its own, T12.
"""

from _against_fastai import measure

if __name__ == "__main__":
    measure("T2", 2.8, px=64, turns=8, steps=14, settle=8)
