import pytest

from auto_train.config import lint_config, load_config
from auto_train.config.quoted import quote_value, unquote

WINDOWS = [r"C:\new\table", r"d:\data", r"\\server\share\new", r"C:\data\ü"]


@pytest.mark.parametrize("path", WINDOWS)
@pytest.mark.parametrize("section", ["training", "my"])
def test_windows_path_in_quotes_keeps_its_backslashes(write_ini, path: str, section: str):
    ini = write_ini(f'[{section}]\ndir = "{path}"\nlist = ["{path}", "{path}2"]\n')
    config = load_config(ini)
    assert config[f"{section}.dir"] == path
    assert config[f"{section}.list"] == [path, f"{path}2"]


def test_windows_path_with_doubled_backslashes_is_the_same_path(write_ini):
    assert load_config(write_ini('[training]\ndir = "C:\\\\new\\\\table"\n')).training.dir == r"C:\new\table"


def test_path_relative_to_the_folder_keeps_its_backslashes(write_ini):
    assert load_config(write_ini('[training]\ndir = "data\\new"\n')).training.dir == r"data\new"


@pytest.mark.parametrize("path", WINDOWS)
def test_windows_path_needs_no_quotes_and_survives_being_written(write_ini, path: str):
    config = load_config(write_ini(f"[training]\ndir = {path} #1\n"), [f'project.location="{path} #1"'])
    assert config.project.location == f"{path} #1"
    assert load_config(write_ini(config.to_ini())) == config


def test_windows_path_that_ends_in_a_backslash_says_what_to_write(write_ini):
    (problem,) = lint_config(write_ini('[training]\ndir = "C:\\new\\"\n'))
    assert (problem.level, problem.line, problem.key) == ("error", 2, "dir")
    assert "backslash" in problem.message


def test_path_with_a_line_break_is_refused(write_ini):
    (problem,) = [at for at in lint_config(write_ini("[training]\ndir = a\n   b\n")) if at.level == "error"]
    assert problem.key == "dir"


@pytest.mark.parametrize(
    "value", ["a:\nb", "C:\\new", "\\\\new\n", "\\new\n", 'say "C:\\new"', ["a:\n", {"k": "b:\t\\"}], "\\\\\\n", ""]
)
def test_any_value_that_is_written_is_read_again(value: object):
    assert unquote(quote_value(value)) == value
    assert unquote(quote_value(value), is_path=True) == value
