"""prepare_cmd_args (F3.1)."""

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auto_train.errors import ConfigError, UsageError
from auto_train.training import prepare_cmd_args, qDict

SCRIPT = """
import sys
from auto_train.errors import Interrupted
from auto_train.training import QPipeline, prepare_cmd_args

is_to_stop = "--stop" in sys.argv
if is_to_stop:
    sys.argv.remove("--stop")
args = prepare_cmd_args()
if is_to_stop:
    raise Interrupted("asked to")
QPipeline(args)
"""
Call = Callable[..., qDict]
TRAINING = """
seed: 1
log_dir: ./logs
optim: {loss: mse, optimizer: adamw, optimizer_params: {lr: 5e-4}}
runner: {epochs: 3}
task: {dataloader: {batch_size: 8}}
"""


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Return a function that writes a config and gives the arguments of a script called with these words."""
    (tmp_path / "my.yml").write_text("seed: 1\na: {b: 2}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def run(*words: str, content: str | None = None, update: Any = None, config: str = "my.yml") -> qDict:
        if content is not None:
            Path(config).write_text(content, encoding="utf-8")
        monkeypatch.setattr("sys.argv", ["script.py", *(["--config", config] if config else []), *words])
        return prepare_cmd_args(update)

    return run


def adds(*names: str, **options: Any) -> Callable[[argparse.ArgumentParser], argparse.ArgumentParser]:
    def update(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
        parser.add_argument(*names, **options)
        return parser

    return update


def test_args_are_the_file_and_what_the_command_line_always_says(call: Call):
    args = call()
    assert args == {"seed": 1, "a": {"b": 2}, "test": False, "ddp_detect": False}
    assert type(args) is type(args.a) is qDict and args.ckp_file is None


def test_args_hold_the_options_that_are_given(call: Call):
    args = call("--ckp", "last.ckpt", "--test", "--ddp", "--local-rank", "3")
    assert args == {"seed": 1, "a": {"b": 2}, "ckp_file": "last.ckpt", "test": True, "ddp_detect": True}


@pytest.mark.parametrize("words", [["--ckp=x.pt"], ["--ckp-file", "x.pt"]])
def test_args_take_both_names_of_the_checkpoint(call: Call, words: list[str]):
    assert call(*words).ckp_file == "x.pt"


def test_args_take_the_short_name_of_the_config(call: Call):
    assert call("-c", "my.yml", config="").seed == 1


@pytest.mark.parametrize("word", ["yes", "TRUE", "t", "y", "1"])
@pytest.mark.parametrize("name", ["--ddp", "--ddp-detect"])
def test_args_ddp_takes_words_for_true(call: Call, name: str, word: str):
    assert call(name, word).ddp_detect is True


@pytest.mark.parametrize("word", ["no", "False", "f", "n", "0"])
def test_args_ddp_takes_words_for_false(call: Call, word: str):
    assert call("--ddp", word).ddp_detect is False


def test_args_ddp_refuses_other_words(call: Call, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as end:
        call("--ddp", "perhaps")
    assert end.value.code == 2 and "'perhaps' is neither yes nor no" in capsys.readouterr().err


def test_args_hold_the_scripts_own_options_also_those_left_none(call: Call):
    assert call(update=adds("--file", type=str)).to_dict()["file"] is None
    assert call("--file", "x.csv", update=adds("--file", type=str)).file == "x.csv"


@pytest.mark.parametrize("default", [None, 7])
def test_args_option_that_is_not_given_leaves_the_files_key(call: Call, default: int | None):
    # the original lets its default erase the file's value
    assert call(update=adds("--seed", type=int, default=default)).seed == 1
    assert call("--seed", "7", update=adds("--seed", type=int, default=default)).seed == 7


def test_args_ddp_and_test_of_the_file_count_where_no_option_is_given(call: Call):
    args = call(content="ddp_detect: true\ntest: true\n")
    assert args.ddp_detect is True and args.test is True
    assert call("--ddp", "no", content="ddp_detect: true\n").ddp_detect is False


def test_args_default_of_an_option_counts_where_the_file_has_no_such_key(call: Call):
    assert call(update=adds("--size", type=int, default=32)).size == 32


def test_args_option_given_with_its_default_counts_as_given(call: Call):
    assert call("--seed", "7", update=adds("--seed", type=int, default=7)).seed == 7
    assert call("--tag", "a", update=adds("--tag", action="append")).tag == ["a"]
    assert call("-v", "-v", update=adds("-v", action="count", default=0)).v == 2


def test_args_positional_of_the_script_is_not_taken_for_a_value(call: Call):
    args = call("--a.b", "3", "data.csv", update=adds("table"))
    assert args.a.b == 3 and args.table == "data.csv"


def test_args_dotted_option_of_the_script_belongs_to_it(call: Call):
    assert call("--my.own", "3", update=adds("--my.own", dest="own", type=int)).own == 3


def test_args_update_parser_must_return_the_parser(call: Call):
    with pytest.raises(UsageError, match=r"updateParser returned 'None' \(allowed: the parser.*\n  end it with"):
        call(update=lambda parser: None)


@pytest.mark.parametrize(("config", "named"), [("no.yml", "no.yml"), ("", "--config")])
def test_args_missing_config_is_a_warning(call: Call, config: str, named: str):
    with pytest.warns(UserWarning, match=f"{named} not found, config file will be ignored"):
        assert call("--a.b", "1", config=config) == {"test": False, "ddp_detect": False, "a": {"b": 1}}


def test_args_ini_is_refused_with_the_command_for_it(call: Call):
    with pytest.raises(UsageError, match=r"my.ini: this is an INI.*\n  python main.py train --config=my.ini"):
        call(content="[a]\n", config="my.ini")


def test_args_config_that_is_no_yaml_is_refused(call: Call):
    with pytest.raises(UsageError, match=r"my.yml:2: this is no YAML we read"):
        call(content="a: [1\n")


def test_args_file_inherits_and_is_normalised(call: Call, tmp_path: Path):
    (tmp_path / "base.yml").write_text("lr: 5e-4\nname: none\n", encoding="utf-8")
    args = call(content="$BASE: base.yml\nseed: 2\n")
    assert args.lr == 0.0005 and args.seed == 2 and args.to_dict()["name"] is None and "$BASE" not in args


def test_args_dotted_options_come_last(call: Call):
    args = call("--seed", "7", "--a.b=5", "--a.c", "yes", update=adds("--seed", type=int))
    assert args.seed == 7 and args.a == {"b": 5, "c": True}


def test_args_dotted_option_below_an_option_of_the_parser_is_refused(call: Call):
    with pytest.raises(ValueError, match="'config' is an option of its own"):
        call("--config.path", "x")
    with pytest.raises(ValueError, match="'file' is an option of its own"):
        call("--file.path", "x", update=adds("--file"))


def test_args_dotted_option_of_another_type_is_refused(call: Call):
    with pytest.raises(ValueError, match=r"Invalid int override for 'a\.b': 'x'"):
        call("--a.b", "x")


@pytest.mark.parametrize(
    "words", [["--seed", "3"], ["--unknown"], ["stray"], ["-x"], ["--a.b", "1", "stray"], ["--a.c", "-1"], ["--tes"]]
)
def test_args_unknown_words_are_errors_of_argparse(call: Call, capsys: pytest.CaptureFixture[str], words: list[str]):
    with pytest.raises(SystemExit) as end:
        call(*words)
    assert end.value.code == 2 and "unrecognized arguments" in capsys.readouterr().err


def test_args_help_tells_of_dotted_options(call: Call, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as end:
        call("--help")
    assert end.value.code == 0 and "--runner.max_epochs 20" in capsys.readouterr().out


def test_args_of_a_training_are_checked_when_they_are_loaded(call: Call):
    assert call(content=TRAINING).optim.optimizer_params.lr == 0.0005
    with pytest.raises(ConfigError, match=r"optim.optimizer: 'adamx' is not known \(allowed: did you mean 'adam'"):
        call(content=TRAINING.replace("adamw", "adamx"))
    with pytest.raises(ConfigError, match=r"runner.epochs: '0' is out of range \(allowed: >= 1\)"):
        call("--runner.epochs", "0", content=TRAINING)


def test_args_of_a_training_are_completed(call: Call):
    args = call(content=TRAINING)
    assert args.runner.max_epochs == 3 and args.task.dataloader.eval_batch_size == 8


def test_args_of_a_training_may_have_keys_of_the_scripts_own_options(call: Call):
    assert call("--file", "x", content=TRAINING, update=adds("--file")).file == "x"
    with pytest.raises(ConfigError, match="file: there is no such key"):
        call(content=f"{TRAINING}\nfile: x\n")
    with pytest.raises(ConfigError, match="seed: '-1' is out of range"):
        call("--seed=-1", content=TRAINING, update=adds("--seed", type=int))


def test_args_of_another_kind_are_the_scripts_own(call: Call):
    assert call(content="seed: -1\nanything: {goes: 1}\n").anything.goes == 1


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--runner.epochs=abc"], 2, "runner.epochs"),
        ([], 2, "this pipeline has no task"),
        (["--stop"], 130, "stopped: asked to"),
    ],
)
def test_script_ends_with_a_message_and_an_exit_code(tmp_path: Path, words: list[str], code: int, message: str):
    (tmp_path / "my.yml").write_text(TRAINING, encoding="utf-8")
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "script.py", "--config=my.yml", *words], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    assert message in done.stderr and "Traceback" not in done.stderr


def test_script_with_a_mistake_in_its_code_shows_where(tmp_path: Path):
    (tmp_path / "script.py").write_text("from auto_train.training import prepare_cmd_args\nprepare_cmd_args().x / 0\n")
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" in done.stderr
