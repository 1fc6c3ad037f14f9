"""What `init` chooses beyond the common for tasks of one label for one image; the keys are those recipes' own."""

from auto_train.data.inspect.facts import Facts
from auto_train.proposal.backbone import Weights
from auto_train.proposal.choice import Choice
from auto_train.proposal.propose import FEW_IMAGES, count_trained, is_from_scratch

# Classes are weighed where the largest has so many times the images of the smallest.
UNEVEN = 10


def class_choices(facts: Facts, weights: Weights) -> list[Choice]:
    """Return smoothed labels for few images, and weights for uneven classes."""
    choices = []
    if count_trained(facts) < FEW_IMAGES and not is_from_scratch(facts, weights):
        why = "less sure of few images, a net is right about more of the others"
        choices.append(Choice(key="training.scheme.label_smoothing", value=0.1, why=why))
    least, most = min(facts.classes.values()), max(facts.classes.values())
    if most >= UNEVEN * least:
        why = f"{most:,} images of one class, {least:,} of another: the rare one counts as much"
        choices.append(Choice(key="training.scheme.balance", value="weights", why=why))
        choices.append(Choice(key="training.scheme.monitor", value="f1_macro", why=why))
    return choices
