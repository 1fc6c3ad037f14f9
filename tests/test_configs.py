"""The INIs and pictures that are shipped: they load without a word, and nobody's rights are forgotten."""

import re
from pathlib import Path

import pytest

from auto_train.config import lint_config, load_config

ROOT = Path(__file__).parents[1]
CONFIGS = sorted((ROOT / "configs").glob("*.ini"))
IMAGES = ROOT / "test_images"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_shipped_has_no_problem(path: Path):
    assert lint_config(path) == []


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_shipped_is_named_after_its_project(path: Path):
    assert load_config(path).project.name == path.stem


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_shipped_repeats_no_default(path: Path, tmp_path: Path):
    empty = tmp_path / "empty.ini"
    empty.write_text("[project]\nname = project\n", encoding="utf-8")
    ours, default = load_config(path), load_config(empty)
    repeated = [
        key for key in keys(ours.to_dict()) if ours.origin(key).kind == "ini" and default.get(key, ...) == ours[key]
    ]
    assert set(repeated) <= {"architecture.backbone.model"}  # which model it is, a reader wants to see


def keys(tree: dict, prefix: str = "") -> list[str]:
    """Return every dotted key of a nested mapping."""
    found = []
    for name, value in tree.items():
        found += keys(value, f"{prefix}{name}.") if isinstance(value, dict) else [prefix + name]
    return found


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_shipped_has_a_checksum_for_every_download(path: Path):
    config = load_config(path)
    urls = [url for url in config.project.data_source_url or [] if not url.startswith("builtin:")]
    if path.stem == "rooftops":
        return  # its publisher gives none
    assert len(config.project.data_sha256 or []) == len(urls)


def test_config_mnist_falls_back_to_real_digits():
    assert load_config(ROOT / "configs/mnist.ini").project.data.fallback == "builtin:digits"


def test_images_are_all_credited_and_small():
    credits = (IMAGES / "LICENSES.md").read_text(encoding="utf-8")
    pictures = [path for path in IMAGES.rglob("*") if path.suffix in {".jpg", ".png"}]
    assert len(pictures) == 8
    digits = re.search(r"digit_\{([\d,]+)\}", credits)
    assert digits
    named = {f"digit_{n}.png" for n in digits[1].split(",")} | set(re.findall(r"classification/(\w+\.jpg)", credits))
    assert {path.name for path in pictures} == named
    assert sum(path.stat().st_size for path in pictures) < 300_000
