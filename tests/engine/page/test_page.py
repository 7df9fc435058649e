"""The page in a real browser, on real containers: it shows what happens as it happens, and changes what it says it will."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, Page, expect

from ..kit.host import Container, Host, run_command
from ..kit.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from ..kit.pair import Pair

    Opened = Callable[..., Page]

expect.set_options(timeout=20_000)
IMAGE = "<img src=x onerror=alert(1)>"
HOSTILE = f"{IMAGE}<script>alert(2)</script>"


@pytest.fixture(autouse=True)
def settled(pair: Pair) -> Generator[None]:
    """Each test begins and ends without a pause, and in sync."""
    yield
    if not pair.is_ready():
        pair.api.docker("start")
        pair.wait_until_at_work()
    pair.post("/resume")
    wait_until(lambda: pair.get("/overview").json()["verdict"] == "in_sync", "the host to be in sync", 40, pair.status)


def headline(page: Page) -> Locator:
    """The answer to the one question."""
    return page.get_by_role("heading", level=1)


def row(page: Page, container: Container) -> Locator:
    """An original's row."""
    return page.locator("#rows tr").filter(has=page.get_by_role("button", name=container.name, exact=True))


def dialog(page: Page) -> Locator:
    """What is asked just now."""
    return page.get_by_role("dialog")


def say_token(page: Page, pair: Pair) -> None:
    """Say the token, which is asked for once."""
    asked = dialog(page).last
    expect(asked.get_by_role("heading")).to_have_text("Token")
    asked.get_by_label("Token", exact=True).fill(pair.read_token())
    asked.get_by_role("button", name="Go on").click()


def confirm(page: Page, button: str) -> None:
    """Do what the dialog has shown."""
    dialog(page).get_by_role("button", name=button, exact=True).click()
    expect(dialog(page)).to_have_count(0)


def test_one_sees_at_once_that_the_host_is_as_it_should_be(opened: Opened, originals: dict[str, Container]) -> None:
    page = opened()
    expect(headline(page)).to_have_text("As it should be")
    expect(page.locator("#rows tr")).to_have_count(len(originals))
    for container in originals.values():
        expect(row(page, container).locator(".c-state .word")).to_have_text("running")
    expect(row(page, originals["db"]).locator(".health")).to_have_text("ok")
    expect(page.locator("#checked")).to_contain_text(re.compile(r"Checked .* · next within \d+ s"))


def test_one_that_is_killed_comes_back_on_the_page(opened: Opened, originals: dict[str, Container]) -> None:
    page = opened()
    line = row(page, originals["web"])
    expect(line.locator(".c-state .word")).to_have_text("running")
    page.evaluate("window.isTheSame = true")
    page.evaluate("""() => { window.said = []; new MutationObserver(() => window.said.push(
        document.getElementById("announcer").textContent)).observe(document.getElementById("announcer"), {childList: true}); }""")
    originals["web"].docker("kill")
    expect(line.locator(".c-last .what")).to_contain_text("started")
    expect(line.locator(".c-state .word")).to_have_text("running")
    expect(page.locator("#journal li").filter(has_text=f"{originals['web'].name} started").first).to_contain_text(
        "exited with code 137"
    )
    line.get_by_role("button", name=originals["web"].name).click()
    expect(page.locator("tr.details")).to_contain_text("had exited with code 137")
    assert page.evaluate("window.isTheSame"), "it was not loaded again"


def test_a_newcomer_is_accepted_by_a_click(opened: Opened, pair: Pair, module_host: Host) -> None:
    page = opened()
    expect(headline(page)).to_have_text("As it should be")
    newcomer = module_host.run("newcomer")
    newcomer.wait_for("exited")
    before = pair.snapshot_id()
    entry = page.locator("#newcomers li").filter(has_text=newcomer.name)
    expect(entry.locator(".word")).to_have_text("stopped")
    entry.get_by_role("button").click()
    say_token(page, pair)
    expect(dialog(page).get_by_role("listitem")).to_have_text(f"{newcomer.name} becomes an original")
    assert pair.snapshot_id() == before, "so far it was only shown"
    confirm(page, "Accept")
    expect(row(page, newcomer).locator(".c-state .word")).to_have_text("running")
    expect(entry.locator(".word")).to_have_text("accepted")
    expect(page.locator("#snapshots li").first).to_contain_text(f"+ {newcomer.name}")
    assert page.evaluate("[Object.keys(sessionStorage), localStorage.length, document.cookie]") == [
        ["status-state-token"],
        0,
        "",
    ]
    older = page.locator("#snapshots li").nth(1)
    older.get_by_role("button", name="Roll back").click()
    expect(dialog(page).get_by_role("listitem")).to_have_text(f"{newcomer.name} is no original any more")
    confirm(page, "Roll back")
    newcomer.wait_for("exited")
    expect(row(page, newcomer)).to_have_count(0)


def test_a_wrong_token_is_asked_for_again_and_changes_nothing(opened: Opened, pair: Pair) -> None:
    page = opened()
    page.get_by_role("button", name="Pause", exact=True).click()
    dialog(page).get_by_role("button", name="Pause", exact=True).click()
    asked = page.get_by_role("dialog").last
    asked.get_by_label("Token", exact=True).fill("wrong")
    asked.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("dialog").last.get_by_role("alert").first).to_contain_text("token is wrong")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(dialog(page)).to_have_count(0)
    assert pair.status()["pauses"] == []


def test_a_pause_shows_the_time_left_and_what_waits_until_it_is_ended(
    opened: Opened, pair: Pair, originals: dict[str, Container]
) -> None:
    page = opened()
    page.get_by_role("button", name="Pause", exact=True).click()
    dialog(page).get_by_text("1 hour").click()
    dialog(page).get_by_label("Why").fill(HOSTILE)
    expect(dialog(page).locator(".preview")).to_contain_text("Nothing is healed until")
    dialog(page).get_by_role("button", name="Pause", exact=True).click()
    say_token(page, pair)
    expect(headline(page)).to_have_text("Healing is paused")
    expect(page.locator("#notices")).to_contain_text(re.compile(r"(59:\d\d|1:00:00)"))
    expect(page.locator("#notices")).to_contain_text(HOSTILE)
    expect(page.locator("#journal")).to_contain_text(HOSTILE)
    originals["web"].docker("kill")
    expect(row(page, originals["web"]).locator(".c-state .word")).to_have_text("missing")
    expect(page.locator("#differences li")).to_contain_text("had exited with code 137")
    page.get_by_role("button", name="Resume").click()
    expect(dialog(page)).to_contain_text(f"{originals['web'].name} had exited with code 137")
    confirm(page, "Resume")
    expect(row(page, originals["web"]).locator(".c-state .word")).to_have_text("running")
    expect(headline(page)).to_have_text("As it should be")


def test_what_differs_of_a_replaced_one_is_text_whatever_it_is(
    opened: Opened, pair: Pair, module_host: Host, originals: dict[str, Container]
) -> None:
    name = originals["mail"].name
    pair.post("/pause", {"for": "10m", "containers": [name]})
    run_command("docker", "rename", name, f"{name}-old")
    run_command("docker", "stop", f"{name}-old")
    stranger = module_host.run("mail", options=("--name", name, "--label", f"x={IMAGE}"))
    page = opened()
    expect(headline(page)).to_have_text(f"Drifted: {name}")
    expect(page.locator("#differences li .fields")).to_contain_text(f"label.x: none → {IMAGE}")
    expect(row(page, stranger).locator(".c-state .word")).to_have_text("replaced")
    assert page.locator("img, main script").count() == 0


def test_a_lost_ssa_is_shown_and_what_happened_meanwhile_when_it_is_back(
    opened: Opened, pair: Pair, originals: dict[str, Container]
) -> None:
    page = opened()
    expect(headline(page)).to_have_text("As it should be")
    pair.api.docker("kill")
    expect(headline(page)).to_have_text("Connection lost")
    expect(page.locator("#subline")).to_contain_text("What is shown is of")
    before = originals["db"].started_at
    originals["db"].docker("kill")
    originals["db"].wait_for_start_after(before)
    pair.api.docker("start")
    expect(page.locator("#live")).to_have_text("Live", timeout=60_000)
    expect(headline(page)).to_have_text("As it should be", timeout=60_000)
    started = page.locator("#journal li").filter(has_text=f"{originals['db'].name} started").first
    expect(started).to_be_visible(timeout=60_000)  # it is reported with the next check


def test_an_engine_that_is_away_is_shown_and_so_is_its_return(opened: Opened, pair: Pair, module_host: Host) -> None:
    page = opened()
    expect(headline(page)).to_have_text("As it should be")
    with module_host.engine.frozen():
        wait_until(lambda: pair.get("/readyz").status_code == 503, "the engine to answer no more", 30)
        expect(headline(page)).to_have_text("Engine away", timeout=60_000)
        expect(page.locator("#notices")).to_contain_text("The engine can't be asked")
        expect(page.locator("#live")).to_have_text("Live")
    expect(headline(page)).to_have_text("As it should be", timeout=60_000)
    assert pair.is_ready()
