from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from auto_train.errors import TrainingError
from auto_train.training.lr_finder import find_learning_rate
from auto_train.training.optim.schedule import OneCycle
from auto_train.training.optim.stages import Stage

Make = Callable[..., Any]


def state_of(learn: Any) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in learn.model.state_dict().items()}


@pytest.mark.parametrize("is_frozen", [False, True])
def test_finder_leaves_weights_and_statistics_bit_identical(make_learner: Make, is_frozen: bool):
    learn = make_learner()
    if is_frozen:
        learn.freeze()
    before = state_of(learn)
    rate = find_learning_rate(learn)
    assert 1e-7 < rate < 10
    assert all(torch.equal(value, before[name]) for name, value in learn.model.state_dict().items())


def test_finder_leaves_the_random_state_alone(make_learner: Make):
    learn = make_learner()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    find_learning_rate(learn)
    assert torch.equal(torch.rand(3), expected)


def test_finder_leaves_no_trace_in_the_training_after_it(make_learner: Make):
    stage = Stage(name="all", epochs=2, schedule=OneCycle([0.01]))
    plain, searched = make_learner(), make_learner()
    find_learning_rate(searched)
    plain.fit_stage(stage)
    searched.fit_stage(stage)
    assert all(torch.equal(value, state_of(plain)[name]) for name, value in state_of(searched).items())
    assert searched.epochs_done == plain.epochs_done


def test_finder_draws_its_curve(make_learner: Make, tmp_path: Path):
    learn = make_learner()
    find_learning_rate(learn, tmp_path / "project" / "find_lr_plot.png")
    with Image.open(tmp_path / "project" / "find_lr_plot.png") as picture:
        assert picture.size == (720, 480)  # 6 x 4 inches at 120 dots
        pixels = np.array(picture.convert("RGB")).astype(int)
    # matplotlib's blue of the curve, orange of the chosen rate
    for colour in ((31, 119, 180), (255, 127, 14)):
        assert (np.abs(pixels - colour).sum(axis=2) < 30).sum() > 50


def test_finder_writes_nothing_but_the_plot(make_learner: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    find_learning_rate(make_learner(), tmp_path / "plot.png")
    assert [path.name for path in tmp_path.rglob("*")] == ["plot.png"]


def test_finder_gives_a_rate_that_trains(make_learner: Make):
    rate = find_learning_rate(make_learner(batch_size=4))
    learn = make_learner(batch_size=4)
    learn.fit_stage(Stage(name="all", epochs=10, schedule=OneCycle([rate])))
    assert learn.valid_means["accuracy"] > 0.9


def test_finder_takes_the_larger_of_both_suggestions(make_learner: Make):
    from fastai.callback.schedule import minimum, steep
    from fastai.learner import Recorder

    learn = make_learner(cbs=[Recorder()])
    rate = find_learning_rate(learn)
    # As lr_find does: without the first tenth of the steps and the last five.
    rates, losses = (torch.tensor(values[10:-5]) for values in (learn.recorder.lrs, learn.recorder.losses))
    assert rate == pytest.approx(max(suggest(rates, losses, 100)[0] for suggest in (minimum, steep)))


def test_finder_without_a_curve_asks_for_a_rate(make_learner: Make):
    learn = make_learner()
    for inputs, _ in learn.dls.train.batches:
        inputs.fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"saw too few steps to suggest a rate\n.*learning_rate, for example"):
        find_learning_rate(learn)
