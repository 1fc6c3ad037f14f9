"""The pages in a real browser: what is seen, pressed and dropped."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests import processes
from tests.api.pages.conftest import Pages, address
from tests.api.pictures import picture
from tests.browser import Browser
from tests.made_runs import make_run, row
from tests.tiny import write_ini

NAME = "20261121-134959-b215d2"
PAGES = ["/", "/ui/runs", f"/ui/runs/{NAME}", "/ui/jobs", "/docs"]
LIGHT, DARK = "rgb(247, 246, 243)", "rgb(20, 23, 27)"


@pytest.fixture
def chromium(browser: Browser) -> Iterator[Browser]:
    """Return the browser as a new visitor has it; at the end no script and no policy may have complained."""
    browser.fresh()
    yield browser
    assert browser.errors() == []


@pytest.fixture
def at(site: httpx.Client) -> str:
    """Return the address of the site."""
    return address(site)


@pytest.fixture
def green(tmp_path: Path) -> Path:
    (tmp_path / "green.png").write_bytes(picture((10, 250, 10)))
    return tmp_path / "green.png"


def answered(browser: Browser, times: int = 1) -> list[str]:
    browser.wait(lambda: len(browser.all("#answers .prediction")) == times, why="no answer came")
    return [element.text for element in browser.all("#answers .prediction")]


def test_dropped_image_is_answered_with_bars(chromium: Browser, at: str, green: Path):
    chromium.open(at)
    chromium.drop("#ask", green)
    assert answered(chromium)[0].startswith("green")
    assert chromium.text(".bars tr").startswith("green")
    widths = chromium.run("return [...document.querySelectorAll('.bars rect')].map(at => at.getBBox().width)")
    assert widths == sorted(widths, reverse=True) and widths[0] > 5 * widths[1] >= 0
    assert chromium.run("return document.querySelector('.answer img').naturalWidth") == 20
    assert "One image, answered in" in chromium.text("#answers")
    assert chromium.one("#answers").get_attribute("aria-live") == "polite"


def test_several_files_are_answered_and_one_that_is_no_image_is_told_kindly(
    chromium: Browser, at: str, green: Path, tmp_path: Path
):
    (tmp_path / "text.png").write_text("hello")
    chromium.open(at)
    chromium.drop("#ask", green, tmp_path / "text.png")
    first, second = answered(chromium, 2)
    assert first.startswith("green") and second == "Image 2: no answer"
    assert "is no image" in chromium.text(".answer.wrong")
    chromium.drop("#ask", tmp_path / "text.png")
    chromium.wait(lambda: "is no image" in chromium.text("#answers") and len(chromium.all(".answer")) == 1)


def test_too_much_is_told_before_it_is_sent(chromium: Browser, at: str, tmp_path: Path):
    (tmp_path / "large.png").write_bytes(bytes(21_000_000))
    chromium.open(at)
    chromium.drop("#ask", tmp_path / "large.png")
    chromium.wait(lambda: chromium.text("#toast") == "21.0 MB are too much: 20 MB are allowed.")


def test_pasted_image_is_answered(chromium: Browser, at: str):
    chromium.open(at)
    script = """
        const canvas = document.createElement("canvas");
        canvas.getContext("2d").fillStyle = "rgb(10, 10, 250)";
        canvas.getContext("2d").fillRect(0, 0, 300, 150);
        canvas.toBlob((blob) => {
          const clipboardData = new DataTransfer();
          clipboardData.items.add(new File([blob], "image.png", { type: "image/png" }));
          document.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
        });
    """
    chromium.run(script)
    assert answered(chromium)[0].startswith("blue")


def test_service_that_is_gone_is_said(chromium: Browser, pages: Pages, green: Path, tmp_path: Path):
    with pages(tmp_path) as client:
        chromium.open(address(client))
    chromium.drop("#ask", green)
    chromium.wait(lambda: "does not answer" in chromium.text("#toast"))
    assert all("htmx:" in message for message in chromium.errors())


def test_page_without_scripts_asks_with_a_button(chromium: Browser, at: str, green: Path):
    chromium.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    chromium.open(at)
    assert not chromium.one("#theme").is_displayed()
    chromium.one("#img").send_keys(str(green))
    chromium.one("#ask button").click()
    chromium.wait(lambda: chromium.all(".prediction"))
    assert chromium.one(".prediction").text.startswith("green")


def test_keyboard_alone_asks_the_model_and_reaches_everything(chromium: Browser, at: str, green: Path):
    chromium.open(at)
    stations = []
    for _ in range(9):
        chromium.press("TAB")
        stations.append(chromium.focused())
        outline = chromium.run("""
            const at = document.activeElement.id === "img" ? document.querySelector("#ask") : document.activeElement;
            return getComputedStyle(at).outlineStyle;
        """)
        assert outline == "solid", f"{stations[-1]} does not show its focus"
    assert stations == [
        "Skip to the content",
        "AutoTrain",
        "Try",
        "Runs",
        "Jobs",
        "API",
        "theme",
        "img",
        "Names of the classes",
    ]
    chromium.press("ENTER")
    assert chromium.run("return document.querySelector('details').open")
    chromium.one("#img").send_keys(str(green))
    assert answered(chromium)[0].startswith("green")
    chromium.open(at)
    chromium.press("TAB", "ENTER")
    assert chromium.focused() == "content"
    chromium.open(f"{at}/ui/runs")
    chromium.wait(lambda: chromium.press("TAB") or chromium.focused().startswith("run-"))
    chromium.press("ENTER")
    chromium.wait(lambda: chromium.driver.current_url.endswith(NAME))


@pytest.mark.parametrize("path", PAGES)
def test_colours_are_the_systems_until_one_is_chosen(chromium: Browser, at: str, path: str):
    chromium.open(at + path)
    assert chromium.style("body", "background-color") == LIGHT
    chromium.look(dark=True)
    assert chromium.style("body", "background-color") == DARK
    chromium.wait(lambda: chromium.one("#theme").get_attribute("aria-pressed") == "true")
    chromium.one("#theme").click()
    assert chromium.style("body", "background-color") == LIGHT
    chromium.open(at)
    assert chromium.style("body", "background-color") == LIGHT
    assert chromium.one("#theme").get_attribute("aria-pressed") == "false"


CONTRAST = """
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const rgba = (colour) => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
};
const luminance = (colour) => {
  const [r, g, b] = colour.slice(0, 3).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = (at) => {
  for (; at; at = at.parentElement) {
    const colour = rgba(getComputedStyle(at).backgroundColor);
    if (colour[3] === 255) return colour;
  }
};
const found = [];
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const at = texts.currentNode.parentElement;
  if (!texts.currentNode.data.trim() || !at.checkVisibility() || at.closest(".hidden, .skip")) continue;
  const isSvg = at instanceof SVGElement;
  const text = luminance(rgba(getComputedStyle(at)[isSvg ? "fill" : "color"]));
  const under = luminance(ground(at));
  const ratio = (Math.max(text, under) + 0.05) / (Math.min(text, under) + 0.05);
  if (ratio < 4.5) found.push(`${texts.currentNode.data.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
}
return found;
"""


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_from_its_ground(chromium: Browser, pages: Pages, tmp_path: Path, green: Path, dark: bool):
    for n, status in enumerate(["done", "failed", "interrupted", "running", "unknown"]):
        make_run(tmp_path, f"20261121-13495{n}-b215d2", status=status, rows=[row(1), row(2)], log="a line\n")
    (tmp_path / "no.png").write_text("no")
    chromium.look(dark=dark)
    with pages(tmp_path) as client:
        for path in (
            "/",
            "/ui/runs",
            "/ui/jobs",
            *(f"/ui/runs/20261121-13495{n}-b215d2" for n in (1, 3)),
            "/ui/runs/missing",
        ):
            chromium.open(address(client) + path)
            assert chromium.run(CONTRAST) == [], path
        chromium.open(address(client))
        chromium.drop("#ask", green, tmp_path / "no.png")
        answered(chromium, 2)
        assert chromium.run(CONTRAST) == []


@pytest.mark.parametrize("width", [320, 390, 768, 1920])
def test_nothing_is_wider_than_the_window(
    chromium: Browser, pages: Pages, odd_model: Path, tmp_path: Path, green: Path, width: int
):
    rows = [row(n) for n in range(1, 60)]
    run = make_run(tmp_path, f"20261121-134959-{'x' * 200}", rows=rows, log="x" * 500 + "\n")
    chromium.look(width=width)
    with pages(tmp_path, model=odd_model) as client:
        for path in ("/", "/ui/runs", f"/ui/runs/{run.name}", "/ui/jobs", "/docs"):
            chromium.open(address(client) + path)
            assert chromium.overflow() <= 0, path
        chromium.open(address(client))
        chromium.drop("#ask", green, run / "STATUS")
        answered(chromium, 2)
        assert chromium.overflow() <= 0


def test_pages_ask_no_other_host(chromium: Browser, at: str, green: Path):
    for path in PAGES:
        chromium.open(at + path)
    chromium.open(at)
    chromium.drop("#ask", green)
    answered(chromium)
    assert chromium.hosts() == {at.removeprefix("http://")}


def test_report_opens_without_its_script_and_without_the_visitors_rights(chromium: Browser, at: str):
    chromium.open(f"{at}/ui/runs/{NAME}")
    chromium.one(".tiles a").click()
    chromium.wait(lambda: chromium.text("p") == "the report")
    assert chromium.style("p", "color") == "rgb(255, 0, 0)"
    assert all("Blocked script execution" in message for message in chromium.errors())


def test_curves_of_a_training_grow_while_it_runs(chromium: Browser, pages: Pages, digit_files: Path, tmp_path: Path):
    write_ini(tmp_path, digit_files)
    project = tmp_path / "project"
    trainer = processes.start(tmp_path, "--config=tiny.ini", "training.scheme.epochs=400")
    try:
        with pages(project) as client:
            chromium.open(f"{address(client)}/ui/runs")
            chromium.wait(lambda: chromium.all(".runs .badge.running"), 60, why="the run is not in the list")
            chromium.one(".runs .name").click()
            chromium.wait(lambda: chromium.all("g.line.valid path"), 60, why="there is no curve")
            assert chromium.text(".badge") == "running"
            curves, epochs = [], []
            for _ in range(3):
                curves.append(chromium.run("return document.querySelector('g.line.valid path').getAttribute('d')"))
                epochs.append(int(chromium.text(".tiles dd").split()[0]))
                chromium.wait(lambda: int(chromium.text(".tiles dd").split()[0]) > epochs[-1], why="it does not grow")
            assert len(set(curves)) == 3 and epochs == sorted(set(epochs))
            assert "epochs done" in chromium.run("return document.querySelector('#news').textContent")
            trainer.process.terminate()
            assert trainer.wait() == 130
            chromium.wait(lambda: chromium.text(".badge") == "interrupted", why="the end is not seen")
            assert "python main.py train --resume" in chromium.text("#run")
    finally:
        trainer.kill(0)


def test_visitor_signs_in_and_out(chromium: Browser, pages: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUTO_TRAIN_API_KEYS", "sesame")
    with pages(tmp_path) as client:
        chromium.open(f"{address(client)}/ui/runs")
        assert chromium.text("h1") == "Sign in"
        chromium.press("wrong", "ENTER")
        chromium.wait(lambda: chromium.text("#wrong") == "This key is not known here.")
        chromium.press("sesame", "ENTER")
        chromium.wait(lambda: chromium.text("h1") == "Runs")
        assert chromium.run("return document.cookie") == ""
        chromium.one("form[action='/ui/logout'] button").click()
        chromium.wait(lambda: chromium.text("h1") == "Sign in")
