import re
from pathlib import Path

import pytest

from auto_train.config import Config, default_config, load_config
from auto_train.errors import UsageError
from auto_train.runs.changes import Change, check_allowed, find_changes, flat, table
from auto_train.runs.folder import RunFolder


def changed(*overrides: str, before: Config | None = None) -> list[Change]:
    return find_changes(flat(before or default_config()), default_config(overrides=list(overrides)))


def test_config_without_changes_has_none():
    assert changed() == []


@pytest.mark.parametrize(
    ("override", "before", "effect"),
    [
        ("training.scheme.epochs=20", "5", "re-plans"),
        ("training.augment.flip=false", "true", "safe"),
        ("export.formats=[]", '["onnx"]', "safe"),
        ("architecture.image_size=64", "224", "refused, the weights were learnt in this architecture"),
        ("project.data.valid_fraction=0.3", "0.2", "refused, manifest.csv holds the splits of the run"),
        ("training.scheme.monitor=loss", "accuracy", "refused, the best epoch so far was chosen by it"),
    ],
)
def test_change_says_what_it_does(override: str, before: str, effect: str):
    key, after = override.split("=")
    assert changed(override) == [Change(key=key, before=before, after=after, effect=effect)]


def test_changes_stand_in_the_order_of_the_recipe():
    found = changed("serve.port=1", "training.scheme.epochs=2", "architecture.image_size=64")
    assert [change.key for change in found] == ["architecture.image_size", "training.scheme.epochs", "serve.port"]


def test_key_that_only_a_newer_program_knows_is_no_change():
    before = flat(default_config())
    del before["training.scheme.epochs"], before["training.scheme.ema_decay"]
    (found,) = find_changes(before, default_config(overrides=["training.scheme.ema_decay=0.9"]))
    assert (found.key, found.before, found.after) == ("training.scheme.ema_decay", "(absent)", "0.9")


def test_arguments_of_functions_are_keys_too():
    before = flat(
        default_config(overrides=["architecture.backbone.args.width=2", "training.scheme.optimizer_params.eps=1e-3"])
    )
    found = find_changes(before, default_config())
    assert {change.key: (change.after, change.effect) for change in found} == {
        "architecture.backbone.args.width": ("(absent)", "refused, the weights were learnt in this architecture"),
        "training.scheme.optimizer_params.eps": (
            "(absent)",
            "refused, what the optimizer has gathered depends on them",
        ),
    }


def test_key_that_no_recipe_knows_changes_nothing_by_itself(tmp_path: Path):
    ini = tmp_path / "a.ini"
    ini.write_text("[mine]\nsize = 3\n[training.scheme]\nbatch_size = ${mine.size}\n")
    (own, used) = find_changes(flat(load_config(ini)), load_config(ini, ["mine.size=4"]))
    assert {own.key: own.effect, used.key: used.effect} == {
        "mine.size": "safe",
        "training.scheme.batch_size": "re-plans",
    }


def test_values_are_compared_with_their_type():
    before = flat(default_config(overrides=["architecture.backbone.args.x=true"]))
    (found,) = find_changes(before, default_config(overrides=["architecture.backbone.args.x=1"]))
    assert (found.before, found.after) == ("true", "1")


def test_allowed_changes_pass(tmp_path: Path):
    check_allowed(changed("training.scheme.epochs=20", "training.augment.flip=false"), RunFolder(tmp_path))


def test_refused_changes_are_named_all_at_once_with_the_command_that_trains_anew(tmp_path: Path):
    words = ["architecture.image_size=64", "project.classes=[a b, c]", "training.scheme.epochs=20"]
    with pytest.raises(UsageError) as caught:
        check_allowed(changed(*words), RunFolder(tmp_path))
    assert str(caught.value).splitlines() == [
        f"{tmp_path}: 2 of 3 changes are not for a run that goes on:",
        '  project.classes          none → ["a b", "c"]  refused: the model\'s outputs are in this order',
        "  architecture.image_size   224 → 64            refused: the weights were learnt in this architecture",
        "  leave them out, or train anew: python main.py train "
        f'--config={tmp_path}/config.ini \'project.classes=["a b", "c"]\' architecture.image_size=64 '
        "training.scheme.epochs=20",
    ]
    with pytest.raises(UsageError, match="this change is not for a run that goes on"):
        check_allowed(changed("training.seed=1"), RunFolder(tmp_path))


def test_table_is_aligned():
    lines = table(changed("training.scheme.epochs=20", "training.augment.flip=false", "training.scheme.lr_mult=100"))
    assert lines == [
        "  training.augment.flip    true → false  safe",
        "  training.scheme.epochs      5 → 20     re-plans the schedule",
        "  training.scheme.lr_mult   4.0 → 100.0  re-plans the schedule",
    ]
    assert len({re.search("→", line).start() for line in lines}) == 1


def test_long_value_is_shown_by_its_ends():
    (line,) = table(changed(f"training.dir=/{'a' * 50}/{'b' * 50}"))
    assert f" → /{'a' * 18}…{'b' * 20}  safe" in line
    assert table([]) == []
