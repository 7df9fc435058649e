"""A real browser, Debian's Chromium, in front of the page of a real pair."""

from __future__ import annotations

import fcntl
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from ..conftest import give_up
from ..kit.compose import ROOT
from ..kit.images import CACHE
from ..kit.pair import URL, Pair

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from ..kit.host import Container, Host

WIDE = {"width": 1440, "height": 900}
SECONDS = 20
HEALTHY = ("--health-cmd", "true", "--health-interval", "1s")


def find_chromium() -> str:
    """Debian's Chromium, installed where it is missing: by one run, while the others wait."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "chromium.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        script = ROOT / "scripts" / "setup" / "browser.sh"
        done = subprocess.run([script], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        give_up(f"there is no Chromium here, and it can't be installed: {done.stderr.strip()[-300:]}")
    return done.stdout.strip()


@pytest.fixture(scope="session")
def browser() -> Generator[Browser]:
    """The browser, without a window."""
    chromium = find_chromium()
    with sync_playwright() as playwright:
        # As root it can't have its sandbox; it sees nothing but this page.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def originals(module_host: Host) -> dict[str, Container]:
    """What runs before the pair comes."""
    return {name: module_host.run(name, options=HEALTHY if name == "db" else ()) for name in ("web", "db", "mail")}


@pytest.fixture(scope="module")
def pair(module_host: Host, originals: dict[str, Container]) -> Generator[Pair]:
    """The pair, which checks as rarely as it does in life: what the page shows sooner, events have told it."""
    assert originals
    with Pair(module_host, SSC_INTERVAL="30s").running() as pair:
        yield pair


@pytest.fixture
def opened(browser: Browser, pair: Pair) -> Generator[Callable[..., Page]]:
    """Opens the page in a session of its own. Whatever goes wrong inside of it fails the test at its end."""
    wrong: list[str] = []
    with _sessions(browser, wrong) as open_page:
        assert pair.is_ready()
        yield open_page
    assert wrong == []


@contextmanager
def _sessions(browser: Browser, wrong: list[str]) -> Generator[Callable[..., Page]]:
    contexts: list[BrowserContext] = []

    def open_page(url: str = URL, **options: object) -> Page:
        context = browser.new_context(**({"viewport": WIDE} | options))  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - Playwright's own
        contexts.append(context)
        context.set_default_timeout(SECONDS * 1000)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("dialog", lambda dialog: wrong.append(f"a script has run: {dialog.message}"))
        page.on(
            "console", lambda message: wrong.append(message.text) if "Content Security Policy" in message.text else None
        )
        page.goto(url)
        return page

    try:
        yield open_page
    finally:
        for context in contexts:
            context.close()
