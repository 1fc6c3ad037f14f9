from pathlib import Path

import pytest

from auto_train.config import load_config
from auto_train.proposal.choice import Choice
from auto_train.proposal.ini import render

DIR = "training.dir"


def test_render_groups_by_section_and_says_equal_reasons_once() -> None:
    choices = [
        Choice(key="training.augment.zoom", value=0.2, why="near and far"),
        Choice(key="training.augment.shift", value=0.1, why="near and far"),
        Choice(key="project.name", value="x", why="its name"),
        Choice(key="training.augment.flip", value=False, why="text"),
    ]
    assert render(["A title", ""], choices) == (
        "# A title\n#\n\n[project]\n# its name\nname = x\n\n"
        "[training.augment]\n# near and far\nzoom = 0.2\nshift = 0.1\n# text\nflip = false\n"
    )


@pytest.mark.parametrize(
    "value",
    [
        "plain/folder",
        "with blanks and # ; signs",
        " blanks around ",
        "$HOME/${project.name}/$$",
        "a\nb\r\n[project]\tc",
        'quo"te',
        "it's",
        "'quoted'",
        "123",
        "true",
        "none",
        "[1, 2]",
        "{a}",
        "back\\slash",
        "Blüten 花 \u2028 \u0007",
        "x" * 255,
        "=",
        ":",
        "#",
    ],
)
def test_render_any_path_is_read_back_as_it_is(tmp_path: Path, value: str) -> None:
    ini = tmp_path / "x.ini"
    choices = [Choice(key="project.name", value="x", why=value), Choice(key=DIR, value=value, why=value)]
    ini.write_text(render([value], choices), encoding="utf-8")
    config = load_config(ini)
    assert (config[DIR], config.project.name, config.warnings) == (value, "x", ())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("architecture.image_size", 16),
        ("architecture.mean", [0.5, 0.5, 0.5]),
        ("architecture.backbone.args.channels", [32, 64, 128, 256]),
        ("architecture.backbone.pretrained", False),
        ("training.scheme.learning_rate", 2e-3),
    ],
)
def test_render_any_value_keeps_its_type(tmp_path: Path, key: str, value: object) -> None:
    ini = tmp_path / "x.ini"
    ini.write_text(render(["x"], [Choice(key=key, value=value, why="so")]), encoding="utf-8")
    assert load_config(ini)[key] == value
