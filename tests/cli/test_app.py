import json
import subprocess
import sys
from pathlib import Path

import pytest

from auto_train.cli.app import with_task
from tests.conftest import RunCli

HEAVY = ("torch", "confection", "fastapi", "numpy", "rich", "loguru", "pydantic")


def test_bare_call_prints_help_and_exits_0(run_cli: RunCli) -> None:
    done = run_cli()
    assert done.returncode == 0
    assert all(verb in done.stdout for verb in ("train", "validate", "serve", "config"))


@pytest.mark.parametrize(
    "words",
    [["--help"], ["train", "--help"], ["validate", "--help"], ["serve", "--help"], ["config", "lint", "--help"]],
)
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    code = (
        f"import sys; from auto_train.cli import main\ntry: main({words})\nexcept SystemExit as end: print(end.code)\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-2:] == ["0", "[]"]


def test_version_is_printed(run_cli: RunCli) -> None:
    assert run_cli("--version").stdout.count(".") == 2


def test_module_is_the_same_program() -> None:
    done = subprocess.run([sys.executable, "-m", "auto_train", "--help"], capture_output=True, text=True, check=True)
    assert "Verbs:" in done.stdout


def test_unknown_verb_is_exit_2_with_the_nearest(run_cli: RunCli) -> None:
    done = run_cli("trian")
    assert done.returncode == 2
    assert "error: there is no verb 'trian' (allowed: did you mean 'train'?" in done.stderr


def test_unknown_option_is_exit_2_with_the_nearest(run_cli: RunCli) -> None:
    done = run_cli("train", "--confg=x.ini")
    assert done.returncode == 2
    assert "No such option: --confg" in done.stderr
    assert "--config" in done.stderr
    assert "see: auto-train train --help" in done.stderr


@pytest.mark.parametrize("verb", ["train", "validate", "serve"])
def test_missing_config_is_exit_2_in_one_clear_line(run_cli: RunCli, tmp_path: Path, verb: str) -> None:
    done = run_cli(verb, f"--config={tmp_path / 'none.ini'}")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [f"error: {tmp_path / 'none.ini'}: this file does not exist"]


def test_no_config_at_all_is_exit_2_and_says_how_to_name_one(run_cli: RunCli) -> None:
    done = run_cli("train")
    assert done.returncode == 2
    assert "--config=FILE.ini or the variable CONFIG" in done.stderr


@pytest.mark.parametrize("words", [["train"], ["trian"], ["train", "--confg"], ["serve", "x"]])
def test_error_with_json_is_a_json_line_too(run_cli: RunCli, words: list[str]) -> None:
    done = run_cli(*words, "--json")
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["type"] == "error"
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")


def test_unknown_task_lists_the_recipes(run_cli: RunCli) -> None:
    done = run_cli("train", "--task=clasification")
    assert done.returncode == 2
    assert "'clasification' is no task that is available here (allowed: did you mean 'classification'?" in done.stderr


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["train", "--json"], ["train", "--task", "one", "--json"]),
        (["serve", "--task=two"], ["serve", "--task", "one", "--task=two"]),
        (["config", "lint", "x.ini"], ["config", "lint", "x.ini"]),
        (["config", "explain", "a.b"], ["config", "explain", "--task", "one", "a.b"]),
        (["config"], ["config"]),
        (["trian"], ["trian"]),
        (["--help"], ["--help"]),
        ([], []),
    ],
)
def test_task_of_a_recipe_is_given_to_the_verbs_that_take_one(words: list[str], expected: list[str]) -> None:
    assert with_task(words, "one") == expected


def test_piped_output_has_no_colour(run_cli: RunCli) -> None:
    done = run_cli("trian")
    assert "\x1b" not in done.stderr + done.stdout
