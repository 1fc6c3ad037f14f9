"""How much of a training is left, in epochs and in seconds."""

import time
from typing import TYPE_CHECKING, Any

from auto_train.training.loaders import length

if TYPE_CHECKING:
    from auto_train.training.learner import Learner

# Work of an evaluation batch in training batches: a forward pass, without the backward pass of about twice its work.
EVALUATION = 1 / 3
# Work of a batch while the backbone is frozen: gradients still pass through it, to the norms, which learn all the same;
# and where these are frozen too.
FROZEN, FROZEN_WITH_NORMS = 2 / 3, 1 / 3


def count_epochs_left(learn: "Learner") -> tuple[int, int]:
    """Return the epochs that are not finished: of the running stage, the running one included, and of later stages."""
    here = 0 if learn.is_stage_over else learn.n_epoch - learn.position.epoch
    return here, sum(stage.epochs for stage in learn.stages[learn.stage_index + 1 :])


def count_evaluation_batches(learn: "Learner") -> int:
    """Return the batches of an epoch's evaluations; loaders that do not know their length count as none."""
    loaders: tuple[Any, ...] = (learn.dls.valid, vars(learn.dls).get("test"))
    passes = 2 if learn.ema else 1
    return passes * sum(length(loader) or 0 for loader in loaders if loader is not None)


def estimate_frozen_work(learn: "Learner") -> float:
    """Return the work of a batch with the backbone frozen, in batches that train everything."""
    return FROZEN_WITH_NORMS if learn.freeze_bn else FROZEN


class Eta:
    """Where in its epoch a training is, and how long the rest takes at the speed of the running stage."""

    def __init__(self) -> None:
        self.trained = self.evaluated = 0
        self.batches: int | None = None
        self.reference: tuple[int, float, float] | None = None

    def begin_epoch(self) -> None:
        self.trained = self.evaluated = 0

    def count(self, learn: "Learner") -> None:
        """Take note of a batch."""
        if learn.training:
            self.trained, self.batches = learn.iter + 1, learn.n_iter
        else:
            self.evaluated += 1

    def fraction(self, learn: "Learner") -> float:
        """Return the share of the epoch's work that is done; 0 where the loader does not know its length."""
        if not self.batches:
            return 0.0
        whole = self.batches + EVALUATION * count_evaluation_batches(learn)
        return min((self.trained + EVALUATION * self.evaluated) / whole, 1.0)

    def eta_s(self, learn: "Learner", done: float) -> float | None:
        """Return the seconds until the last epoch is finished, None before that can be told.

        Args:
            done: finished epochs, with the fraction of the running one.
        """
        now = time.perf_counter()
        if self.reference is None or self.reference[0] != learn.stage_index:
            # After the stage's first batch, in which loaders start and kernels are chosen.
            self.reference = learn.stage_index, now, done
        _, began, done_then = self.reference
        if done <= done_then:
            return None
        here, later = count_epochs_left(learn)
        here_left = learn.epochs_done + here - done
        return (now - began) / (done - done_then) * (here_left + later * self._growth(learn))

    def _growth(self, learn: "Learner") -> float:
        """Return how much longer an epoch of the later stages takes than one of this."""
        assert learn.stage is not None
        later = learn.stages[learn.stage_index + 1 :]
        is_thawed = learn.stage.frozen and any(stage.epochs and not stage.frozen for stage in later)
        return 1 / estimate_frozen_work(learn) if is_thawed else 1.0
