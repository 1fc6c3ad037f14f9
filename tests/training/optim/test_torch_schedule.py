"""F3.21. Rates are worked out by hand from torch's formulas."""

import io
import math
from collections.abc import Iterable
from typing import Any

import pytest
import torch

from auto_train.errors import UsageError
from auto_train.training.optim.torch_schedule import TorchSchedule, build_schedule

STEPS = 4


def sgd(*rates: float) -> torch.optim.Optimizer:
    groups = [{"params": [torch.zeros(1, requires_grad=True)], "lr": rate} for rate in rates or (1.0,)]
    return torch.optim.SGD(groups)


class Training:
    """What the Learner does with a schedule: batches, steps and epochs."""

    def __init__(self, schedule: TorchSchedule, *rates: float, epochs: int = 10, steps: int | None = STEPS):
        self.schedule, self.optimizer, self.step = schedule, sgd(*rates), 0
        self.schedule.begin(self.optimizer, epochs=epochs, steps=steps)
        self.epochs = epochs

    def epoch(self, error: float | None = None) -> list[float]:
        """Return the rate of each step of one epoch, of the first group."""
        rates = []
        for _ in range(STEPS):
            self.schedule.before_step(self.step / (STEPS * self.epochs), self.step)
            rates.append(self.rate)
            self.optimizer.step()
            self.step += 1
        self.schedule.after_epoch(error)
        return rates

    def first_rates(self, errors: Iterable[float | None]) -> list[float]:
        """Return the rate of each epoch's first step."""
        return [self.epoch(error)[0] for error in errors]

    @property
    def rate(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])


def test_no_scheduler_leaves_the_rate():
    assert Training(build_schedule({"scheduler": None}), 0.5).first_rates([1.0] * 3) == [0.5] * 3
    assert Training(build_schedule({}), 0.5).first_rates([1.0]) == [0.5]
    assert Training(build_schedule({"scheduler": "", "warmup_params": None}), 0.5).first_rates([1.0]) == [0.5]


@pytest.mark.parametrize(
    ("name", "params", "expected"),
    [
        ("step", {"step_size": 2, "gamma": 0.1}, [1.0, 1.0, 0.1, 0.1, 0.01]),
        ("multi_step", {"milestones": [1, 3], "gamma": 0.5}, [1.0, 0.5, 0.5, 0.25, 0.25]),
        ("cosine", {"T_max": 4, "eta_min": 0.2}, [0.2 + 0.4 * (1 + math.cos(math.pi * e / 4)) for e in range(5)]),
        ("Cosine", {"T_max": 4}, [0.5 * (1 + math.cos(math.pi * e / 4)) for e in range(5)]),
        ("lambda", {"lr_lambda": lambda epoch: 1 / (1 + epoch)}, [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5]),
    ],
)
def test_scheduler_moves_after_each_epoch(name: str, params: dict[str, Any], expected: list[float]):
    training = Training(build_schedule({"scheduler": name, "scheduler_params": params}))
    assert training.first_rates([None] * 5) == pytest.approx(expected)


def test_scheduler_does_not_move_inside_an_epoch():
    training = Training(TorchSchedule("cosine"))
    assert len(set(training.epoch())) == 1 and len(set(training.epoch())) == 1


def test_scheduler_moves_every_group_by_its_own_rate():
    training = Training(TorchSchedule("step", {"step_size": 1}), 1.0, 0.5)
    training.epoch()
    assert [group["lr"] for group in training.optimizer.param_groups] == pytest.approx([0.1, 0.05])


def test_plateau_gets_the_monitored_value():
    # patience 1: the second epoch without improvement lowers the rate
    params = {"factor": 0.5, "patience": 1, "threshold": 0.0}
    training = Training(TorchSchedule("plateau", params))
    errors = [1.0, 0.9, 0.9, 0.9, 0.8, 0.8]
    assert training.first_rates(errors) == [1.0, 1.0, 1.0, 1.0, 0.5, 0.5]


def test_plateau_waits_through_epochs_without_a_value():
    training = Training(TorchSchedule("plateau", {"factor": 0.5, "patience": 1}))
    assert training.first_rates([1.0, None, None, None, None]) == [1.0] * 5


def test_warmup_rises_linearly_step_by_step_from_its_factor():
    training = Training(TorchSchedule(warmup_steps=5, warmup_factor=0.5), 2.0)
    # 2 · (0.5 + 0.5 · step / 5)
    assert training.epoch() + training.epoch() == pytest.approx([1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.0, 2.0])


def test_warmup_starts_at_a_tenth_where_nothing_else_is_said():
    training = Training(build_schedule({"warmup_params": {"warmup_steps": 9, "warmup_factor": None}}))
    assert training.epoch() == pytest.approx([0.1, 0.2, 0.3, 0.4])


@pytest.mark.parametrize(("warmup_epochs", "steps"), [(1, 4), (0.5, 2), (2, 8)])
def test_warmup_epochs_are_counted_in_steps(warmup_epochs: float, steps: int):
    by_epochs = Training(TorchSchedule(warmup_epochs=warmup_epochs))
    by_steps = Training(TorchSchedule(warmup_steps=steps))
    assert [by_epochs.epoch() for _ in range(3)] == [by_steps.epoch() for _ in range(3)]


def test_warmup_steps_win_over_warmup_epochs():
    assert Training(TorchSchedule(warmup_steps=2, warmup_epochs=9)).epoch()[2] == 1.0


def test_scheduler_begins_with_the_first_epoch_after_the_warmup():
    training = Training(TorchSchedule("step", {"step_size": 1}, warmup_epochs=1))
    assert [training.epoch()[-1] for _ in range(3)] == pytest.approx([0.1 + 0.9 * 3 / 4, 1.0, 0.1])


def test_scheduler_counts_the_epoch_in_which_the_warmup_ends():
    training = Training(TorchSchedule("step", {"step_size": 1}, warmup_steps=6))
    assert [training.epoch()[-1] for _ in range(4)] == pytest.approx([0.1 + 0.9 * 3 / 6, 1.0, 0.1, 0.01])


@pytest.mark.parametrize(("warmup", "length"), [({}, 10), ({"warmup_epochs": 4}, 6), ({"warmup_steps": 6}, 9)])
def test_cosine_reaches_its_end_with_the_last_epoch(warmup: dict[str, Any], length: int):
    training = Training(TorchSchedule("cosine", **warmup), epochs=10)
    rates = training.first_rates([None] * 10)
    assert training.rate == pytest.approx(0.0, abs=1e-12)
    assert rates[-1] == pytest.approx(0.5 * (1 + math.cos(math.pi * (length - 1) / length)))


def test_cosine_as_long_as_its_warmup_is_possible():
    Training(TorchSchedule("cosine", warmup_epochs=2), epochs=2).first_rates([None] * 2)


def test_schedule_takes_a_scheduler_made_by_hand():
    training = Training(TorchSchedule(lambda optimizer: torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)))
    assert training.first_rates([None] * 3) == [1.0, 0.5, 0.25]


def test_schedule_of_a_later_stage_starts_from_the_rate_it_finds():
    training = Training(TorchSchedule("step", {"step_size": 1}))
    training.epoch()
    second = TorchSchedule("step", {"step_size": 1, "gamma": 0.5})
    training.optimizer.param_groups[0]["lr"] = 8.0
    second.begin(training.optimizer, epochs=2, steps=STEPS)
    training.schedule, training.step = second, 0
    assert training.first_rates([None] * 2) == [8.0, 4.0]


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("step", {"step_size": 2}),
        ("multi_step", {"milestones": [2, 4]}),
        ("cosine", {}),
        ("plateau", {"patience": 1, "factor": 0.5}),
        ("lambda", {"lr_lambda": lambda epoch: 0.9**epoch}),
        (None, {}),
    ],
)
@pytest.mark.parametrize("stop", [1, 2, 3])
def test_resumed_schedule_goes_on_as_if_it_had_not_stopped(name: str | None, params: dict[str, Any], stop: int):
    def begun() -> Training:
        return Training(TorchSchedule(name, params, warmup_steps=6), epochs=6)

    whole, first, second = begun(), begun(), begun()
    expected = [whole.epoch(1.0) for _ in range(6)]
    for _ in range(stop):
        first.epoch(1.0)
    file = io.BytesIO()
    torch.save({"schedule": first.schedule.state_dict(), "optimizer": first.optimizer.state_dict()}, file)
    file.seek(0)
    state = torch.load(file, weights_only=True)
    second.optimizer.load_state_dict(state["optimizer"])
    second.schedule.load_state_dict(state["schedule"])
    second.step = first.step
    assert [second.epoch(1.0) for _ in range(6 - stop)] == expected[stop:]


def test_scheduler_of_an_unknown_name_lists_the_known():
    with pytest.raises(KeyError, match="cosinus") as caught:
        build_schedule({"scheduler": "cosinus"})
    assert isinstance(caught.value, UsageError)
    assert str(caught.value) == (
        "optim.scheduler: 'cosinus' is no scheduler "
        "(allowed: did you mean 'cosine'? known: cosine, lambda, multi_step, plateau, step)"
    )


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("step", {}, r"step: .*'step_size' \(allowed: step_size, gamma\)"),
        ("step", {"step_size": 0}, r"optim.scheduler_params: step: .*zero"),
        ("step", {"step_size": 2, "gama": 0.1}, r"'gama' \(allowed: step_size, gamma\)"),
        ("cosine", {"T_max": 0}, "cosine: .*zero"),
        ("plateau", {"mode": "best"}, "plateau: mode best is unknown"),
        ("plateau", {"factor": 1.0}, r"plateau: Factor should be < 1.0"),
        ("lambda", {}, r"scheduler_params.lr_lambda: 'None' is no function\n  a function cannot be written in a file"),
        ("lambda", {"lr_lambda": "lambda e: 1"}, "'lambda e: 1' is no function"),
    ],
)
def test_scheduler_with_bad_parameters_is_refused(name: str, params: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message) as caught:
        build_schedule({"scheduler": name, "scheduler_params": params})
    assert isinstance(caught.value, UsageError)


@pytest.mark.parametrize("warmup", [{"warmup_steps": -1}, {"warmup_epochs": -1}, {"warmup_factor": 1.5}])
def test_warmup_out_of_range_is_refused(warmup: dict[str, Any]):
    with pytest.raises(UsageError, match=r"optim.warmup_params: steps .* \(allowed: steps and epochs of 0 or more"):
        TorchSchedule(**warmup)


def test_warmup_epochs_of_data_without_a_length_are_refused():
    with pytest.raises(UsageError, match=r"the training data has no length.*\n  give warmup_steps instead"):
        Training(TorchSchedule(warmup_epochs=1), steps=None)
    assert Training(TorchSchedule("cosine", warmup_steps=2), steps=None).epoch()[:3] == pytest.approx([0.1, 0.55, 1.0])
