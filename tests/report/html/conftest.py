"""Reports to look at: one of a small real run, one of names that try to be markup; and a browser to look with."""

import contextlib
import dataclasses
import json
import os
import shutil
import time
from pathlib import Path

import pytest

from benchhost.report.html import write
from benchhost.report.synthetic import synthetic

EVIL = "<script>alert(1)</script>"
EVIL_IMAGE = '"><img src=x onerror=alert(2)>.png'
EVIL_DATASET = "../../<b>set</b>"
EVIL_REASON = "</script><script>alert(3)</script>\n<i>second line</i>"

PLAIN = {"figures": False}
"""Options of a report without figures, which take most of its time."""

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
)


@pytest.fixture(scope="session")
def evil(tmp_path_factory) -> Path:
    """The folder of a report in which every name and reason tries to be markup."""
    results = synthetic(
        tasks={"cs": ("ratio=0.1",)},
        datasets=(EVIL_DATASET,),
        methods=("baseline", EVIL, "dip:iterations=500"),
        failures={("dip:iterations=500", "image01"): ("failed", EVIL_REASON)},
    )
    frame = results.frame.assign(image=results.frame["image"].replace("image00", EVIL_IMAGE))
    results = dataclasses.replace(results, frame=frame, run={**results.run, "command": f"benchhost run {EVIL}"})
    folder = tmp_path_factory.mktemp("evil")
    write(results, folder, PLAIN)
    return folder / "html"


@pytest.fixture(scope="session")
def run_results(tmp_path_factory):
    """A real run: two conditions, three methods of which one fails, three images; and its catalogue."""
    from benchhost.config import RunConfig
    from benchhost.plugins import load
    from benchhost.runs import execute_run
    from benchhost.selection import parse_methods, parse_tasks

    catalogue = load(("benchhost.testing.faults",))
    config = RunConfig(
        tasks=tuple(parse_tasks(("denoise", "cs:ratio=0.25"), catalogue)),
        methods=tuple(parse_methods(("baseline", "tv:iterations=25", "fault-raises:image=2"), catalogue)),
        limit=3,
        isolation=False,
        threads=1,
        device="cpu",
        results=str(tmp_path_factory.mktemp("real")),
        plugins=("benchhost.testing.faults",),
    )
    return execute_run(config, catalogue, command="benchhost run --tasks denoise,cs:ratio=0.25").results, catalogue


@pytest.fixture(scope="session")
def real(run_results, tmp_path_factory) -> Path:
    """The folder of the report of the real run."""
    results, catalogue = run_results
    folder = tmp_path_factory.mktemp("report")
    write(results, folder, {"catalogue": catalogue})
    return folder / "html"


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """Headless Chromium under selenium; skips where either is missing."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="no selenium (pip install benchhost[test])")
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not browser or not driver:
        pytest.skip("no browser: Debian's packages chromium and chromium-driver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    home = str(tmp_path_factory.mktemp("home"))  # Chromium does not start without one, and tox passes none
    service = webdriver.ChromeService(driver, env={**os.environ, "HOME": home, "XDG_CONFIG_HOME": home})
    session = webdriver.Chrome(options=options, service=service)
    session.set_script_timeout(60)
    session.get("about:blank")  # away from the browser's own first page, which goes on loading
    yield session
    session.quit()


class Page:
    """A page of a report in the browser."""

    def __init__(self, session, folder: Path) -> None:
        self.session, self.folder = session, folder

    def open(self, name: str, *, width: int = 1280, dark: bool = False) -> "Page":
        """Load a page at that width, with the transitions of its style switched off."""
        command = self.session.execute_cdp_cmd
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
        command("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        command(
            "Emulation.setEmulatedMedia", {"features": [scheme, {"name": "prefers-reduced-motion", "value": "reduce"}]}
        )
        self._leave(lambda: self.session.get((self.folder / name).as_uri()))
        return self

    def reload(self) -> None:
        """Load the page again."""
        self._leave(self.session.refresh)

    def _leave(self, going) -> None:
        """Go to another document and wait until it is there: on a busy machine the driver returns from going before."""
        from selenium.common.exceptions import WebDriverException

        self.run("window.left = true")
        going()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with contextlib.suppress(WebDriverException):  # the document goes while it is asked
                if self.run("return !window.left && document.readyState === 'complete'"):
                    return
            time.sleep(0.02)
        raise TimeoutError(f"{self.session.current_url} did not load")

    def drawn(self) -> None:
        """Wait until what was last changed is on the screen, pictures included."""
        self.session.execute_async_script(
            "const done = arguments[0]; const pictures = [...document.querySelectorAll('.stage img:not([hidden])')];"
            "Promise.all(pictures.map((e) => e.decode())).then(() =>"
            " requestAnimationFrame(() => requestAnimationFrame(() => done())))"
        )

    def run(self, script: str, *arguments):
        """What a script returns; its errors are the test's."""
        return self.session.execute_script(script, *arguments)

    def find(self, selector: str):
        """The first element that a CSS selector matches."""
        return self.session.find_element("css selector", selector)

    def texts(self, selector: str) -> list[str]:
        """Text of every element that matches."""
        return self.run("return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)", selector)

    def choose(self, selector: str, value: str) -> None:
        """Set a select or an input, as a person would, with its event."""
        self.run(
            "const e = document.querySelector(arguments[0]); e.value = arguments[1];"
            "e.dispatchEvent(new Event('input', {bubbles: true}))",
            selector,
            value,
        )

    def complaints(self) -> list[str]:
        """What the console said since it was last asked."""
        return [entry["message"] for entry in self.session.get_log("browser")]

    def requests(self) -> list[str]:
        """Addresses asked for since they were last asked for."""
        entries = [json.loads(entry["message"])["message"] for entry in self.session.get_log("performance")]
        return [e["params"]["request"]["url"] for e in entries if e["method"] == "Network.requestWillBeSent"]


@pytest.fixture
def visit(chromium):
    """Open a page of a folder; the console and the list of requests begin empty."""

    def opened(folder: Path, name: str, **options) -> Page:
        page = Page(chromium, folder)
        page.complaints(), page.requests()
        return page.open(name, **options)

    return opened
