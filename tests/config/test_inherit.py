"""``[META] base`` and ``$BASE`` in INIs (F2.15, F3.2)."""

from pathlib import Path

import pytest

from auto_train.config import lint_config, load_config


def errors(path: Path) -> list[str]:
    return [str(at) for at in lint_config(path) if at.level == "error"]


def test_base_is_found_in_the_working_directory_first_then_beside_the_file(write_ini):
    write_ini("[project]\nname = here\n", "shared.ini")
    write_ini("[project]\nname = beside\n", "deep/shared.ini")
    path = write_ini("[META]\nbase = shared\n", "deep/my.ini")
    assert load_config(path).project.name == "here"
    Path("shared.ini").unlink()
    assert load_config(path).project.name == "beside"


def test_base_may_be_absolute_and_keep_its_ending(write_ini):
    base = write_ini("[project]\nname = absolute\n", "far/away.ini")
    assert load_config(write_ini(f"[META]\nbase = {base}\n")).project.name == "absolute"


@pytest.mark.parametrize("base", ['["one", "two"]', "one, two", "one.ini, two.ini,"])
def test_base_list_lets_the_later_win(write_ini, base: str):
    write_ini("[project]\nname = one\nlocation = one\n", "one.ini")
    write_ini("[project]\nname = two\n", "two.ini")
    config = load_config(write_ini(f"[META]\nbase = {base}\n"))
    assert (config.project.name, config.project.location) == ("two", "one")


@pytest.mark.parametrize(
    "text",
    [
        '[META]\nbase = {"training": "part.ini"}\n',
        '$BASE = {"training": ["part.ini"]}\n[project]\nname = a\n',
        '[META]\n$BASE = ["other.ini", {"training": "part"}]\n',
    ],
)
def test_base_mapping_puts_a_file_under_a_key(write_ini, text: str):
    write_ini("[scheme]\nepochs = 9\n", "part.ini")
    write_ini("[project]\nname = a\n", "other.ini")
    path = write_ini(text)
    assert lint_config(path) == list(load_config(path).warnings)
    assert load_config(path).training.scheme.epochs == 9


def test_base_lists_and_scalars_are_replaced_whole(write_ini):
    write_ini('[project]\nclasses = ["a", "b"]\n[my]\nx = {"k": 1, "l": 2}\n', "base.ini")
    config = load_config(write_ini('[META]\nbase = base\n[project]\nclasses = c\n[my]\nx = {"k": 3}\n'))
    assert config.project.classes == ["c"]
    assert config.my.x == {"k": 3}


def test_base_is_removed_from_the_result(write_ini):
    write_ini("[project]\nname = a\n", "base.ini")
    assert "META" not in load_config(write_ini("[META]\nbase = base\n"))


def test_base_diamond_is_allowed(write_ini):
    write_ini("[project]\nname = root\nlocation = root\n", "root.ini")
    write_ini("[META]\nbase = root\n[project]\nname = left\n", "left.ini")
    write_ini("[META]\nbase = root\n[architecture]\nimage_size = 64\n", "right.ini")
    config = load_config(write_ini("[META]\nbase = left, right\n"))
    assert (config.project.name, config.project.location, config.architecture.image_size) == ("root", "root", 64)


def test_base_loop_names_the_chain(write_ini):
    write_ini("[META]\nbase = two\n", "one.ini")
    path = write_ini("[project]\nname = a\n\n[META]\nbase = one\n", "two.ini")
    (message,) = errors(path)
    assert message.endswith("one.ini:2 [META] base: Loop Inherit: two.ini → one.ini → two.ini")


def test_base_depth_of_five_is_allowed_and_six_is_not(write_ini):
    write_ini("[project]\nname = deepest\n", "level6.ini")
    for level in range(6):
        write_ini(f"[META]\nbase = level{level + 1}\n", f"level{level}.ini")
    assert load_config("level1.ini").project.name == "deepest"
    assert "inherit depth should be <5: level6.ini is one level too deep" in errors(Path("level0.ini"))[0]


def test_base_with_mistakes_reports_them_at_their_own_lines(write_ini):
    base = write_ini("[project]\n\nnmae = a\n[training.scheme]\nepochs = x\n", "base.ini")
    assert errors(write_ini("[META]\nbase = base\n")) == [
        f"{base}:3 [project] nmae: unknown key; did you mean 'name'?",
        f"{base}:5 [training.scheme] epochs: 'x' is no number (allowed: int >= 0)",
    ]


def test_base_that_is_no_text_is_reported_as_that_file(write_ini, tmp_path: Path):
    (tmp_path / "base.ini").write_bytes(b"\x00\x01")
    assert errors(write_ini("[META]\nbase = base\n")) == [
        f"{tmp_path}/base.ini:1: this is a binary file, not text: byte 0 is 0x00"
    ]


def test_base_that_is_missing_does_not_hide_other_mistakes(write_ini):
    path = write_ini("[META]\nbase = gone\n[training.scheme]\nepochs = x\noutput = ${from_the_base}/${no good}\n")
    first, *others = errors(path)
    assert "the base 'gone' does not exist" in first
    assert others == [
        f"{path}:4 [training.scheme] epochs: 'x' is no number (allowed: int >= 0)",
        f"{path}:5 [training.scheme] output: '${{no good}}' is no reference (allowed: ${{section.key}}, ${{key}}, "
        "${section})",
    ]


def test_base_may_name_the_task(write_ini):
    write_ini("[project]\ntype = tracking\n", "base.ini")
    assert "base.ini:2 [project] type: 'tracking' is no task" in errors(write_ini("[META]\nbase = base\n"))[0]
