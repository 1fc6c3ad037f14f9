from pathlib import Path

import pytest

from auto_train.common.licences import bundle_licences, model_licences
from auto_train.config import default_config
from auto_train.errors import BundleError, MissingError


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["architecture.backbone.pretrained=true"], "apache-2.0"),
        (["architecture.backbone.pretrained=false"], "none: training started from random weights"),
        (["architecture.backbone.weights=mine.pth"], "that of mine.pth"),
    ],
)
def test_licence_of_weights_is_what_timm_records(overrides: list[str], expected: str) -> None:
    config = default_config(overrides=["architecture.backbone.model=resnet18", *overrides])
    assert model_licences(config.architecture.backbone) == {"code": "Apache-2.0", "weights": expected}


def test_licences_of_a_bundle_are_those_in_its_facts(colours: Path) -> None:
    facts = colours / "bundle/facts.json"
    facts.write_text('{"licences": {"weights": "mit"}}')
    try:
        assert bundle_licences(colours)["weights"] == bundle_licences(colours / "bundle")["weights"] == "mit"
    finally:
        facts.unlink()


def test_licences_of_a_model_without_this_record_are_an_error(colours: Path, tmp_path: Path) -> None:
    for path in (colours, colours / "exports/onnx/model.onnx"):
        with pytest.raises(BundleError, match=r"no licences are recorded here.*a run folder or a bundle folder"):
            bundle_licences(path)
    with pytest.raises(MissingError, match="there is no such folder"):
        bundle_licences(tmp_path / "none")
