import pytest

from auto_train.config import lint_config, load_config


def warned(path) -> list[tuple[int | None, str]]:
    problems = lint_config(path)
    assert all(problem.level == "warning" for problem in problems), problems
    return [(problem.line, problem.key) for problem in problems]


@pytest.mark.parametrize(
    ("lines", "at"),
    [
        ("[project]\nclasses = red, #2 pencil, blue", [(2, "classes")]),
        ("[project]\nclasses = red, # 2 pencil", [(2, "classes")]),
        ("[project]\nclasses = #1, #2, #3", [(2, "classes")]),
        ("[project]\nclasses = red ;green", [(2, "classes")]),
        ("[project]\nclasses = [\n  red\n  #2 pencil\n  blue\n  ]", [(4, "classes")]),
        ("[project]\nclasses =\n  red,\n  blue #2", [(4, "classes")]),
        ("[project]\nname = shop #3", [(2, "name")]),
        ("[training]\ndir = /data/run #3/images", [(2, "dir")]),
        ("[my]\ncolour = #ff0000\n[x]\ny = ${my.colour}", [(2, "colour"), (3, "")]),
    ],
)
def test_hash_that_cuts_a_value_is_warned_of_at_its_line(write_ini, lines: str, at: list[tuple[int, str]]):
    found = warned(write_ini(f"{lines}\n"))
    assert found[0] == at[0]


@pytest.mark.parametrize(
    "lines",
    [
        "[project]\nname = mnist # the digits",
        "[project]\nname = mnist  ; the digits",
        "[project]\nclasses = red, blue # in the model's order",
        "[project]\nclasses = [red, # the first\n  blue # the second\n  ]",
        "[project]\nclasses =\n  red, # the first\n  blue",
        "[project]\nclasses = [red,\n  # green,\n  blue]",
        "[training.scheme]\nepochs = 3 #three\noptimizer = sgd #plain",
        "[training]\ndir = data\n  #jobs = 3\n  #---------\n",
        '[project]\nname = "a #1"\nclasses = ["#1", "#2"]',
        "[training]\ndir = /data/run#3",
    ],
)
def test_comment_that_reads_as_one_is_no_problem(write_ini, lines: str):
    assert warned(write_ini(f"{lines}\n")) == []


def test_path_that_is_there_with_what_was_cut_is_warned_of(write_ini, tmp_path):
    (tmp_path / "run # 3").mkdir()
    assert warned(write_ini(f"[training]\ndir = {tmp_path}/run # 3\n")) == [(2, "dir")]


def test_value_in_quotes_keeps_its_hash(write_ini):
    config = load_config(write_ini('[project]\nclasses = red, "#2 pencil"\n[training]\ndir = "/data/run #3"\n'))
    assert config.project.classes == ["red", "#2 pencil"]
    assert config.training.dir == "/data/run #3"
