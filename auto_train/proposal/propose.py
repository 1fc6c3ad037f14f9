"""The decisions of `init` that are the same for every recipe: from facts to choices, nothing read or written."""

import math
import re

from auto_train.data.inspect.facts import Facts
from auto_train.proposal.backbone import Weights
from auto_train.proposal.choice import Choice
from auto_train.proposal.machine import Machine

# Up to this side a usual first layer leaves too little of an image to look at.
SMALL_SIDE = 64
# So many images of their kind teach a net more than photographs of other things do.
ENOUGH_FOR_SCRATCH = 5000
# Sides a net sees at most: without a GPU, without that and learnt weights, with a GPU; and at least. Multiples of 32.
MAX_CPU, MAX_SCRATCH, MAX_GPU, MIN = 192, 128, 224, 96
# Images a core trains in a second: mobilenetv2_100 at 192 px, resnet18 of half its width and a small stem at 28 px.
# And how much faster a GPU is than a core. All measured roughly: they only tell minutes from days.
PRETRAINED_SPEED, SMALL_SPEED, GPU_CORES = 13, 300, 150
# Longer trainings get a budget instead, minutes.
MAX_MINUTES = 120
# Share of an image that a random crop keeps, where there are few of them.
FEW_IMAGES, CROP = 5000, 0.35
VALID_FRACTION, LARGE_VALID_FRACTION, LARGE_SET = 0.2, 0.1, 50_000

_SIDES = re.compile(r"(?<![a-z])(left|right)(?![a-z])", re.IGNORECASE)


def propose(facts: Facts, machine: Machine, weights: Weights) -> list[Choice]:
    """Return what an INI for this data on this machine should say, the reason with each."""
    is_scratch = is_from_scratch(facts, weights)
    side = _image_size(facts, machine, is_scratch=is_scratch)
    return [
        *_split(facts),
        side,
        *_backbone(facts, machine, weights, is_scratch=is_scratch),
        *_augment(facts, is_scratch=is_scratch),
        *_scheme(facts, machine, side.value, is_scratch=is_scratch),
    ]


def count_trained(facts: Facts) -> int:
    """Return the images an epoch sees, those less that are held out for validation."""
    return max(round(facts.num_train * (1 if facts.has_valid else 1 - _fraction(facts))), 1)


def is_small(facts: Facts) -> bool:
    """Tell whether images are of a few dozen pixels."""
    return facts.side <= SMALL_SIDE


def is_from_scratch(facts: Facts, weights: Weights) -> bool:
    """Tell whether a net does better, or has, to start from random weights."""
    has_own = is_small(facts) and (facts.evidence.is_plain or count_trained(facts) >= ENOUGH_FOR_SCRATCH)
    return has_own or not weights.model


def has_no_mirror_image(facts: Facts) -> str:
    """Return why images must not be mirrored; "" where they may.

    Colour photographs may, even if all of them face one way: what is on a mirrored one is still the same.
    """
    labels = list(facts.classes)
    if any(_SIDES.search(label) for label in labels):
        return "class names say left and right"
    evidence = facts.evidence
    if evidence.is_handed and evidence.is_plain:
        return (
            "drawn or written on a plain ground, and no image looks like another one mirrored: so do digits and letters"
        )
    if evidence.is_handed and evidence.is_grey:
        return "grey images whose left and right always differ, as in X-rays: mirrored ones do not occur"
    if evidence.is_handed is None and labels and all(len(label) == 1 and label.isalnum() for label in labels):
        return "the classes are characters, and a mirrored one is another or none"
    return ""


def _fraction(facts: Facts) -> float:
    return LARGE_VALID_FRACTION if facts.num_train >= LARGE_SET else VALID_FRACTION


def _split(facts: Facts) -> list[Choice]:
    if facts.has_valid:
        return []
    count = round(facts.num_train * _fraction(facts))
    why = f"the data gives no validation split: {count:,} images, always the same, are held out of training"
    return [Choice(key="project.data.valid_fraction", value=_fraction(facts), why=why)]


def _image_size(facts: Facts, machine: Machine, *, is_scratch: bool) -> Choice:
    key, shown = "architecture.image_size", f"images are {facts.width} x {facts.height} px"
    if is_small(facts) and is_scratch:
        side = max(16, 4 * math.ceil(facts.side / 4))
        more = "" if side - facts.side < 4 else ": enlarged, so that three halvings leave something to look at"
        return Choice(key=key, value=side, why=shown + more)
    most = MAX_GPU if machine.gpu else MAX_SCRATCH if is_scratch else MAX_CPU
    side = min(max(MIN, 32 * math.ceil(facts.side / 32)), most)
    if side < most:
        why = "a multiple of 32, since nets halve five times"
    elif machine.gpu:
        why = "what most nets are made for"
    else:
        why = f"more would keep {machine.cores} cores busy for long"
    return Choice(key=key, value=side, why=f"{shown}; {why}")


def _backbone(facts: Facts, machine: Machine, weights: Weights, *, is_scratch: bool) -> list[Choice]:
    section = "architecture.backbone"
    if not is_scratch:
        return _propose_pretrained(machine, weights)
    choices = [Choice(key=f"{section}.model", value="resnet18", why="small and hard to get wrong")]
    if weights.model:
        reason = "photographs teach nothing about such images that so many of them do not"
        reason = "photographs teach nothing about strokes on a plain ground" if facts.evidence.is_plain else reason
    else:
        reason = f"random weights, for want of learnt ones, which would do better: {_shorten(weights.why)}"
    choices.append(Choice(key=f"{section}.pretrained", value=False, why=reason))
    if is_small(facts):
        why = f"the usual first layers would leave one pixel of {facts.side}"
        choices.append(Choice(key=f"{section}.stem", value="small", why=why))
    if is_small(facts) and facts.evidence.is_grey:
        why = "half of resnet18's width: a quarter of its work, and images without colours need no more"
        choices.append(Choice(key=f"{section}.args.channels", value=[32, 64, 128, 256], why=why))
    return choices


def _propose_pretrained(machine: Machine, weights: Weights) -> list[Choice]:
    section = "architecture.backbone"
    size = "good, and quick on a GPU" if machine.gpu else f"small enough to train on {machine.cores} cores"
    choices = [Choice(key=f"{section}.model", value=weights.model, why=size)]
    start = "it knows photographs already, so that few images are enough"
    if weights.file:
        why = f"{start}; a file of AUTO_TRAIN_MIRROR"
        choices.append(Choice(key=f"{section}.weights", value=weights.file, why=why))
    else:
        choices.append(Choice(key=f"{section}.pretrained", value=True, why=start))
    if weights.statistics:
        why = "what the first layer of these weights was made for, by its statistics"
        names = zip(("mean", "std"), weights.statistics, strict=True)
        choices += [Choice(key=f"architecture.{name}", value=list(values), why=why) for name, values in names]
    return choices


def _augment(facts: Facts, *, is_scratch: bool) -> list[Choice]:
    evidence, choices = facts.evidence, []

    def choose(key: str, value: object, why: str) -> None:
        choices.append(Choice(key=f"training.augment.{key}", value=value, why=why))

    if why := has_no_mirror_image(facts):
        choose("flip", False, f"{why}; set true if they may")
    if evidence.is_grey and evidence.is_plain:
        choose("colour", 0, "grey on a plain ground: no colours to vary")
    if is_scratch and is_small(facts) and evidence.is_plain:
        why = "what is drawn or written comes slanted, large and small, and not in the middle"
        for key, value in {"rotate": 12, "zoom": 0.12, "shift": 0.075, "shear": 8}.items():
            choose(key, value, why)
    elif (
        not is_small(facts) and count_trained(facts) < FEW_IMAGES and facts.target != "values"
    ):  # a part has other numbers
        choose("crop", CROP, "seen near and far; few whole images would be learnt by heart")
    return choices


def _scheme(facts: Facts, machine: Machine, side: int, *, is_scratch: bool) -> list[Choice]:
    n = count_trained(facts)
    batch = _batch_size(n, machine, is_small=is_small(facts))
    freeze = 0 if is_scratch else 4 if n < 1000 else 1
    epochs = _epochs(n, is_scratch=is_scratch, is_small=is_small(facts))
    section = "training.scheme"
    choices = budget(n * (epochs + 0.4 * freeze), machine, side, epochs, is_small=is_small(facts) and is_scratch)
    if freeze:
        why = "the head alone first: a fresh one would send large gradients into learnt layers"
        choices.append(Choice(key=f"{section}.freeze_epochs", value=freeze, why=why))
    rate = 3e-3 * min(1, (batch / 64) ** 0.5) if is_scratch else 2e-3 * min(1, (batch / 32) ** 0.5)
    return [
        *choices,
        Choice(key=f"{section}.epochs", value=epochs, why=f"passes over {n:,} images; the fewer images, the more"),
        Choice(key=f"{section}.batch_size", value=batch, why=f"{max(n // batch, 1):,} steps an epoch"),
        Choice(
            key=f"{section}.learning_rate",
            value=float(f"{rate:.1g}"),
            why="known to suit such nets and batches; none has it searched, which takes a hundred steps",
        ),
    ]


def _epochs(n: int, *, is_scratch: bool, is_small: bool) -> int:
    if not is_scratch:
        return min(max(round(300 / math.sqrt(n)), 4), 30)
    views, least = (40_000, 10) if is_small else (60_000, 20)
    return min(max(round(views / n), least), 60)


def _batch_size(n: int, machine: Machine, *, is_small: bool) -> int:
    """Return a power of two with some steps to an epoch, which memory bears."""
    usual = 128 if is_small and n >= 10_000 else 64 if is_small or machine.gpu else 32
    if not is_small and (machine.gpu_memory_gb or machine.memory_gb) < 4:
        usual = 16
    return int(max(8, min(usual, 2 ** math.floor(math.log2(max(n / 8, 1))))))


def budget(views: float, machine: Machine, side: int, epochs: int, *, is_small: bool = False) -> list[Choice]:
    """Return a budget of minutes where the epochs would take hours.

    Args:
        views: images that are computed in all.
        is_small: for a net of small images.
    """
    speed, usual = (SMALL_SPEED, 28) if is_small else (PRETRAINED_SPEED, 192)
    per_s = speed * (GPU_CORES if machine.gpu else machine.cores) * (usual / side) ** 2
    minutes = views / per_s / 60
    if minutes <= MAX_MINUTES:
        return []
    why = f"{epochs} epochs would take about {minutes / 60:.0f} hours here; as many as fit are planned"
    return [Choice(key="training.minutes", value=MAX_MINUTES, why=f"{why}. More time is better")]


def _shorten(text: str, most: int = 160) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
