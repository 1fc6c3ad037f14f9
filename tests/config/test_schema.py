from pathlib import Path

import pytest

from auto_train.config import default_config, json_schema, markdown
from auto_train.errors import UsageError

ROOT = Path(__file__).parents[2]


def test_docs_config_is_up_to_date():
    fix = "python main.py config schema --markdown > docs/config.md"
    assert (ROOT / "docs/config.md").read_text(encoding="utf-8") == markdown(), f"docs/config.md is old; run: {fix}"


def test_docs_config_names_every_key():
    text = markdown(["classification"])
    for path in default_config().keys():  # noqa: SIM118 - a Config is no mapping
        section, _, key = path.rpartition(".")
        assert f"### `[{section}]`" in text
        assert f"| `{key}` |" in text


def test_schema_says_type_range_default_and_meaning():
    properties = json_schema("classification")["properties"]
    scheme = properties["training"]["properties"]["scheme"]["properties"]
    assert scheme["epochs"] == {
        "type": "integer",
        "minimum": 0,
        "description": "full passes over the training split with all layers training",
        "default": 5,
    }
    assert scheme["learning_rate"]["type"] == ["number", "null"]
    assert scheme["learning_rate"]["minimum"] == 1e-8
    assert scheme["balance"]["enum"] == [None, "weights", "sampler"]
    assert properties["project"]["properties"]["classes"]["items"] == {"type": "string"}
    assert properties["project"]["properties"]["location"]["default"] == "projects/${project.name}"
    assert "@head = NAME" in properties["architecture"]["properties"]["head"]["description"]


def test_schema_has_every_key_of_a_config():
    def paths(node: dict, prefix: str = "") -> set[str]:
        found = set()
        for name, inner in node.get("properties", {}).items():
            found |= paths(inner, f"{prefix}{name}.") if "properties" in inner else {f"{prefix}{name}"}
        return found

    assert paths(json_schema("classification")) == set(default_config().keys())


def test_schema_of_an_unknown_task_is_refused():
    with pytest.raises(UsageError, match=r"'tracking' is no task that is available here \(allowed: classification"):
        json_schema("tracking")
