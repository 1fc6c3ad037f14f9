"""The contract of docs/recipes.md, for every recipe there is and for the one that page spells out."""

import inspect
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from auto_train import registry
from auto_train.config import lint_config
from auto_train.config.declare import declare
from auto_train.registry import Recipe
from tests.pages import ROOT, files_of

DOCUMENT = ROOT / "docs/recipes.md"
MAX_LINES = 400
RECIPES = list(registry.recipes().values())

every_recipe = pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)


def module(recipe: Recipe, name: str):
    return import_module(f"{recipe.package}.{name}")


def parameters(function) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(function).parameters)


@every_recipe
def test_recipe_holds_the_six_files(recipe: Recipe):
    assert recipe.missing == ()


@every_recipe
def test_recipe_config_declares_every_key(recipe: Recipe, tmp_path: Path):
    ini = tmp_path / "least.ini"
    ini.write_text(f"[project]\nname = least\ntype = {recipe.name}\n", encoding="utf-8")
    assert lint_config(ini) == []
    assert (recipe.folder / "config.ini").read_text(encoding="utf-8").startswith("[META]\nbase = common\n")


@every_recipe
def test_recipe_config_says_of_every_key_what_a_resume_makes_of_it(recipe: Recipe):
    found = declare(recipe)
    addresses = [*found.specs, *((section, "any") for section in found.free)]
    assert [f"{section}.{key}" for section, key in addresses if not found.on_resume(section, key)] == []


@every_recipe
def test_recipe_model_is_named_after_its_folder(recipe: Recipe):
    from auto_train.common.task import Task

    task = getattr(module(recipe, "model"), recipe.model_name)
    assert issubclass(task, Task)


@every_recipe
def test_recipe_model_defines_what_a_task_must(recipe: Recipe):
    from auto_train.common.task import Task
    from auto_train.models.inference import InferenceModel

    task = getattr(module(recipe, "model"), recipe.model_name)
    must = re.search(r"It must define:\n(.*?)It may define", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert must
    names = re.findall(r"^\| `(\w+)", must[1], re.MULTILINE)
    assert "inference_class" in names
    assert not [name for name in names if getattr(task, name, None) is getattr(Task, name, None)]
    assert issubclass(task.inference_class, InferenceModel)
    assert task.inference_class.answers is not InferenceModel.answers


@every_recipe
def test_recipe_is_served_and_the_document_says_what_it_answers_and_measures(recipe: Recipe):
    from auto_train.answers import is_served

    task, text = getattr(module(recipe, "model"), recipe.model_name), DOCUMENT.read_text(encoding="utf-8")
    assert is_served(recipe.name)
    if recipe.package.startswith("auto_train."):  # a user's own is not in the document
        assert f"| `{recipe.name}` |" in text
    name, better = task.report_score
    assert f'`("{name}", "{better}")`' in text


@every_recipe
def test_recipe_train_and_validate_have_the_contract_signatures(recipe: Recipe):
    train, infer = module(recipe, "train").train_model, module(recipe, "validate").infer
    evaluate = module(recipe, "validate").evaluate
    assert list(parameters(train)) == ["config", "offline", "progress", "resume"]
    assert list(parameters(infer))[:2] == ["image", "config"]
    assert list(parameters(evaluate)) == ["config", "split", "offline", "progress"]
    assert parameters(train)["config"].default is None  # the INI that CONFIG names


@every_recipe
def test_recipe_main_offers_cli_and_router(recipe: Recipe):
    main = module(recipe, "main")
    assert "/validate/" in {path for route in main.router.routes if (path := getattr(route, "path", ""))}
    done = subprocess.run(
        [sys.executable, "-m", f"{recipe.package}.main", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {"train", "validate"} <= set(done.stdout.split())


@every_recipe
def test_recipe_stays_small(recipe: Recipe):
    lines = {name: len((recipe.folder / name).read_text().splitlines()) for name in registry.RECIPE_FILES}
    assert sum(lines.values()) < MAX_LINES, lines


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Install the recipe of docs/recipes.md as a package would be, and return the environment that finds it."""
    site = tmp_path_factory.mktemp("site")
    files = {name: text for name, text in files_of(DOCUMENT).items() if name.startswith("plain/")}
    assert {f"plain/{name}" for name in registry.RECIPE_FILES if name != "main.py"} == set(files)
    main = (ROOT / "auto_train/classification/main.py").read_text(encoding="utf-8")
    for name, text in {**files, "plain/__init__.py": "", "plain/main.py": main}.items():
        (site / name).parent.mkdir(exist_ok=True)
        (site / name).write_text(text, encoding="utf-8")
    info = site / "plain-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plain\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[auto_train.recipes]\nplain = plain\n", encoding="utf-8")
    return {"PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}


def test_document_recipe_trains_and_is_measured(run_cli, plain: dict[str, str], tmp_path: Path):
    config = tmp_path / "plain.ini"
    config.write_text(
        f"[META]\nbase = {ROOT}/configs/digits.ini\n[project]\ntype = plain\n"
        "[architecture]\nimage_size = 32\n[architecture.backbone]\nmodel = test_resnet\nstem = default\n"
        "[training.scheme]\nepochs = 1\n",
        encoding="utf-8",
    )
    trained = run_cli("train", f"--config={config}", cwd=tmp_path, env=plain)
    assert trained.returncode == 0, trained.stderr
    measured = run_cli("validate", f"--config={config}", cwd=tmp_path, env=plain)
    assert measured.returncode == 0, measured.stderr
    assert "valid/accuracy" in measured.stdout
    code = "import sys; from plain.validate import infer; print(infer(*sys.argv[1:])[0])"
    image = ROOT / "test_images/classification/digit_3.png"
    answered = run_plain(["-c", code, str(image), str(config)], plain, tmp_path)
    assert answered.returncode == 0, answered.stderr
    assert answered.stdout.strip() in "0123456789"


def test_document_recipe_runs_alone_with_every_verb(plain: dict[str, str], tmp_path: Path):
    config = tmp_path / "plain.ini"
    config.write_text("[project]\nname = plain\n", encoding="utf-8")
    linted = run_plain(["-m", "plain.main", "config", "lint", str(config)], plain, tmp_path)
    assert linted.returncode == 0, linted.stderr
    missing = run_plain(["-m", "plain.main", "validate", f"--config={config}", "--image=x.png"], plain, tmp_path)
    assert (missing.returncode, "there is no trained model" in missing.stderr) == (6, True), missing.stderr
    explained = run_plain(["-m", "plain.main", "config", "explain", "project.type"], plain, tmp_path)
    assert "value    plain" in explained.stdout


def run_plain(words: list[str], env: dict[str, str], cwd: Path) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, **env}
    return subprocess.run([sys.executable, *words], cwd=cwd, env=env, capture_output=True, text=True, check=False)
