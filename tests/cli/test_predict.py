import json
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import RunCli


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (40, 30), "red").save(folder / "a.png")
    Image.new("RGB", (40, 30), "blue").save(folder / "b.png")
    (folder / "c.png").write_bytes(b"no image")
    return folder


def test_predict_into_a_table_with_pictures(run_cli: RunCli, colours: Path, photos: Path, tmp_path: Path) -> None:
    done = run_cli("predict", photos, f"--model={colours}", "-o", "out.csv", "--draw", "drawn", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "images    3",
        "failed    1",
        f"answers   {tmp_path}/out.csv",
        f"pictures  {tmp_path}/drawn",
    ]
    assert "warning: 1 of 3 images have no answer; the first: " in done.stderr
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 4
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == ["a.jpg", "b.jpg"]


def test_predict_without_a_table_prints_a_line_for_each_image(run_cli: RunCli, colours: Path, photos: Path) -> None:
    done = run_cli("predict", photos / "a.png", photos / "b.png", f"--model={colours}")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["image"], line["prediction"]) for line in lines] == [
        (str(photos / "a.png"), "red"),
        (str(photos / "b.png"), "blue"),
    ]


def test_predict_with_json_has_lines_and_a_summary(run_cli: RunCli, colours: Path, photos: Path) -> None:
    done = run_cli("predict", photos, f"--model={colours}", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["type"] for line in lines] == ["prediction"] * 3 + ["warning", "predictions"]
    assert lines[2]["error"].startswith("is no image") and lines[-1]["failed"] == 1


def test_predict_of_broken_images_only_is_exit_3(run_cli: RunCli, colours: Path, photos: Path) -> None:
    done = run_cli("predict", photos / "c.png", f"--model={colours}")
    assert done.returncode == 3 and "not one of 1 images could be answered" in done.stderr
