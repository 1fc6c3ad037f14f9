"""Completion as the shells ask for it: bash itself, and the two others through the variables they set."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from auto_train.cli.completion import join_words
from tests.conftest import ROOT, RunCli

# A bash that presses Tab: the words as it splits them, then what the function of the script made of them.
PRESS_TAB = r"""
source <(auto-train --show-completion bash)
COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_auto_train_completion auto-train
printf '%s\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return an environment in which auto-train is this checkout's."""
    folder = tmp_path_factory.mktemp("bin")
    (folder / "auto-train").write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT}/main.py "$@"\n')
    (folder / "auto-train").chmod(0o755)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def ini(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ini")
    (folder / "my.ini").write_text("[mine]\nsetting = 1\n[training.scheme]\nepochs = 3\n")
    return folder / "my.ini"


def tab(program: dict[str, str], line: str) -> list[str]:
    """Return what bash offers at the end of a line."""
    words: list[str] = []
    for word in line.split(" "):
        # bash cuts words at =, and the = is a word
        head, *rest = word.split("=", 1)
        words += [head, "=", *filter(None, rest)] if rest else [head]
    done = subprocess.run(
        ["bash", "-c", PRESS_TAB, "bash", *words], env=program, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("auto-train tr", ["train"]),
        ("auto-train --ver", ["--version"]),
        ("auto-train config ex", ["explain"]),
        ("auto-train train --con", ["--config"]),
        ("auto-train validate --split ", ["test", "valid"]),
        ("auto-train validate --split=te", ["test"]),
        (
            "auto-train train --task ",
            ["classification", "multilabel", "object_detection", "regression", "segmentation"],
        ),
        ("auto-train train --config=INI mine.", ["mine.setting="]),
        ("auto-train train --config INI mine.", ["mine.setting="]),
        ("auto-train train mine.", []),
        ("auto-train train training.scheme.batch_s", ["training.scheme.batch_size="]),
        ("auto-train train --training.scheme.batch_s", ["--training.scheme.batch_size="]),
        ("auto-train config show INI mine.s", ["mine.setting="]),
        ("auto-train train training.reproducible=st", ["strict"]),
        ("auto-train train training.augment.flip=", ["false", "true"]),
        ("auto-train train --config=", []),
        ("auto-train trian ", []),
        ("auto-train serve --model ", []),
    ],
)
def test_bash_is_offered_what_may_stand_there(
    program: dict[str, str], ini: Path, line: str, offered: list[str]
) -> None:
    assert tab(program, line.replace("INI", str(ini))) == offered


def test_bash_is_offered_every_verb_first(program: dict[str, str]) -> None:
    assert {"train", "validate", "serve", "config", "doctor", "--help", "--version"} <= set(tab(program, "auto-train "))


def test_keys_come_from_the_ini_that_config_names(program: dict[str, str], ini: Path) -> None:
    assert tab({**program, "CONFIG": str(ini)}, "auto-train train mine.") == ["mine.setting="]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_offered_whole_words(program: dict[str, str], ini: Path, shell: str) -> None:
    asked = {"_AUTO_TRAIN_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}

    def offered(line: str) -> str:
        env = {**program, **asked, "_TYPER_COMPLETE_ARGS": line}
        done = subprocess.run(["auto-train"], env=env, capture_output=True, text=True, check=False)
        assert done.stderr == ""
        return done.stdout

    assert "validate" in offered("auto-train val")
    assert "--split=test" in offered("auto-train validate --split=te")
    assert "mine.setting=" in offered(f"auto-train train --config={ini} mine.")
    assert "training.reproducible=strict" in offered("auto-train train training.reproducible=st")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script_is_one_that_its_shell_can_read(run_cli: RunCli, shell: str) -> None:
    script = run_cli("--show-completion", shell).stdout
    assert "_AUTO_TRAIN_COMPLETE=complete_" in script and script.count("auto-train") >= 1
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


def test_bash_puts_no_blank_behind_a_key(run_cli: RunCli) -> None:
    assert "[[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace" in run_cli("--show-completion=bash").stdout


def test_install_writes_the_script_where_the_shell_reads_it(run_cli: RunCli, tmp_path: Path) -> None:
    done = run_cli("--install-completion", env={"HOME": str(tmp_path), "SHELL": "/bin/bash"})
    assert done.returncode == 0, done.stderr
    written = tmp_path / ".bash_completions/auto-train.sh"
    assert done.stdout == f"written: {written}\nopen a new bash to use it\n"
    assert "nospace" in written.read_text() and str(written) in (tmp_path / ".bashrc").read_text()


def test_unknown_shell_is_exit_2_and_names_those_known(run_cli: RunCli) -> None:
    done = run_cli("--show-completion", "csh")
    assert done.returncode == 2
    assert "there is no completion for the shell 'csh' (allowed: bash, zsh, fish)" in done.stderr


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["train", "--config", "=", "my.ini", "a"], ["train", "--config=my.ini", "a"]),
        (["train", "a.b", "="], ["train", "a.b="]),
        (["train", "a.b", "=", "1"], ["train", "a.b=1"]),
        ([], []),
    ],
)
def test_words_that_bash_took_apart_are_put_together(words: list[str], expected: list[str]) -> None:
    assert join_words(words) == expected
