"""The learning-rate finder: fastai's mock training with a rising rate, the weights put back afterwards."""

import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch

from auto_train.errors import TrainingError
from auto_train.training.fastai_core import Recorder, minimum, steep
from auto_train.training.learner import Learner

STEPS = 100


def find_learning_rate(learn: Learner, plot: Path | None = None) -> float:
    """Return the larger of the two rates "a tenth of the minimum's" and "steepest descent" (F2.9).

    The model's weights, the optimizer and the random state of torch are as before when it returns.

    Args:
        plot: PNG to draw loss over rate into.
    """
    kept = next((cb for cb in learn.cbs if isinstance(cb, Recorder)), None)
    recorder = kept or Recorder()
    # fastai keeps the weights in a file under learn.path meanwhile.
    with tempfile.TemporaryDirectory() as folder, torch.random.fork_rng(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="numpy.core is deprecated", category=DeprecationWarning)
        path, learn.path = learn.path, Path(folder)
        try:
            with learn.added_cbs(None if kept else recorder):
                found = learn.lr_find(num_it=STEPS, show_plot=False, suggest_funcs=(minimum, steep))
        except IndexError as error:  # the loss exploded before there was a curve to read
            raise TrainingError(
                "the learning-rate finder saw too few steps to suggest a rate",
                hint="set [training.scheme] learning_rate, for example 1e-3",
            ) from error
        finally:
            learn.path = path
    rate = max(found.minimum, found.steep)
    if plot is not None:
        _draw(recorder.lrs, recorder.losses, rate, plot)
    return float(rate)


def _draw(rates: Sequence[float], losses: Sequence[torch.Tensor], chosen: float, path: Path) -> None:
    """Draw the curve on a logarithmic rate axis; the last five points, where it explodes, are cut."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(rates[:-5], [float(loss) for loss in losses[:-5]])
    axes.axvline(chosen, linestyle="--", color="tab:orange", label=f"chosen: {chosen:.2g}")
    axes.set(xscale="log", xlabel="learning rate", ylabel="smoothed loss")
    axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
