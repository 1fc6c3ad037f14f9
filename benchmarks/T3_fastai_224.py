"""T3: the whole program against stock fastai, resnet18 at 224 px from 640 x 480 JPEG files, images/s of training.

As T2, at the size that photographs are mostly trained in.
"""

from _against_fastai import measure

if __name__ == "__main__":
    measure("T3", 2.3, px=224, turns=4, steps=5, settle=4)
