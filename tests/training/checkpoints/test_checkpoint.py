import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fastai.callback.core import Callback

from auto_train.errors import CheckpointError, MissingError, TaskContractError, TrainingError
from auto_train.runs.folder import RunFolder
from auto_train.training.checkpoints.checkpoint import Checkpointer, load_checkpoint
from auto_train.training.checkpoints.settle import settle_checkpoints
from tests.training.conftest import Points, stage

Make = Callable[..., Any]
NAN = math.nan


def trained(make: Make, run: RunFolder, *cbs: Any, errors: list[float], batch_size: int = 24) -> Any:
    """Train as many epochs as there are errors, which are what each epoch's validation error is said to be."""
    learn = make(task=Points(errors), batch_size=batch_size)
    with learn.added_cbs(list(cbs)):
        learn.fit_stage(stage(len(errors)))
    return learn


def loaded(path: Path) -> dict[str, Any]:
    return torch.load(path, weights_only=True)


@pytest.mark.parametrize(
    ("errors", "best"),
    [
        ([3.0, 2.0, 1.0], 3),
        ([1.0, 1.0, 1.0], 1),  # equal is no improvement
        ([1.0, NAN, 0.5, NAN], 3),  # NaN is never better
        ([NAN, 2.0, 3.0], 2),  # nor is a first one
    ],
)
def test_best_checkpoint_is_of_the_epoch_that_improved_strictly(
    make_learner: Make, run: RunFolder, errors: list[float], best: int
):
    checkpoints = Checkpointer(run.checkpoints)
    trained(make_learner, run, checkpoints, errors=errors)
    assert checkpoints.best_epoch == best
    assert loaded(run.checkpoints / "best.ckpt")["runner"]["epoch"] == best
    assert loaded(run.checkpoints / "last.ckpt")["runner"]["epoch"] == len(errors)
    assert sorted(path.name for path in run.checkpoints.iterdir()) == ["best.ckpt", "last.ckpt"]


def test_no_epoch_is_the_best_where_none_has_a_number(make_learner: Make, run: RunFolder):
    checkpoints = Checkpointer(run.checkpoints)
    trained(make_learner, run, checkpoints, errors=[NAN, NAN])
    assert (checkpoints.best_epoch, checkpoints.best) == (0, None)
    assert [path.name for path in run.checkpoints.iterdir()] == ["last.ckpt"]
    # one that an earlier version kept all the same
    checkpoints.load_state_dict({"value": None, "epoch": 1, "metrics": {}})
    assert checkpoints.best_epoch == 0


def test_best_checkpoint_of_nan_that_an_earlier_version_wrote_is_forgotten(make_learner: Make, run: RunFolder):
    last, best, checkpoints = (
        run.checkpoints / "last.ckpt",
        run.checkpoints / "best.ckpt",
        Checkpointer(run.checkpoints),
    )
    learn = trained(make_learner, run, checkpoints, errors=[NAN])
    assert checkpoints.lacks_number(learn.errors)
    state = loaded(last)
    state["best"].update(value=None, epoch=1)
    state["runner"].update(best_epoch=1)
    torch.save(state, best)
    settle_checkpoints(run.checkpoints, best, state)  # resumed from it
    assert not best.exists() and last.is_file() and state["runner"]["best_epoch"] == 0
    again, learn = Checkpointer(run.checkpoints), make_learner(task=Points([NAN, 7.0]), batch_size=24)
    learn.fit_stages([stage(3)], [again], start=state)
    assert again.best_epoch == loaded(best)["runner"]["epoch"] == 3


def test_checkpoint_holds_what_a_resume_needs_without_pickle(make_learner: Make, run: RunFolder):
    learn = trained(make_learner, run, Checkpointer(run.checkpoints), errors=[2.0, 1.0])
    state = loaded(run.checkpoints / "last.ckpt")
    # F3.14, and what an exact resume needs beyond it.
    expected = {
        "model",
        "optimizer",
        "scheduler",
        "runner",
        "task",
        "extra_ckp_caches",
        "scaler",
        "rng",
        "metrics",
        "plan",
    }
    assert expected <= state.keys() and (state["format"], state["kind"]) == (2, "auto_train checkpoint")
    assert (state["best"]["value"], state["best"]["epoch"]) == (1.0, 2)
    assert (state["runner"]["stage_name"], state["runner"]["epoch"], state["runner"]["max_epochs"]) == ("all", 2, 2)
    assert all(torch.equal(value, state["model"][name]) for name, value in learn.model.state_dict().items())
    other = make_learner()
    other.create_opt()
    other.opt.opt.load_state_dict(state["optimizer"])


def test_best_weights_are_those_of_the_best_epoch(make_learner: Make, run: RunFolder):
    checkpoints = Checkpointer(run.checkpoints)
    learn = trained(make_learner, run, checkpoints, errors=[1.0, 2.0, 3.0])
    best = loaded(run.checkpoints / "best.ckpt")["model"]
    assert not torch.equal(learn.model.state_dict()["1.0.weight"], best["1.0.weight"])
    with learn.added_cbs(checkpoints):
        checkpoints.load_best()
    assert all(torch.equal(value, best[name]) for name, value in learn.model.state_dict().items())


def test_checkpointer_without_an_epoch_has_no_best_weights(make_learner: Make, run: RunFolder):
    checkpoints = Checkpointer(run.checkpoints)
    learn = make_learner()
    with learn.added_cbs(checkpoints):
        checkpoints.load_best()
    assert not list(run.checkpoints.iterdir())


def test_weight_that_is_no_number_ends_the_training_before_it_is_saved(make_learner: Make, run: RunFolder):
    learn = make_learner(batch_size=24)
    with learn.added_cbs(Checkpointer(run.checkpoints)):
        learn.fit_stage(stage(1))
        learn.model.register_parameter("unused", torch.nn.Parameter(torch.tensor([NAN])))
        with pytest.raises(TrainingError, match=r"1 of the model's weights became NaN or infinite, unused among them"):
            learn.fit_stage(stage(1))
    assert "unused" not in loaded(run.checkpoints / "last.ckpt")["model"]


# Files that are no checkpoint of ours


def test_checkpoint_that_is_missing_is_named(tmp_path: Path):
    with pytest.raises(MissingError, match=r"none\.ckpt: this checkpoint does not exist"):
        load_checkpoint(tmp_path / "none.ckpt")


@pytest.mark.parametrize("content", [b"", b"no checkpoint at all", b"PK\x03\x04 half a zip"])
def test_checkpoint_of_other_bytes_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "last.ckpt").write_bytes(content)
    with pytest.raises(CheckpointError, match="this checkpoint is damaged, or it is none\n  start the training anew"):
        load_checkpoint(tmp_path / "last.ckpt")


def test_checkpoint_cut_short_names_the_other_one(make_learner: Make, run: RunFolder):
    trained(make_learner, run, Checkpointer(run.checkpoints), errors=[1.0])
    last = run.checkpoints / "last.ckpt"
    content = last.read_bytes()
    last.unlink()  # best.ckpt is another name of the same file
    last.write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointError, match=r"damaged.*\n  go on from .*best\.ckpt instead"):
        load_checkpoint(last)
    assert load_checkpoint(run.checkpoints / "best.ckpt")["runner"]["epoch"] == 1


def test_checkpoint_with_a_flipped_bit_in_a_tensor_is_refused(make_learner: Make, run: RunFolder):
    trained(make_learner, run, Checkpointer(run.checkpoints), errors=[1.0])
    content = bytearray((run.checkpoints / "last.ckpt").read_bytes())
    weights = load_checkpoint(run.checkpoints / "last.ckpt")["model"]["1.0.weight"].numpy().tobytes()
    content[content.index(weights)] ^= 1
    damaged = run.path / "damaged.ckpt"
    damaged.write_bytes(content)
    with pytest.raises(CheckpointError, match="this checkpoint is damaged"):
        load_checkpoint(damaged)


def test_checkpoint_with_code_in_it_is_refused_and_not_run(tmp_path: Path):
    class Evil:
        def __reduce__(self):
            return print, ("run",)

    torch.save({"kind": "auto_train checkpoint", "x": Evil()}, tmp_path / "last.ckpt")
    with pytest.raises(CheckpointError, match="damaged, or it is none"):
        load_checkpoint(tmp_path / "last.ckpt")


def test_checkpoint_of_another_program_is_refused(tmp_path: Path):
    torch.save({"state_dict": {}}, tmp_path / "last.ckpt")
    with pytest.raises(CheckpointError, match=r"no checkpoint of a training\n  weights alone are taken by"):
        load_checkpoint(tmp_path / "last.ckpt")


def test_checkpoint_of_a_newer_version_says_so(tmp_path: Path):
    torch.save({"kind": "auto_train checkpoint", "format": 99}, tmp_path / "last.ckpt")
    with pytest.raises(CheckpointError, match=r"a newer version .* \(format 99\) \(allowed: format 2\)\n  update"):
        load_checkpoint(tmp_path / "last.ckpt")


# What may not get into one


def test_numpy_numbers_in_metrics_do_not_spoil_a_checkpoint(make_learner: Make, run: RunFolder):
    class FromNumPy(Points):
        def batch_metric(self, out, batch):
            return {"np": (np.float64(0.5), np.int64(len(batch[1])))}

        def epoch_metric(self, epoch_cache):
            return {"f1": np.float32(0.25)}

    learn = make_learner(task=FromNumPy(), batch_size=24)
    learn.fit_stages([stage(1)], Checkpointer(run.checkpoints))
    for name in ("last.ckpt", "best.ckpt"):
        assert load_checkpoint(run.checkpoints / name)["metrics"]["train"]["f1"] == 0.25


def test_callbacks_state_that_needs_pickle_is_refused_when_it_is_saved(make_learner: Make, run: RunFolder):
    class Counter(Callback):
        def state_dict(self):
            return {"seen": {1, 2}}

    learn = make_learner(batch_size=24)
    with pytest.raises(TaskContractError, match=r"Counter\.state_dict\(\): this cannot be kept in a checkpoint"):
        learn.fit_stages([stage(1)], [Checkpointer(run.checkpoints), Counter()])


def test_weights_that_are_no_numbers_are_not_saved_in_the_middle_of_an_epoch(make_learner: Make, run: RunFolder):
    class Overflow(Points):
        def batch_loss(self, out, batch):
            loss, count = super().batch_loss(out, batch)["loss"]
            loss.register_hook(lambda gradient: gradient * NAN)
            return {"loss": (loss, count)}

    learn = make_learner(task=Overflow())
    with pytest.raises(TrainingError, match="weights became NaN or infinite"):
        learn.fit_stages([stage(1)], Checkpointer(run.checkpoints, minutes=0.0))
    assert not list(run.checkpoints.iterdir())
