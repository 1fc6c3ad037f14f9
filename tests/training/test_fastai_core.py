import json
import subprocess
import sys

import pytest

# Each in a process of its own: what is imported stays imported.
LOADED = "import json, sys; print(json.dumps([name in sys.modules for name in ('matplotlib', 'scipy', 'sklearn')]))"


def printed(*lines: str) -> object:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", "\n".join(lines)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_learner_is_imported_without_matplotlib_scipy_and_sklearn():
    assert printed("import auto_train.training.learner, auto_train.training.lr_finder", LOADED) == 3 * [False]


@pytest.mark.parametrize(
    "before", ["", "import scipy", "import sklearn.metrics", "import matplotlib", "import fastai.learner"]
)
def test_fastai_works_whole_afterwards(before: str):
    found = printed(
        before,
        "from auto_train.training.fastai_core import Callback",
        "from fastai.vision.all import *",
        "import fastai.callback.core, fastai.imports, scipy.ndimage, sklearn.model_selection, json",
        "train, valid = TrainTestSplitter(test_size=0.25, random_state=1)(list(range(8)))",
        "same = fastai.imports.ndimage.zoom is scipy.ndimage.zoom",
        "f1 = F1Score()(tensor([1, 0]), tensor([1, 0]))",
        "matrix = fastai.imports.scipy.sparse.csr_matrix([[1, 0]])",
        "same = same and Callback is fastai.callback.core.Callback",
        "import matplotlib, matplotlib.axes",
        "matplotlib.use('agg')",
        "same = same and isinstance(show_image(torch.rand(3, 4, 4)), matplotlib.axes.Axes)",
        "same = same and isinstance(plt.gcf(), plt.Figure)",
        "print(json.dumps([len(train), len(valid), same, float(f1), int(matrix.nnz)]))",
    )
    assert found == [6, 2, True, 1.0, 1]


def test_parts_of_scipy_are_whole_afterwards():
    lines = ["import auto_train.training.learner, json", "from scipy.stats import rankdata"]
    assert printed(*lines, "import sklearn.metrics", "print(json.dumps(rankdata([3, 1]).tolist()))") == [2.0, 1.0]
