"""Takes the README's pictures of the page, docs/images/, with a real browser of a real pair beside real containers.

Only the days before are made up: a pair that has just come up knows of none. It runs on a private engine, `make screenshots`
starts it there; with FOLDER it takes a picture of every state, width and scheme instead, to look at while designing.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.kit.host import LIVE, Container, Host, run_command, volume_path
from engine.kit.images import provide_images
from engine.kit.pair import URL, Pair
from engine.kit.private_engine import PrivateEngine
from engine.kit.waiting import wait_until
from playwright.sync_api import Browser, sync_playwright
from status_state_api.journal.entry import Entry
from status_state_api.model import ContainerReference, EngineIdentity
from status_state_api.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
WORLD = {
    "api": "shop/api:4.2",
    "backup": "restic/restic:0.17",
    "cache": "redis:7.4",
    "db": "postgres:16",
    "grafana": "grafana/grafana:11.1",
    "mail": "mailpit:1.20",
    "metrics": "prom/prometheus:2.53",
    "proxy": "nginx:1.27",
    "queue": "rabbitmq:3.13",
    "web": "shop/web:4.2",
    "worker": "shop/worker:4.2",
}
HEALTHY = {"api", "db", "proxy", "queue"}
MANY = 300
WIDTHS = {"phone": (360, 780), "tablet": (768, 1024), "desktop": (1440, 900)}
HOST_NAME = "kiosk-17"
DAYS = 9


def past(container: Container, now: datetime, chance: random.Random) -> Iterator[Entry]:
    """What might have happened to an original in the days before."""

    def entry(kind: Any, at: datetime, what: str, **more: Any) -> Entry:
        reference = ContainerReference(id=container.id, name=container.name)
        who = "controller" if kind == "action" else "status-state-api"
        return Entry(
            key=f"{container.name} {kind} {what} {at.timestamp()}",
            at=at,
            kind=kind,
            by=who,
            container=reference,
            what=what,
            **more,
        )

    yield entry("state", now - timedelta(days=DAYS), "up")
    for _ in range(chance.choice((0, 0, 0, 1, 1, 2))):
        at = now - timedelta(hours=chance.uniform(2, 23))
        seconds = chance.choice((2, 240, 900))
        yield entry("state", at, "down")
        yield entry(
            "action",
            at + timedelta(seconds=seconds),
            "start",
            finding="stopped",
            result="done",
            reason="had exited with code 1",
            seconds=0.4,
            attempt=1,
        )
        yield entry("state", at + timedelta(seconds=seconds + 1), "up")


async def make_past(store_file: Path, identity: EngineIdentity, originals: list[Container]) -> None:
    """Write days before into the store, while nobody uses it; every run makes up the same."""
    now, chance = datetime.now(UTC), random.Random(17)  # noqa: S311 - a picture
    entries = sorted(
        (entry for container in originals for entry in past(container, now, chance)), key=lambda one: one.at
    )
    store = Store(f"sqlite:///{store_file}")
    await store.open()
    await store.delete_entries(identity, now + timedelta(days=1), 0)
    await store.add_entries(identity, entries)
    await store.close()


def bring_up(host: Host, originals: list[Container]) -> Pair:
    """A pair at work, with the days before."""
    pair = Pair(host, SSC_INTERVAL="30s")
    pair.up()
    identity = EngineIdentity(**pair.get("/snapshot").json()["engine"])
    pair.api.docker("stop")
    work = make_past(volume_path(f"{pair.project}_data") / "status-state.sqlite3", identity, originals)
    with ThreadPoolExecutor(1) as aside:  # Playwright has this thread's event loop
        aside.submit(asyncio.run, work).result()
    pair.api.docker("start")
    pair.wait_until_at_work()
    return pair


def drift(pair: Pair, host: Host, image: str) -> None:
    """One original is replaced by hand, another one can't be started, and a newcomer has been stopped."""
    pair.post("/pause", {"for": "45m", "containers": ["web"], "reason": "new design", "by": "operator: pause web"})
    run_command("docker", "rm", "--force", "web")
    run_command("docker", "tag", image, "shop/web:4.3-rc1")
    host.image = "shop/web:4.3-rc1"
    host.run("web", *LIVE, options=("--name", "web", "--env", "THEME=winter"))
    host.image = WORLD["worker"]
    miner = host.run("miner", *LIVE, options=("--name", "miner"))
    miner.wait_for("exited")
    run_command("docker", "kill", "queue")
    pair.wait_for_checks(1)
    wait_until(lambda: pair.get("/overview").json()["verdict"] == "drifted", "the host to have drifted")


def picture(browser: Browser, to: Path, width: str, scheme: Any, shown: Any = None) -> None:
    """Take one; of the state `shown` instead of the pair's, if there is one."""
    size = dict(zip(("width", "height"), WIDTHS[width], strict=True))
    context = browser.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - two numbers
    page = context.new_page()
    if shown is not None:
        page.route("**/overview", lambda route: route.fulfill(json=shown))
    page.goto(URL)
    page.locator("body:not([data-verdict=waiting])").wait_for()
    page.locator("#rows .strip path.good:not([d='']), [data-verdict=unknown] #originals-empty").first.wait_for(
        state="attached"
    )
    page.screenshot(path=to)
    context.close()
    subprocess.run(["pngquant", "--strip", "--force", "--output", to, "256", to], check=True)


def all_of(browser: Browser, folder: Path, state: str, shown: Any = None) -> None:
    """A picture of this state for each width and scheme."""
    for width in WIDTHS:
        for scheme in ("light", "dark"):
            picture(browser, folder / f"{state}-{width}-{scheme}.png", width, scheme, shown)


def many(pair: Pair) -> Any:
    """The state of the pair, with as many containers as nobody wants to start for a picture."""
    shown = pair.get("/overview").json()
    some = [one for one in shown["containers"] if one["standing"] != "protected"]
    copies = [
        one
        | {
            "id": f"{number:04}{one['id'][4:]}",
            "name": f"{one['name']}-{number // len(some):02}" if number >= len(some) else one["name"],
        }
        for number, one in enumerate(some * (MANY // len(some) + 1))
    ]
    shown["containers"] = sorted(copies[:MANY], key=lambda one: one["name"])
    return shown


def take(browser: Browser, host: Host, image: str, folder: Path | None) -> None:
    """Take them all, one state after the other."""
    originals: list[Container] = []
    for name, named in WORLD.items():
        run_command("docker", "tag", image, named)
        host.image = named
        health = ("--health-cmd", "true", "--health-interval", "2s") if name in HEALTHY else ()
        originals.append(host.run(name, options=("--name", name, *health)))
    host.image = image
    pair = bring_up(host, originals)
    try:
        if folder is None:
            picture(browser, IMAGES / "page-light.png", "desktop", "light")
            drift(pair, host, image)
            picture(browser, IMAGES / "page-dark.png", "desktop", "dark")
            pair.post("/pause", {"for": "15m", "reason": "deploy", "by": "operator: pause"})
            picture(browser, IMAGES / "page-phone.png", "phone", "light")
            return
        all_of(browser, folder, "in-sync")
        drift(pair, host, image)
        all_of(browser, folder, "drifted")
        all_of(browser, folder, "many", many(pair))
        pair.post("/pause", {"for": "15m", "reason": "deploy", "by": "operator: pause"})
        all_of(browser, folder, "paused")
        with host.engine.frozen():
            pair.get("/readyz")
            all_of(browser, folder, "engine-away")
    finally:
        pair.remove()


def main() -> None:
    """Take the pictures."""
    subprocess.run([ROOT / "scripts" / "setup" / "packages.sh", "pngquant"], check=True)
    chromium = subprocess.run(
        [ROOT / "scripts" / "setup" / "browser.sh"], check=True, capture_output=True, text=True
    ).stdout.strip()
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    (folder or IMAGES).mkdir(parents=True, exist_ok=True)
    image, engine = provide_images(), PrivateEngine()
    with ExitStack() as stack:
        stack.enter_context(engine.another_host_name(HOST_NAME))
        browser = stack.enter_context(sync_playwright()).chromium.launch(
            executable_path=chromium, args=["--no-sandbox"]
        )
        host = Host(image, engine)
        stack.callback(host.remove_everything)
        take(browser, host, image, folder)
        browser.close()


if __name__ == "__main__":
    main()
