"""The page for everyone: by keyboard, on a phone, with a screen reader, light and dark, with three hundred containers."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Page, expect

from ..kit.pair import URL

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Route

    from ..kit.pair import Pair

    Opened = Callable[..., Page]

MANY = 300
SLOW_SECONDS = 1.0
"""Of the processor's time, for filtering twice and some updates: they take a fifth of it."""


def serious(page: Page) -> list[str]:
    """What axe-core finds that keeps somebody from using it."""
    package = find_spec("axe_playwright_python")
    assert package is not None
    assert package.origin is not None
    page.evaluate((Path(package.origin).parent / "axe.min.js").read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']}: {one['help']}: {[node['html'] for node in one['nodes']][:3]}"
        for one in found["violations"]
        if one["impact"] in {"serious", "critical"}
    ]


def busy_seconds(page: Page) -> float:
    """How long the page has kept its thread busy, however busy the machine is besides."""
    session: Any = page.context.new_cdp_session(page)  # Playwright types its answers by halves
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    told = session.send("Performance.getMetrics")["metrics"]
    session.detach()
    return next(one["value"] for one in told if one["name"] == "TaskDuration")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened: Opened, pair: Pair, scheme: str) -> None:
    name = min(pair.original_names())
    pair.post("/pause", {"for": "10m", "containers": [name], "reason": "a picture"})
    try:
        page = opened(color_scheme=scheme, bypass_csp=True)
        page.locator("#rows button").first.click()
        page.locator("summary").click()
        expect(page.locator("tr.details")).to_be_visible()
        assert serious(page) == []
        page.get_by_role("button", name="Pause", exact=True).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        assert serious(page) == []
    finally:
        pair.post("/resume")


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_nothing_is_cut_off_at_the_side(opened: Opened, width: int) -> None:
    page = opened(viewport={"width": width, "height": 800})
    page.locator("#rows button").first.click()
    expect(page.locator("tr.details")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_all_of_it_can_be_done_by_keyboard(opened: Opened) -> None:
    page = opened()
    expect(page.locator("#rows tr").first).to_be_visible()
    page.get_by_role("button", name="Pause", exact=True).focus()
    page.keyboard.press("Tab")
    expect(page.locator("#filter")).to_be_focused()
    page.keyboard.type("db-")
    expect(page.locator("#rows tr:visible")).to_have_count(1)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="db-")).to_have_attribute("aria-expanded", "true")
    expect(page.locator("tr.details")).to_be_visible()
    pause = page.get_by_role("button", name="Pause", exact=True)
    pause.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_label("15 min")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(pause).to_be_focused()


def test_three_hundred_containers_stay_fluid(opened: Opened, pair: Pair) -> None:
    document = pair.get("/overview").json()
    one = document["containers"][0]
    asked: list[int] = []

    def answer(route: Route) -> None:
        asked.append(1)
        many = [
            one | {"id": f"{number:064x}", "name": f"shop-{number:03}", "since": None, "status": f"Look {len(asked)}"}
            for number in range(MANY)
        ]
        route.fulfill(body=json.dumps(document | {"containers": many}), content_type="application/json")

    page = opened("about:blank")
    page.route("**/overview", answer)
    page.goto(URL)
    expect(page.locator("#rows tr")).to_have_count(MANY)
    before = busy_seconds(page)
    page.locator("#filter").fill("shop-29")
    expect(page.locator("#rows tr:visible")).to_have_count(10)
    page.locator("#filter").fill("")
    expect(page.locator("#rows tr:visible")).to_have_count(MANY)
    last = page.locator("#rows .since").last
    first_look = last.inner_text()
    pair.post("/pause", {"for": "10m"})
    pair.post("/resume")
    expect(last).not_to_have_text(first_look)
    assert busy_seconds(page) - before < SLOW_SECONDS
