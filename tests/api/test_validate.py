import io
import threading
import zlib
from pathlib import Path
from typing import Any

import httpx
import pytest
from loguru import logger
from PIL import Image

from tests.api.conftest import Serving
from tests.api.pictures import bomb, picture
from tests.data.bounded.made import before_pixels, chunk, tiff, with_scans
from tests.jobs.conftest import wait_until

GREEN = (0, 255, 0)


@pytest.mark.parametrize("route", ["/validate/", "/validate", "/classification/validate/", "/classification/validate"])
def test_image_is_answered_with_prediction_and_confidence(client: httpx.Client, route: str) -> None:
    reply = client.post(route, files={"img": picture()})
    answer = reply.json()
    assert reply.status_code == 200
    assert answer["prediction"] == "red"
    assert answer["confidence"] == f"{100 * answer['probabilities']['red']:.2f}%"
    assert list(answer["probabilities"]) == ["red", "green", "blue"]
    assert answer["model"] == "colours"


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_every_format_is_answered(client: httpx.Client, format: str) -> None:
    assert client.post("/validate/", files={"img": picture(GREEN, format=format)}).json()["prediction"] == "green"


def test_real_photo_is_answered(client: httpx.Client, root: Path) -> None:
    photo = next((root / "test_images/classification").glob("*.jpg"))
    assert client.post("/validate/", files={"img": photo.read_bytes()}).status_code == 200


def test_several_images_give_a_list_with_an_error_where_one_failed(client: httpx.Client) -> None:
    reply = client.post("/validate/", files=[("img", picture()), ("img", b"no image"), ("img", picture(GREEN))])
    first, second, third = reply.json()
    assert reply.status_code == 200
    assert (first["prediction"], third["prediction"]) == ("red", "green")
    assert second["error"]["type"] == "not_an_image"


def test_other_fields_of_the_form_are_ignored(client: httpx.Client) -> None:
    reply = client.post("/validate/", files={"img": picture(), "other": b"x"}, data={"note": "hello"})
    assert reply.json()["prediction"] == "red"


def test_task_that_is_not_served_is_404_and_names_the_one_that_is(client: httpx.Client) -> None:
    reply = client.post("/segmentation/validate/", files={"img": picture()})
    assert reply.status_code == 404
    assert reply.json()["error"] == {
        "type": "not_found",
        "message": "no model for 'segmentation' here",
        "hint": "POST /classification/validate/",
    }


@pytest.mark.parametrize("body", [b"hello", b"", b"\x89PNG\r\n\x1a\n", picture()[:60], b"GIF89a" + bytes(50)])
def test_upload_that_is_no_image_is_415(client: httpx.Client, body: bytes) -> None:
    reply = client.post("/validate/", files={"img": ("x.png", body)})
    assert reply.status_code == 415
    assert reply.json()["error"]["type"] == "not_an_image"
    assert reply.json()["error"]["message"].startswith("img: ")


def test_decompression_bomb_is_413_from_its_header(client: httpx.Client) -> None:
    reply = client.post("/validate/", files={"img": bomb()})
    assert reply.status_code == 413
    assert reply.json()["error"]["type"] == "too_large"


def test_image_above_the_pixel_limit_is_413(serving: Serving) -> None:
    with serving("serve.max_megapixels=0.01") as client:
        assert client.post("/validate/", files={"img": picture(size=(100, 100))}).status_code == 200
        reply = client.post("/validate/", files={"img": picture(size=(101, 100))})
    assert reply.status_code == 413
    assert "101 x 100 pixels" in reply.json()["error"]["message"]


def test_postprocess_return_is_the_answer(serving: Serving) -> None:
    with serving(postprocess=lambda answer: [answer["prediction"], float("nan")]) as client:
        assert client.post("/validate/", files={"img": picture()}).json() == ["red", None]


def test_postprocess_that_fails_is_500_without_a_traceback(serving: Serving) -> None:
    with serving(postprocess=lambda answer: answer["nothing"]) as client:
        reply = client.post("/validate/", files={"img": picture()})
    assert reply.status_code == 500
    assert reply.json()["error"]["type"] == "postprocess_failed"
    assert "Traceback" not in reply.text


def test_file_name_never_touches_a_path(serving: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    kept = tmp_path / "kept"
    with serving(f"serve.save_uploads={kept}") as client:
        for name in ("../../evil.png", "/etc/evil.png", "..\\evil.png", "a\x00b.png"):
            assert client.post("/validate/", files={"img": (name, picture())}).status_code == 200
    names = [path.name for path in tmp_path.rglob("*") if path.is_file()]
    assert len(names) == len(list(kept.iterdir())) == 4
    assert all("evil" not in name and name.endswith(".png") for name in names)
    assert {path.read_bytes() for path in kept.iterdir()} == {picture()}


def test_upload_that_is_no_image_is_not_kept(serving: Serving, tmp_path: Path) -> None:
    with serving(f"serve.save_uploads={tmp_path / 'kept'}") as client:
        client.post("/validate/", files={"img": b"no image"})
    assert not (tmp_path / "kept").exists()


def test_openapi_describes_the_form_and_the_answer(client: httpx.Client) -> None:
    schema = client.get("/openapi.json").json()
    route = schema["paths"]["/validate/"]["post"]
    form = route["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["required"] == ["img"]
    assert {"200", "413", "415", "422", "429", "503"} <= set(route["responses"])
    assert "ClassificationAnswer" in schema["components"]["schemas"]


def test_upload_that_cannot_be_kept_is_answered_and_logged(serving: Serving, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said: list[str] = []
    sink = logger.add(said.append, level="WARNING", format="{message}")
    try:
        with serving(f"serve.save_uploads={tmp_path / 'file/kept'}") as client:
            assert client.post("/validate/", files={"img": picture()}).json()["prediction"] == "red"
    finally:
        logger.remove(sink)
    assert said == [f"[serve] save_uploads: an upload is not kept in {tmp_path}/file/kept: Not a directory\n"]


@pytest.mark.parametrize("route", ["/validate/", "/classification/validate/"])
def test_format_image_is_a_picture_with_the_answer_below(client: httpx.Client, route: str) -> None:
    reply = client.post(route, params={"format": "image"}, files={"img": picture(size=(640, 480))})
    assert (reply.status_code, reply.headers["content-type"]) == (200, "image/png")
    found = Image.open(io.BytesIO(reply.content))
    assert found.format == "PNG" and found.width == 640 and found.height > 480
    assert found.getpixel((320, 240)) == (250, 10, 10)


@pytest.mark.parametrize(
    ("files", "format", "status", "type"),
    [
        ([("img", picture()), ("img", picture())], "image", 422, "bad_field"),
        ([("img", b"hello")], "image", 415, "not_an_image"),
        ([("img", picture())], "jpeg", 422, "bad_field"),
        ([("other", picture())], "image", 422, "bad_field"),
    ],
)
def test_format_image_that_cannot_be_is_an_error_as_json(
    client: httpx.Client, files: list[tuple[str, bytes]], format: str, status: int, type: str
) -> None:
    reply = client.post("/validate/", params={"format": format}, files=files)
    assert (reply.status_code, reply.json()["error"]["type"]) == (status, type)


def test_parameter_that_does_not_exist_is_refused(client: httpx.Client) -> None:
    reply = client.post("/validate/", params={"treshold": "0.2"}, files={"img": picture()})
    assert (reply.status_code, reply.json()["error"]["type"]) == (422, "bad_field")
    assert "'treshold'" in reply.text and "format=image" in reply.text


def test_openapi_names_the_answers_of_all_tasks_and_the_picture(client: httpx.Client) -> None:
    described = client.get("/openapi.json").json()
    names = ("Classification", "Multilabel", "Regression", "Detection", "Segmentation")
    assert {f"{name}Answer" for name in names} <= set(described["components"]["schemas"])
    content = described["paths"]["/validate/"]["post"]["responses"]["200"]["content"]
    assert set(content) == {"application/json", "image/png"}


def test_images_with_too_many_pixels_together_are_413_before_they_are_decoded(serving: Serving) -> None:
    limits = ("serve.max_megapixels=0.001", "serve.max_request_megapixels=0.002")
    with serving(*limits) as client:
        images = [("img", picture(size=(30, 30)))] * 3
        for route in ("/validate/", "/"):
            assert client.post(route, files=images[:2]).status_code == 200
            reply = client.post(route, files=images)
            assert reply.status_code == 413 and "max_request_megapixels" in reply.text
        # one image alone has the limit of one image, and its error in its place
        assert client.post("/validate/", files=[("img", picture(size=(40, 40)))] * 2).status_code == 413
        mixed = client.post("/validate/", files=[*images[:1], ("img", b"x"), ("img", bomb())]).json()
        assert [answer.get("error", {}).get("type") for answer in mixed] == [None, "not_an_image", "too_large"]


def test_request_that_is_not_answered_in_time_is_504_and_its_other_images_are_not_begun(serving: Serving) -> None:
    go_on = threading.Event()

    begun: list[str] = []

    def wait(answer: dict[str, Any]) -> dict[str, Any]:
        begun.append(answer["prediction"])
        go_on.wait(20)
        return answer

    with serving("serve.deadline_s=0.4", "serve.workers=1", postprocess=wait) as client:
        for route in ("/validate/", "/"):
            reply = client.post(route, files=[("img", picture())] * 3)
            assert reply.status_code == 504 and "deadline_s" in reply.text
        late = client.post("/validate/", files={"img": picture(GREEN)})  # it waits for the first, which still runs
        assert (late.status_code, late.json()["error"]["type"]) == (504, "deadline")
        assert begun == ["red"]
        go_on.set()
        wait_until(lambda: client.post("/validate/", files={"img": picture()}).status_code == 200)
        assert "green" not in begun


def test_message_of_a_postprocess_function_names_no_path(serving: Serving, tmp_path: Path) -> None:
    def fail(answer: dict[str, Any]) -> Any:
        return (tmp_path / "nothing.json").read_text()

    with serving(postprocess=fail) as client:
        reply = client.post("/validate/", files={"img": picture()})
    assert (reply.status_code, reply.json()["error"]["type"]) == (500, "postprocess_failed")
    assert "nothing.json" in reply.text and str(tmp_path) not in reply.text


@pytest.mark.parametrize(("brand", "name"), [(b"heic", "HEIC"), (b"avif", "AVIF")])
def test_heic_and_avif_are_415_by_their_names_with_what_to_do(client: httpx.Client, brand: bytes, name: str) -> None:
    reply = client.post("/validate/", files={"img": b"\0\0\0\x18ftyp" + brand + bytes(40)})
    error = reply.json()["error"]
    assert reply.status_code == 415 and error["type"] == "not_an_image"
    assert name in error["message"] and "JPEG" in error["message"] and "photo.jpg" in error["hint"]


@pytest.mark.parametrize("cost", ["a tile of 2 gigapixels", "600 scans"])
def test_image_that_costs_too_much_is_413(client: httpx.Client, cost: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (20, 30)).save(file, "JPEG", progressive=True)
    body = with_scans(file.getvalue(), 600) if "scans" in cost else tiff(10, 10, [b""], tile=(46_000, 46_000))
    reply = client.post("/validate/", files={"img": body})
    assert reply.status_code == 413 and reply.json()["error"]["type"] == "too_large"


def test_png_with_large_text_is_answered(client: httpx.Client) -> None:
    text = chunk(b"zTXt", b"workflow\0\0" + zlib.compress(bytes(1_200_000)))
    assert client.post("/validate/", files={"img": before_pixels(picture(), text)}).json()["prediction"] == "red"
