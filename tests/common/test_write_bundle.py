import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from auto_train.bundle import load_bundle
from auto_train.classification.train import train_model
from auto_train.config import load_config
from auto_train.errors import BundleError
from tests.tiny import tiny_config

CODE = """
from auto_train import registry

@registry.head.register("wide_head")
def wide_head(features: int, num_classes: int):
    from torch import nn
    return nn.Sequential(nn.Linear(features, 99), nn.ReLU(), nn.Linear(99, num_classes))
"""
HEAD = "\n[architecture.head]\n@head = wide_head\nfeatures = 64\nnum_classes = 3\n"


@pytest.fixture(scope="module")
def bundle(digit_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_model(tiny_config(tmp_path_factory.mktemp("product"), digit_files)).bundle


@pytest.fixture(scope="module")
def bundle_with_code(digit_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the bundle of a model with a head of the user's, copied away from its project."""
    folder = tmp_path_factory.mktemp("code")
    (folder / "code.py").write_text(CODE)
    config = tiny_config(folder, digit_files, f"project.custom_functions={folder}/code.py", more=HEAD)
    copy = shutil.copytree(train_model(config).bundle, folder / "copy")
    (folder / "code.py").unlink()
    return copy


def test_bundle_has_the_documented_parts(bundle: Path):
    names = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}
    assert names >= {
        "model/config.json", "model/weights.safetensors", "model/filelist.txt", "golden/answers.json", "golden/0.png",
        "facts.json", "config.ini", "README.md",
    }  # fmt: skip
    assert not (bundle / "model_code").exists()


def test_facts_say_what_a_colleague_asks(bundle: Path):
    facts = json.loads((bundle / "facts.json").read_text())
    assert facts["metrics"]["valid/accuracy"] >= 0 and len(facts["evaluation_hash"]) == 64
    assert facts["data"] == {"origin": "folder", "warning": None}
    assert facts["licences"]["weights"] == "none: training started from random weights"
    assert "torch" in facts["environment"]["libraries"]


def test_config_in_the_bundle_is_the_resolved_one(bundle: Path):
    assert load_config(bundle / "config.ini").architecture.backbone.args.channels == [8, 16, 32, 64]


def test_card_names_model_classes_and_metrics(bundle: Path):
    card = (bundle / "README.md").read_text()
    assert (
        card.startswith("# tiny\n")
        and "resnet18 at 28 px, 3 classes: 0, 1, 2." in card
        and "| valid/accuracy |" in card
    )


def test_model_with_code_of_the_user_needs_trust(bundle_with_code: Path):
    assert (bundle_with_code / "model_code/code.py").read_text() == CODE
    with pytest.raises(BundleError, match=r"model_code holds Python code .*\n.*trust_code=True"):
        load_bundle(bundle_with_code)


def test_model_with_code_of_the_user_loads_in_a_new_process(bundle_with_code: Path):
    code = (
        "import sys; from auto_train.bundle import load_bundle; "
        "print(load_bundle(sys.argv[1], trust_code=True).model.network[1][1][0].out_features)"
    )
    done = subprocess.run([sys.executable, "-c", code, bundle_with_code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "99", done.stderr


def test_warning_of_a_fallback_is_in_facts_and_card(tmp_path: Path):
    overrides = ["project.data_source_url=/nowhere/digits.zip", "project.data.fallback=builtin:digits"]
    config = tiny_config(tmp_path, "builtin:digits", *overrides, "training.scheme.epochs=0")
    result = train_model(config, offline=True)
    facts = json.loads((result.bundle / "facts.json").read_text())
    assert facts["data"]["origin"] == "fallback" and "builtin:digits" in facts["data"]["warning"]
    assert facts["data"]["warning"] in result.warnings
    assert facts["data"]["warning"].splitlines()[0] in (result.bundle / "README.md").read_text()
