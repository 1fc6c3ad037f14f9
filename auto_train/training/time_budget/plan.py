"""How many epochs fit into a time, and the sentences that say so. Who measures and obeys is budget.py."""

from collections.abc import Sequence
from dataclasses import dataclass

from auto_train.durations import as_duration

# No training gets better by more; where so many fit, time is left over.
MAX_EPOCHS = 300
# Share of the time that the stages before the last may take together: what they prepare must still happen.
MAX_SHARE_BEFORE = 1 / 3


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A stage that runs or is to come.

    Attributes:
        epochs: it should have, the running one included; None: as many as there is time for.
        batch_s: seconds of a training batch.
        is_frozen: the backbone is.
    """

    epochs: int | None
    batch_s: float
    is_frozen: bool = False


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What fits.

    Attributes:
        epochs: of each stage, the running epoch included; one that is cut short counts as one.
        limit: batches after which the running epoch ends; None: it is whole.
        shares: the same as ``epochs``, with the fractions of those that are cut short.
        epoch_s: seconds of a whole epoch of the last stage, evaluation included.
    """

    epochs: tuple[int, ...]
    limit: int | None
    shares: tuple[float, ...]
    epoch_s: float


def plan_epochs(left_s: float, stages: Sequence[Stretch], *, batches: int, rest_s: float, done: int = 0) -> Plan:
    """Return the whole epochs that fit; where not even one does, a part of one.

    Args:
        left_s: seconds for everything that is left to do.
        stages: the running one, then those to come. The last gets what the others leave.
        batches: of a whole epoch.
        rest_s: seconds of an epoch after its training pass: evaluation, checkpoint.
        done: batches of the running epoch that are done.
    """
    before_s, shares = MAX_SHARE_BEFORE * left_s if len(stages) > 1 else 0.0, list[float]()
    for number, stage in enumerate(stages):
        is_last = number == len(stages) - 1
        room_s, begun = (left_s, before_s)[not is_last], done if number == 0 else 0
        share = _share(room_s, stage, batches=batches, rest_s=rest_s, begun=begun)
        used_s = share * batches * stage.batch_s - begun * stage.batch_s + max(int(share), 1) * rest_s
        left_s, before_s = left_s - used_s, before_s - used_s
        shares.append(share)
    return Plan(
        epochs=tuple(max(int(share), 1) for share in shares),
        limit=round(shares[0] * batches) if shares[0] < 1 else None,
        shares=tuple(shares),
        epoch_s=batches * stages[-1].batch_s + rest_s,
    )


def batches_left(left_s: float, batch_s: float, *, batches: int, rest_s: float, done: int) -> float:
    """Return the batches there is time for, those of later epochs included.

    Args:
        left_s: seconds for everything that is left to do.
        batch_s: seconds of one.
        batches: of a whole epoch; 0: it has no end.
        rest_s: seconds of an epoch after its training pass.
        done: batches of the running epoch that are done.
    """
    here_s = (batches - done) * batch_s + rest_s
    if not batches or left_s < here_s:
        return max((left_s - rest_s) / batch_s, 0.0)
    epochs, more_s = divmod(left_s - here_s, batches * batch_s + rest_s)
    return batches - done + epochs * batches + max((more_s - rest_s) / batch_s, 0.0)


def _share(room_s: float, stage: Stretch, *, batches: int, rest_s: float, begun: int) -> float:
    """Return the epochs of a stage that fit: a whole number, or a part of one that is at least a batch."""
    # What is done of the running epoch costs nothing any more.
    whole = int((room_s + begun * stage.batch_s) / (batches * stage.batch_s + rest_s))
    if whole:
        return min(whole, MAX_EPOCHS if stage.epochs is None else stage.epochs)
    fitting = max(int((room_s - rest_s) / stage.batch_s), 1)
    return min(begun + fitting, batches) / batches


def describe(minutes: float, *, epochs: float, frozen: float, epoch_s: float) -> str:
    """Return the sentence for a training that begins.

    Args:
        epochs: of all stages, with fractions.
        frozen: those among them with the backbone frozen.
        epoch_s: seconds of one of the last stage.
    """
    time = f"{round(minutes, 2):g} minute{'' if minutes == 1 else 's'}"
    text = f"{time}: {_epochs(epochs)} of about {as_duration(epoch_s)}"
    return f"{text}, {frozen:.2g} of them with the backbone frozen" if frozen else text


def describe_change(plan: Plan, before: int, *, batches: int) -> str:
    """Return the sentence for a plan that takes the place of another.

    Args:
        before: epochs that were still to come.
        batches: of a whole epoch.
    """
    if plan.limit is not None and before == 1:
        return f"To end in time, the last epoch has {plan.limit} of its {batches} batches"
    fitting = f"{_epochs(sum(plan.shares))} of about {as_duration(plan.epoch_s)}"
    return f"Time is left for {fitting}, where {before} were planned"


def _epochs(count: float) -> str:
    return f"{count:{'.0f' if count == int(count) else '.2g'}} epoch{'' if count == 1 else 's'}"
