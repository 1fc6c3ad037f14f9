"""docs/: the site builds without a warning and opens without a network; its links lead somewhere; its blocks run."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from tests.pages import FILES, PAGES, ROOT, RUN, SHOWN, blocks_of, run_page

DOCS = [page for page in PAGES if page.name != "README.md"]
# Their blocks belong together in a way that only a test of their own can know.
OWN_TEST = {"tasks.md": "tests/test_tasks.py", "recipes.md": "tests/test_recipes.py"}
RUNNING = [page for page in DOCS if page.name not in OWN_TEST and any(block.is_run for block in blocks_of(page))]


def trains(page: Path) -> bool:
    texts = [block.text + block.note for block in blocks_of(page) if block.is_run]
    return any(re.search(r"\b(train|validate|serve)\b", text) for text in texts)


every_page = pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
every_running_page = pytest.mark.parametrize(
    "page", [pytest.param(at, id=at.name, marks=[pytest.mark.slow] if trains(at) else []) for at in RUNNING]
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the built site."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", f"--site-dir={folder}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_site_has_every_page(site: Path):
    built = {path.relative_to(site).with_suffix(".md") for path in site.rglob("*.html")}
    assert {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")} <= built


def test_site_nav_names_every_page():
    named = set(re.findall(r"[\w/.-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8")))
    there = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    assert named == there


class Fetched(HTMLParser):
    """Collects what a browser loads with a page: scripts, styles, images, fonts, frames."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src"}
        self.found += [value or "" for name, value in attrs if name == names.get(tag)]


def test_site_loads_nothing_from_another_server(site: Path):
    for page in site.rglob("*.html"):
        parser = Fetched()
        parser.feed(page.read_text(encoding="utf-8"))
        assert parser.found and not [at for at in parser.found if re.match(r"(https?:)?//", at)], page
    for style in site.rglob("*.css"):
        assert not re.findall(r"url\(['\"]?(?:https?:)?//|@import", style.read_text(encoding="utf-8")), style


def test_site_search_finds_a_word_of_a_page(site: Path):
    entries = yaml.safe_load((site / "search/search_index.json").read_text(encoding="utf-8"))["docs"]
    assert any("cli.html" in entry["location"] and "exit code" in entry["text"].lower() for entry in entries)


@every_page
def test_page_links_lead_somewhere(page: Path):
    targets = re.findall(r"\]\(([^)#:\s]+)(?:#[\w-]*)?\)", page.read_text(encoding="utf-8"))
    assert not [target for target in targets if not (page.parent / target).exists()]


@every_page
def test_page_blocks_are_run_or_are_files_or_are_shown_on_purpose(page: Path):
    wrong = [block for block in blocks_of(page) if block.language not in {*RUN, *FILES, *SHOWN}]
    assert not [f"{page.name}:{block.line}: {block.language}" for block in wrong]
    own = OWN_TEST.get(page.name)
    assert own is None or page.name in (ROOT / own).read_text(encoding="utf-8")


@every_running_page
@pytest.mark.timeout(1200)
def test_page_every_block_runs_with_a_smaller_network(page: Path, tmp_path: Path):
    run_page(page, tmp_path, is_fast=True)
