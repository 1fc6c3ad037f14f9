"""Chromium as a person uses it: Debian's own, driven by Selenium. Nothing is downloaded."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CHROMIUM, DRIVER = "chromium", "chromedriver"
MISSING = f"no browser: {CHROMIUM} and {DRIVER} are not installed (Debian: apt-get install chromium chromium-driver)"
ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",  # refuses to run as root
    "--disable-dev-shm-usage",  # containers give it 64 MB
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
]


def is_installed() -> bool:
    return bool(shutil.which(CHROMIUM) and shutil.which(DRIVER))


@contextmanager
def started(folder: Path) -> Iterator["Browser"]:
    """Yield a browser whose profile lies in a folder."""
    from selenium.webdriver import Chrome, ChromeOptions, ChromeService

    options = ChromeOptions()
    options.binary_location = shutil.which(CHROMIUM) or ""
    for argument in (*ARGUMENTS, f"--user-data-dir={folder}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = ChromeService(executable_path=shutil.which(DRIVER), env={**os.environ, "HOME": str(folder)})
    driver = Chrome(options=options, service=service)
    try:
        yield Browser(driver)
    finally:
        driver.quit()


class Browser:
    """One window.

    Attributes:
        driver: Selenium's, for what is not below.
    """

    def __init__(self, driver: Any):
        self.driver = driver

    def fresh(self) -> None:
        """Forget cookies, storage, logs and what was emulated."""
        self.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
        self.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
        self.run("try { localStorage.clear() } catch {}")  # pages of no site have none
        self.driver.get("about:blank")
        self.look(width=1280, height=900, dark=False)
        self.logs("browser")
        self.logs("performance")

    def look(self, *, width: int | None = None, height: int = 900, dark: bool | None = None) -> None:
        """Change the window's size, in CSS pixels, or what the system says about colours."""
        if width is not None:
            size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
            self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        if dark is not None:
            feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
            self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def open(self, url: str) -> None:
        self.driver.get(str(url))

    def all(self, css: str) -> list[Any]:
        return list(self.driver.find_elements("css selector", css))

    def one(self, css: str) -> Any:
        return self.driver.find_element("css selector", css)

    def text(self, css: str) -> str:
        """Return what is to be read in an element; "" where there is none. One step: the page may change meanwhile."""
        return str(self.run("return document.querySelector(arguments[0])?.innerText ?? ''", css))

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def style(self, css: str, name: str) -> str:
        """Return a computed property of an element."""
        script = "return getComputedStyle(document.querySelector(arguments[0])).getPropertyValue(arguments[1])"
        return str(self.run(script, css, name))

    def press(self, *keys: str) -> None:
        """Press keys where the focus is; names as in Selenium's Keys, such as ``TAB``."""
        from selenium.webdriver import ActionChains, Keys

        actions = ActionChains(self.driver)
        for key in keys:
            actions.send_keys(getattr(Keys, key, key))
        actions.perform()

    def focused(self, script: str = "at.id || at.textContent.trim()") -> str:
        """Return something of the element that has the focus, as a JavaScript expression of ``at``."""
        return str(self.run(f"const at = document.activeElement; return {script}"))

    def drop(self, css: str, *paths: Path) -> None:
        """Drop files from the desktop on an element, as the system does."""
        box = self.run("return document.querySelector(arguments[0]).getBoundingClientRect().toJSON()", css)
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
            self.driver.execute_cdp_cmd("Input.dispatchDragEvent", {"type": kind, "data": data, **at})

    def wait(self, condition: Callable[[], Any], timeout_s: float = 15, *, why: str = "") -> Any:
        """Return the condition's first true value."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            if found := condition():
                return found
            time.sleep(0.05)
        raise AssertionError(f"{why or 'it did not happen'} within {timeout_s} s; the page says: {self.text('body')}")

    def logs(self, kind: str) -> list[dict[str, Any]]:
        return list(self.driver.get_log(kind))

    def errors(self) -> list[str]:
        """Return what scripts and the page's own policy have complained about; answers that are errors are none."""
        return [
            entry["message"]
            for entry in self.logs("browser")
            if entry["level"] in ("SEVERE", "WARNING") and entry["source"] != "network"
        ]

    def hosts(self) -> set[str]:
        """Return the hosts that were asked for anything since this was last called."""
        events = [json.loads(entry["message"])["message"] for entry in self.logs("performance")]
        urls = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
        return {urlsplit(url).netloc for url in urls} - {""}

    def overflow(self) -> int:
        """Return how many pixels the page is wider than the window."""
        return int(self.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """Write what is seen as a PNG; the whole page, also what lies below the window."""
        import base64

        size = {"captureBeyondViewport": whole, "format": "png"}
        path.write_bytes(base64.b64decode(self.driver.execute_cdp_cmd("Page.captureScreenshot", size)["data"]))
