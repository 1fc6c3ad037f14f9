"""The list of timm's models: equal to timm's own, and what lint says of a name that is not in it."""

import pytest

from auto_train.config import lint_config, load_config
from auto_train.config.timm_models import LIST, load_known_models


def errors(path, *overrides: str) -> list[tuple[str, str]]:
    return [(at.key, at.message) for at in lint_config(path, overrides) if at.level == "error"]


def test_list_is_that_of_the_installed_timm():
    from auto_train.models.timm_list import model_lines

    update = "it is of another timm; run: python -m auto_train.models.timm_list > auto_train/config/timm_models.txt"
    assert LIST.read_text(encoding="ascii").splitlines() == list(model_lines()), update


def test_weights_are_those_that_timm_names():
    import timm

    assert {name for name, has in load_known_models().items() if has} == {
        name for name in [*timm.list_models(), *timm.list_pretrained()] if timm.models.is_model_pretrained(name)
    }


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("resnet19", "resnet18"),
        ("ResNet-18", "resnet18"),
        ("mobilenet_v2", "mobilenetv2_"),
        ("resnet18.a1_in2k", "resnet18.a1_in1k"),
    ],
)
def test_unknown_model_is_an_error_with_the_nearest_name(write_ini, name: str, near: str):
    ini = write_ini(f"[project]\nname = a\n[architecture.backbone]\nmodel = {name}\n")
    (problem,) = lint_config(ini)
    assert (problem.level, problem.line, problem.key) == ("error", 4, "model")
    assert f"'{name}'" in problem.message and near in problem.message


@pytest.mark.parametrize("name", ["resnet18", "resnet18.tv_in1k", "convnext_tiny"])
def test_known_model_is_no_problem(write_ini, name: str):
    assert lint_config(write_ini(f"[architecture.backbone]\nmodel = {name}\n")) == []


def test_model_without_pretrained_weights_must_start_from_others(write_ini):
    ini = write_ini("[architecture.backbone]\nmodel = coatnet_0_224\n")
    assert [key for key, _ in errors(ini)] == ["model"]
    assert [key for key, _ in errors(ini, "architecture.backbone.pretrained=true")] == ["pretrained"]
    assert errors(ini, "architecture.backbone.pretrained=false") == []
    assert errors(ini, "architecture.backbone.weights=a.pth") == []


def test_model_of_another_timm_is_a_warning(write_ini, monkeypatch: pytest.MonkeyPatch, tmp_path):
    found = tmp_path / "timm-9.9.9.dist-info"
    found.mkdir()
    (found / "METADATA").write_text("Metadata-Version: 2.1\nName: timm\nVersion: 9.9.9\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    (problem,) = lint_config(write_ini("[architecture.backbone]\nmodel = resnet19\n"))
    assert problem.level == "warning"


def test_model_that_a_projects_own_file_registers_is_no_problem(write_ini, tmp_path):
    code = "import timm.models\n\n@timm.models.register_model\ndef my_own_net(**kwargs): ...\n"
    (tmp_path / "own.py").write_text(code)
    path = write_ini(f"[project]\ncustom_functions = {tmp_path}/own.py\n[architecture.backbone]\nmodel = my_own_net\n")
    assert load_config(path, ["architecture.backbone.pretrained=false"]).architecture.backbone.model == "my_own_net"
