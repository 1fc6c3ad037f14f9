"""A recipe in ./recipes whose answers have a form nobody here knows: one file of its own, and it is served."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from auto_train import actions
from auto_train.answers import PlainForm, answer_form, built_in_tasks, find_form
from auto_train.api import create_app
from auto_train.bundle.find import find_at
from auto_train.config import default_config
from auto_train.errors import TaskContractError
from auto_train.serving.predictor import open_predictor
from auto_train.serving.service import Service
from tests.api.conftest import listening
from tests.api.pages.test_answer import ASKED
from tests.api.pictures import picture
from tests.pages import ROOT, files_of

FILE = "recipes/landmarks/answer.py"


def export_points(path: Path) -> Path:
    """Export a model that answers with a point (mean, mean) for each colour, (N, 3, 2)."""
    from onnx import TensorProto, helper, numpy_helper, save

    nodes = [
        helper.make_node("Cast", ["images"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels", "sides"], ["means"], keepdims=0),
        helper.make_node("Unsqueeze", ["means", "last"], ["x"]),
        helper.make_node("Concat", ["x", "x"], ["points"], axis=2),
    ]
    images = helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", "h", "w", 3])
    points = helper.make_tensor_value_info("points", TensorProto.FLOAT, ["n", 3, 2])
    axes = [numpy_helper.from_array(np.array(at), name) for name, at in (("sides", [1, 2]), ("last", [2]))]
    graph = helper.make_graph(nodes, "points", [images], [points], axes)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    labels = '["nose", "chin", "ear"]'
    helper.set_model_props(model, {"task": "landmarks", "model": "faces", "labels": labels, "weights_sha256": ""})
    save(model, path)
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return an ONNX file of docs/recipes.md's ``landmarks``, which is a recipe of the working directory."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "path", [*sys.path])
        actions.new_recipe("landmarks")
        (folder / FILE).write_text(files_of(ROOT / "docs/recipes.md")[FILE], encoding="utf-8")
        yield export_points(folder / "model.onnx")


@pytest.fixture(scope="module")
def client(model: Path) -> Iterator[httpx.Client]:
    config = default_config(overrides=[f"project.location={model.parent}"])
    with listening(create_app(service=Service(config, lambda: open_predictor(find_at(model))))) as client:
        yield client


def test_answer_is_json_as_the_form_has_it(client: httpx.Client) -> None:
    reply = client.post("/landmarks/validate/", files={"img": picture()}).json()
    assert reply["model"] == "faces" and list(reply["points"]) == ["nose", "chin", "ear"]
    assert reply["points"]["nose"] == {"x": 250, "y": 250} and reply["points"]["chin"]["y"] < 20


def test_answer_is_drawn_with_its_words(client: httpx.Client) -> None:
    reply = client.post("/validate/", params={"format": "image"}, files={"img": picture(size=(500, 400))})
    drawn = np.asarray(Image.open(io.BytesIO(reply.content)))
    assert drawn.shape[0] > 400 and drawn.shape[1] == 500
    at_nose = (drawn[240:260, 240:260] != drawn[100, 250]).any()
    assert at_nose and (drawn[100:200] == drawn[100, 250]).all() and (drawn[400:] != drawn[100, 250]).any()


def test_page_shows_the_rows_and_the_drawn_image(client: httpx.Client) -> None:
    text = client.post("/", files={"img": picture()}, headers=ASKED).text
    assert "<dt>chin</dt>" in text and "250, 250" in text and 'class="card answer drawn"' in text


def test_openapi_describes_the_answer_beside_those_of_the_program(client: httpx.Client) -> None:
    for _ in range(2):  # the second is from the cache
        text = client.get("/openapi.json").json()
    schemas = text["components"]["schemas"]
    assert schemas["LandmarkAnswer"]["properties"]["points"]["description"] == "by name, in pixels of the image"
    assert {"Point", "DetectionAnswer"} <= set(schemas)
    for route in ("/validate/", "/{task}/validate/"):
        content = text["paths"][route]["post"]["responses"]["200"]["content"]["application/json"]["schema"]["anyOf"]
        assert content.count({"$ref": "#/components/schemas/LandmarkAnswer"}) == 1


def test_many_images_are_predicted_into_columns_and_pictures(client: httpx.Client, model: Path) -> None:
    (model.parent / "red.png").write_bytes(picture())
    actions.predict(model, ["red.png"], output=Path("answers.csv"), draw=Path("drawn"))
    head, row = Path("answers.csv").read_text().splitlines()
    assert head == "path,points.nose.x,points.nose.y,points.chin.x,points.chin.y,points.ear.x,points.ear.y,model,error"
    assert row.startswith("red.png,250.0,250.0,") and Path("drawn/red.jpg").is_file()


def test_what_the_form_does_not_define_is_that_of_the_plain_one(model: Path) -> None:
    form = answer_form("landmarks")
    assert isinstance(form, PlainForm) and form.difference(np.zeros((1, 3)), np.full((1, 3), 0.5)) == 0.5


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "there is no class Form"),
        ("class Form:\n    def answer(self, values, model): ...", "lacks Schema, difference, words, draw"),
        ("import nothing_like_it", r"answer\.py:1: this code fails: ModuleNotFoundError"),
        ("class Form(", "valid Python"),
    ],
)
def test_file_without_a_whole_form_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, found: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in [name for name in sys.modules if name.partition(".")[0] == "recipes"]:
        monkeypatch.delitem(sys.modules, name)
    (actions.new_recipe("broken").folder / "answer.py").write_text(text, encoding="utf-8")
    with pytest.raises(TaskContractError, match=found) as caught:
        find_form("broken")
    assert str(caught.value).startswith(f"{tmp_path}/recipes/broken/answer.py")


def test_recipe_without_the_file_is_not_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (actions.new_recipe("silent").folder / "answer.py").unlink()
    assert find_form("silent") is None


@pytest.mark.parametrize("task", built_in_tasks())
def test_fields_of_an_answer_are_described_here_and_in_the_document(task: str) -> None:
    fields = answer_form(task).Schema.model_json_schema()["properties"]
    assert all(field.get("description") for field in fields.values())
    text = (ROOT / "docs/predict.md").read_text(encoding="utf-8")
    (row,) = [line for line in text.splitlines() if line.startswith(f"| {task} |")]
    assert all(f"`{name}`" in row for name in fields if name != "model")
