"""What `init` chooses for data with boxes: where things are wants more pixels than what they are."""

import math
from collections.abc import Sequence

from auto_train.data.inspect.facts import Facts
from auto_train.proposal.choice import Choice
from auto_train.proposal.machine import Machine
from auto_train.proposal.propose import budget, count_trained

# Sides a detector sees: at least, at most without and with a GPU. Multiples of 32.
MIN, MAX_CPU, MAX_GPU = 128, 320, 640
BATCH_CPU, BATCH_GPU = 8, 16
# Images seen in all by which 205 photographs of blood cells were learnt; and passes at least and at most.
VIEWS, FEWEST, MAX = 4000, 8, 40
RATE = 2e-3
# Work of a detector for an image, in that of a classifier with the same backbone.
WORK = 3


def box_choices(choices: Sequence[Choice], facts: Facts, machine: Machine) -> list[Choice]:
    """Return the common choices with those in their place that are others for boxes."""
    n = count_trained(facts)
    side = min(max(MIN, 32 * math.ceil(facts.side / 32)), MAX_GPU if machine.gpu else MAX_CPU)
    epochs = min(max(round(VIEWS / n), FEWEST), MAX)
    size = BATCH_GPU if machine.gpu else BATCH_CPU
    batch = max(2, min(size, n // 4))
    shown = f"images are {facts.width} x {facts.height} px"
    larger = "; small things need more" if side < facts.side else ""
    section = "training.scheme"
    is_scratch = any(one.key == "architecture.backbone.pretrained" and not one.value for one in choices)
    freeze = Choice(key=f"{section}.freeze_epochs", value=1, why="the head alone first: it begins from nothing")
    ours = [
        Choice(key="architecture.image_size", value=side, why=f"{shown}{larger}"),
        *budget(n * epochs * WORK, machine, side, epochs),
        *([] if is_scratch else [freeze]),
        Choice(key=f"{section}.epochs", value=epochs, why=f"passes over {n:,} images; the fewer images, the more"),
        Choice(key=f"{section}.batch_size", value=batch, why=f"{max(n // batch, 1):,} steps an epoch"),
        Choice(key=f"{section}.learning_rate", value=RATE, why="known to suit detectors with batches of 8 to 16"),
    ]
    replaced = {one.key for one in ours} | {"training.minutes", "training.augment.crop", "architecture.backbone.stem"}
    return [one for one in choices if one.key not in replaced] + ours
