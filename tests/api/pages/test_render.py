import json
import re
import subprocess
from pathlib import Path

import httpx
import pytest

from auto_train.api import create_app
from auto_train.api.pages.render import as_percent
from tests.api.conftest import listening
from tests.api.pages.conftest import EVIL, Pages
from tests.api.pictures import picture
from tests.cli.test_serve import first_line, serve
from tests.made_runs import make_run

PAGES = ["/", "/ui/runs", "/ui/runs/20261121-134959-b215d2", "/ui/jobs", "/docs"]


@pytest.mark.parametrize("path", PAGES)
def test_page_lets_nothing_in_from_elsewhere(site: httpx.Client, path: str):
    reply = site.get(path)
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    assert reply.headers["x-content-type-options"] == "nosniff"
    # neither a script nor a style in the page, which the policy would refuse, nor an address of another host
    assert not re.findall(r"<script(?! src=)|<style| style=| on\w+=|(?:src|href|action)=\"(?:https?:)?//", reply.text)


@pytest.mark.parametrize("path", PAGES)
def test_page_is_whole_html_with_one_heading_and_labelled_fields(site: httpx.Client, path: str):
    text = site.get(path).text
    assert text.startswith("<!doctype html>") and '<html lang="en">' in text
    assert text.count("<h1") == 1
    assert 'aria-current="page"' in text
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    for field in re.findall(r'<input (?!type="hidden").*?id="([^"]+)"', text):
        assert f'<label for="{field}"' in text


def test_assets_are_found_and_kept_by_the_browser(site: httpx.Client):
    for address in set(re.findall(r'"(/ui/static/[^"]+)"', site.get("/").text)):
        reply = site.get(address)
        assert reply.status_code == 200, address
        assert "immutable" in reply.headers["cache-control"]
        assert (
            "://" not in re.sub(r"http://www\.w3\.org/\S*|https://htmx\.org/\S*", "", reply.text) or "htmx" in address
        )


@pytest.mark.parametrize("path", ["/ui/static/../render.py", "/ui/static/%2e%2e/render.py", "/ui/static/"])
def test_nothing_but_assets_lies_below_static(site: httpx.Client, path: str):
    assert site.get(path).status_code == 404


def test_names_from_outside_are_text(pages: Pages, odd_model: Path, tmp_path: Path):
    make_run(tmp_path, "<b>run", rows=[{"epoch": 1, f"valid/{EVIL}": 0.5, "train/loss": 1.0}], log=EVIL)
    with pages(tmp_path, model=odd_model) as client:
        replies = [
            client.get("/"),
            client.post("/", files={"img": ("<b>.png", picture())}),
            client.get("/ui/runs"),
            client.get("/ui/runs/%3Cb%3Erun"),
            client.get("/ui/runs/%3Cb%3Eother"),
        ]
    assert [reply.status_code for reply in replies] == [200, 200, 200, 200, 404]
    for reply in replies:
        assert "<b>" not in re.sub(r"<b>[\d.–]+</b>", "", reply.text)
        assert "<img src=x" not in reply.text
        assert "&lt;" in reply.text


def test_model_that_is_not_there_is_a_page_that_says_what_to_type(tmp_path: Path):
    ini = tmp_path / "new.ini"
    ini.write_text(f"[project]\nname = new\nlocation = {tmp_path}/project\n")
    with listening(create_app(ini)) as client:
        reply, runs = client.get("/"), client.get("/ui/runs")
        posted = client.post("/", files={"img": picture()})
    assert (reply.status_code, posted.status_code, runs.status_code) == (503, 503, 200)
    assert "No model yet" in reply.text
    assert "train first: python main.py train --config=new.ini" in reply.text
    assert "Train first" in posted.text
    assert "<code>project</code>" in runs.text
    assert all(str(tmp_path) not in page.text for page in (reply, posted, runs))


def test_pages_load_neither_torch_nor_matplotlib(colours: Path):
    with serve(f"--model={colours}", "--port=0", "--json") as process:
        url = json.loads(first_line(process))["url"]
        started = Path(f"/proc/{process.pid}/maps").read_text()
        for path in ("/", "/ui/runs"):
            httpx.get(url + path).raise_for_status()
        httpx.post(url, files={"img": picture()}).raise_for_status()
        maps = Path(f"/proc/{process.pid}/maps").read_text()
    for library in ("libtorch", "matplotlib", "pandas", "sklearn"):
        assert library not in maps
    assert "markupsafe" in maps and "markupsafe" not in started  # templates are made for the first page


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0.0 %"),
        (0.0004, "< 0.1 %"),
        (0.0005, "0.1 %"),
        (0.9731, "97.3 %"),
        (0.9996, "> 99.9 %"),
        (1.0, "100.0 %"),
    ],
)
def test_percent_never_rounds_to_certainty(share: float, text: str):
    assert as_percent(share).replace("\u202f", " ") == text


def test_package_brings_its_pages(root: Path, tmp_path: Path):
    names = subprocess.run(
        ["git", "ls-files", "auto_train/api/pages"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.split()
    kinds = {Path(name).parent.name for name in names if not name.endswith(".py")}
    assert kinds <= {"templates", "static"}
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    assert '"templates/*.html"' in text and '"static/*"' in text
    assert all(name.endswith(".html") for name in names if "/templates/" in name)
