from pathlib import Path

from auto_train.config import diff_configs, load_config

INIS = Path(__file__).parents[1] / "inis"


def test_diff_of_the_same_config_is_empty():
    config = load_config(INIS / "classification.ini")
    assert diff_configs(config, config) == []


def test_diff_names_each_key_whose_final_value_differs(tmp_path: Path):
    path = tmp_path / "my.ini"
    path.write_text(f"[META]\nbase = {INIS}/classification.ini\n[my]\nx = 1\n")
    left = load_config(path)
    right = load_config(
        path, ["training.scheme.epochs=9", "project.name=zebras", "testing.postprocess.x=1", "my.x=1.0"]
    )
    found = {at.key: (at.shown_left, at.shown_right) for at in diff_configs(left, right)}
    assert found["training.scheme.epochs"] == ("5", "9")
    assert found["project.location"] == ("projects/horses_vs_zebras", "projects/zebras")
    assert found["testing.postprocess.x"] == ("(absent)", "1")
    assert found["my.x"] == ("1", "1.0")
    assert "architecture.image_size" not in found
