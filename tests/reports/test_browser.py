"""Both pages in a real browser, opened from the disk: nothing asked for, nothing wider than a phone, readable."""

from pathlib import Path

import pytest

from auto_train.reports import compare_runs, write_comparison, write_report
from tests.browser import Browser
from tests.reports.test_compare import better
from tests.reports.written import predictions, write_run

MAX_SECONDS = 1
LOAD = "return performance.getEntriesByType('navigation')[0].loadEventEnd"
CONTRAST = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the report of 3 and of 102 classes with awkward names, and a comparison."""
    folder = tmp_path_factory.mktemp("pages")
    table, scores = predictions(300)
    many = [f"a class with the long name {i} and_no_blanks_{'x' * 40}" for i in range(102)]
    a = write_run(folder / "a", table, scores)
    b = write_run(folder / "b", better(table, 20, broken=12), scores, epochs=9)
    wide = write_run(folder / "wide", *predictions(408, many), labels=many)
    return {
        "report": write_report(a),
        "many classes": write_report(wide),
        "comparison": write_comparison(compare_runs(a, b), folder / "compare.html"),
    }


@pytest.mark.parametrize("name", ["report", "many classes", "comparison"])
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 1280])
def test_page_opens_from_the_disk(browser: Browser, pages: dict[str, Path], name: str, dark: bool, width: int):
    browser.fresh()
    browser.look(width=width, dark=dark)
    browser.open(pages[name].as_uri())
    assert browser.errors() == [] and browser.hosts() == set()
    assert browser.overflow() <= 0
    assert browser.run(CONTRAST) >= 4.5
    pictures = "return [...document.images].filter(at => !at.complete || !at.naturalWidth).length"
    assert browser.run(pictures) == 0


def test_page_is_there_within_a_second(browser: Browser, pages: dict[str, Path]):
    times = []
    for _ in range(3):
        browser.fresh()
        browser.open(pages["many classes"].as_uri())
        times.append(browser.run(LOAD) / 1000)
    assert min(times) < MAX_SECONDS
