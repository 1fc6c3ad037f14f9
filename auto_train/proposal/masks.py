"""What `init` chooses for data with masks: every pixel is an example, so fewer images a step and more pixels do."""

import math
from collections.abc import Sequence

from auto_train.data.inspect.facts import Facts
from auto_train.proposal.choice import Choice
from auto_train.proposal.machine import Machine
from auto_train.proposal.propose import budget, count_trained

# Sides the network sees: at least, at most without and with a GPU. Multiples of 32.
MIN, MAX_CPU, MAX_GPU = 96, 256, 512
BATCH = 8
# Images seen in all by which 165 microscope images were learnt; and passes at least and at most.
VIEWS, FEWEST, MAX = 4000, 6, 40
RATE = 2e-3
# Work for an image, in that of a classifier with the same backbone.
WORK = 4
# Many classes at once leave little memory for many images.
LIGHT_FROM = 32


def mask_choices(choices: Sequence[Choice], facts: Facts, machine: Machine, *, num_classes: int) -> list[Choice]:
    """Return the common choices with those in their place that are others for masks.

    Args:
        num_classes: of the masks; 0: nobody has counted.
    """
    n = count_trained(facts)
    side = min(max(MIN, 32 * math.ceil(facts.side / 32)), MAX_GPU if machine.gpu else MAX_CPU)
    epochs, batch = min(max(round(VIEWS / n), FEWEST), MAX), max(2, min(BATCH, n // 4))
    shown = f"images are {facts.width} x {facts.height} px"
    smaller = "; edges are as exact as the pixels are small" if side < facts.side else ""
    section = "training.scheme"
    is_scratch = any(one.key == "architecture.backbone.pretrained" and not one.value for one in choices)
    freeze = Choice(key=f"{section}.freeze_epochs", value=1, why="the decoder alone first: it begins from nothing")
    light = Choice(key="architecture.decoder", value="fpn", why=f"{num_classes} classes cost the U-Net much memory")
    ours = [
        Choice(key="architecture.image_size", value=side, why=f"{shown}{smaller}"),
        *([light] if num_classes >= LIGHT_FROM else []),
        *budget(n * epochs * WORK, machine, side, epochs),
        *([] if is_scratch else [freeze]),
        Choice(key=f"{section}.epochs", value=epochs, why=f"passes over {n:,} images; the fewer images, the more"),
        Choice(key=f"{section}.batch_size", value=batch, why=f"{max(n // batch, 1):,} steps an epoch"),
        Choice(key=f"{section}.learning_rate", value=RATE, why="known to suit decoders with batches of 8"),
    ]
    # Pictures without colours are lighter and darker too.
    unwanted = {"minutes", "augment.crop", "augment.colour"}
    replaced = {one.key for one in ours} | {f"training.{key}" for key in unwanted} | {"architecture.backbone.stem"}
    return [one for one in choices if one.key not in replaced] + ours
