"""docs/tasks.md: its files train, resume and are measured as it says."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from auto_train.config import load_yaml
from auto_train.training.pipeline.qdict import qDict
from auto_train.training.pipeline.schema import schema, validate_args
from auto_train.training.task import EVENTS, HOOKS
from tests.pages import ROOT, files_of

PAGE = (ROOT / "docs/tasks.md").read_text(encoding="utf-8")
COMMAND = re.compile(r"^python diabetes.py (.*?)(?: +#.*)?$", re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the page's files."""
    folder = tmp_path_factory.mktemp("tasks")
    for name, content in files_of(ROOT / "docs/tasks.md").items():
        (folder / name).write_text(content, encoding="utf-8")
    return folder


# One process for all commands: most of their time would be the import of torch.
DRIVER = """
import contextlib, io, json, runpy, sys
for words in json.loads(sys.argv[1]):
    sys.argv = ["diabetes.py", *words]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        runpy.run_path("diabetes.py", run_name="__main__")
    print(printed.getvalue().strip())
"""


@pytest.fixture(scope="module")
def results(folder: Path) -> list[Any]:
    """Return what each of the page's commands prints."""
    commands = [command.split() for command in COMMAND.findall(PAGE)]
    process = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", DRIVER, json.dumps(commands)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    return [ast.literal_eval(line) for line in process.stdout.splitlines()]


def test_page_commands_do_what_they_say(folder: Path, results: list[Any]):
    first, changed, resumed, tested = results
    assert first["terminal_reason"] in ("max_epochs", "early_stop") and first["final_epoch"] <= 20
    # the mean of the targets alone would give 0.83
    assert first["best_monitored_metric"] < 0.7
    assert first["final_epoch"] <= changed["final_epoch"] <= 40
    assert resumed["final_epoch"] >= changed["final_epoch"] and tested["mae"] < 0.75
    rows = (folder / "logs/diabetes/metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(row)["epoch"] for row in rows] == list(range(1, resumed["final_epoch"] + 1))
    assert set(first) == set(re.findall(r"`(\w+)`", PAGE.partition("`fit()` returns")[2].partition(":\n")[0]))


@pytest.mark.usefixtures("results")
def test_page_names_every_file_that_a_training_leaves(folder: Path):
    named = set(re.findall(r"`([\w.]+)`", PAGE.partition("## What is left")[2].partition("##")[0]))
    left = {path.name for path in (folder / "logs/diabetes").rglob("*") if path.is_file() and path.name != ".lock"}
    assert {name for name in left if not re.match(r"metrics\.\d", name)} <= named


def test_page_arguments_are_accepted(folder: Path):
    args = qDict(load_yaml(folder / "more.yml"))
    validate_args(args)
    assert args.optim.groups[0]["pattern"] == r"^encoder\."
    known = set(schema()["$defs"]["optim"]["properties"]) | set(schema()["$defs"]["runner"]["properties"])
    assert {*args.optim, *args.runner} <= known


def test_page_names_the_hooks_there_are():
    hooks = set(HOOKS) - {*EVENTS, *EVENTS.values()}
    assert "extra_batch_metrics" in hooks and {name for name in hooks if name not in PAGE} == set()
    assert all(event in EVENTS for event in re.findall(r"`(on[A-Z]\w+)\(", PAGE))
