import json
import re
from pathlib import Path

import httpx
import numpy as np
import pytest

from auto_train.api import create_app
from auto_train.config import default_config
from auto_train.serving.engines.base import Metadata
from auto_train.serving.predictor import Predictor
from auto_train.serving.service import Service
from tests.api.conftest import listening
from tests.api.pages.conftest import Pages
from tests.api.pictures import bomb, picture
from tests.conftest import TrainedRun

ASKED = {"hx-request": "true"}


def test_form_without_scripts_is_answered_with_the_whole_page(site: httpx.Client):
    reply = site.post("/", files={"img": picture((0, 250, 0))})
    assert reply.status_code == 200
    assert reply.text.startswith("<!doctype html>")
    assert re.search(r'class="prediction">green\b', reply.text)
    assert re.search(r"One image, answered in \d+ ms|One image, answered in [\d.]+ s", reply.text)


def test_script_is_answered_with_the_answers_alone(site: httpx.Client):
    reply = site.post("/", files={"img": picture((0, 0, 250))}, headers=ASKED)
    assert "<html" not in reply.text
    rows = re.findall(r'<th scope="row">(\w+)</th>.*?<rect width="([\d.]+)".*?</td><td>(.*?)</td>', reply.text)
    assert [label for label, *_ in rows][0] == "blue"  # noqa: RUF015
    widths = [float(width) for _, width, _ in rows]
    assert widths == sorted(widths, reverse=True) and sum(widths) == pytest.approx(100, abs=0.1)
    assert 'src="data:image/webp;base64,' in reply.text


def test_several_images_are_answered_in_order_with_an_error_in_place_of_each_that_failed(site: httpx.Client):
    files = [("img", picture()), ("img", b"hello"), ("img", picture((0, 250, 0)))]
    reply = site.post("/", files=files, headers=ASKED)
    assert reply.status_code == 200
    assert re.findall(r'class="prediction">(.*?)[ <]', reply.text) == ["red", "Image", "green"]
    assert "Image 2: no answer" in reply.text
    assert "This file is no image: it begins with b&#39;hello&#39;" in reply.text
    assert "3 images" in reply.text


@pytest.mark.parametrize(
    ("upload", "status", "said"),
    [
        (b"hello", 415, "is no image"),
        (b"", 415, "is empty"),
        (bomb(), 413, "30000 x 30000 pixels"),
        (bytes(30_000_000), 413, "larger than 20 MB"),
    ],
)
@pytest.mark.parametrize("headers", [{}, ASKED])
def test_error_is_told_as_the_api_tells_it(
    site: httpx.Client, upload: bytes, status: int, said: str, headers: dict[str, str]
):
    reply = site.post("/", files={"img": upload}, headers=headers)
    assert reply.status_code == status
    assert said in reply.text
    assert reply.text.startswith("<!doctype html>") is not bool(headers)


def test_form_without_an_image_is_422(site: httpx.Client):
    reply = site.post("/", files={"other": picture()})
    assert reply.status_code == 422
    assert "has no file in field" in reply.text


def test_postprocessed_answer_is_shown_as_it_is(pages: Pages, tmp_path: Path):
    with pages(tmp_path, postprocess=lambda answer: {"colour": answer["prediction"].upper()}) as client:
        reply = client.post("/", files={"img": picture()}, headers=ASKED)
    assert "&#34;colour&#34;: &#34;RED&#34;" in reply.text


def test_model_of_a_run_shows_what_is_known_of_it(pages: Pages, digits_run: TrainedRun):
    with pages(digits_run.folder.parents[1], model=digits_run.folder) as client:
        text = client.get("/").text
    facts = json.loads((digits_run.bundle / "facts.json").read_text())
    assert f"{facts['metrics']['valid/accuracy']:.4f}" in text
    assert f'href="/ui/runs/{digits_run.folder.name}"' in text
    assert "<h1>digits</h1>" in text and "onnxruntime" in text
    assert all(f"<span>{label}</span>" in text for label in "0123456789")


def test_model_trained_on_other_data_says_so(pages: Pages, digits_run: TrainedRun, tmp_path: Path):
    bundle = tmp_path / "bundle"
    (tmp_path / "exports/onnx").mkdir(parents=True)
    (tmp_path / "exports/onnx/model.onnx").write_bytes(digits_run.onnx.read_bytes())
    for path in digits_run.bundle.rglob("*"):
        if path.is_file():
            (bundle / path.relative_to(digits_run.bundle)).parent.mkdir(parents=True, exist_ok=True)
            (bundle / path.relative_to(digits_run.bundle)).write_bytes(path.read_bytes())
    facts = json.loads((bundle / "facts.json").read_text())
    facts["data"] = {"origin": "fallback", "warning": "builtin:digits is used instead"}
    (bundle / "facts.json").write_text(json.dumps(facts))
    with pages(tmp_path, model=tmp_path) as client:
        assert '<p class="notice">builtin:digits is used instead</p>' in client.get("/").text


def test_model_of_a_thousand_classes_shows_the_likeliest_fifty(tmp_path: Path):
    class Thousand:
        metadata = Metadata(task="classification", name="many", labels=tuple(f"c{n}" for n in range(1000)), engine="-")

        def infer(self, images: np.ndarray) -> np.ndarray:
            return np.linspace(0, 0.002, 1000, dtype=np.float32)[None]

    config = default_config(overrides=[f"project.location={tmp_path}"])
    with listening(create_app(service=Service(config, lambda: Predictor(Thousand())))) as client:  # type: ignore[arg-type]
        first, answer = client.get("/").text, client.post("/", files={"img": picture()}, headers=ASKED).text
    assert first.count("<span>c") == 1000 and "1,000" in first
    assert re.findall(r'<th scope="row">(\w+)', answer) == [f"c{n}" for n in range(999, 949, -1)]
    assert "The first 50 of 1,000 classes" in answer


class Places:
    """An engine that answers every image with the same boxes or mask."""

    def __init__(self, task: str, values: np.ndarray) -> None:
        labels = ("background", "cell")
        self.metadata = Metadata(task=task, name="m", labels=labels, engine="-", facts={"threshold": 0.3})
        self.values = values

    def infer(self, images: np.ndarray) -> np.ndarray:
        return self.values[None]


@pytest.mark.parametrize(
    ("task", "values", "said"),
    [
        ("object_detection", [[2, 2, 30, 30, 0.9, 1], [5, 5, 9, 9, 0.4, 1], [0, 0, 0, 0, 0, 0]], ["2 objects", "cell"]),
        ("object_detection", [[0, 0, 0, 0, 0, 0]], ["Nothing found"]),
        ("segmentation", np.eye(40, dtype=np.uint8), ["Shares of the image", "background"]),
    ],
)
def test_places_are_drawn_on_the_image_and_told(tmp_path: Path, task: str, values: object, said: list[str]):
    config = default_config(overrides=[f"project.location={tmp_path}"])
    numbers = values if isinstance(values, np.ndarray) else np.array(values, np.float32)
    service = Service(config, lambda: Predictor(Places(task, numbers)))
    with listening(create_app(service=service)) as client:
        reply = client.post("/", files={"img": picture(size=(40, 40))}, headers=ASKED)
        drawn = client.post("/validate/", params={"format": "image"}, files={"img": picture(size=(40, 40))})
    assert 'class="card answer drawn"' in reply.text and all(text in reply.text for text in said)
    assert drawn.headers["content-type"] == "image/png"
