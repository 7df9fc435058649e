"""Commands that look back: `journal`, `availability`."""

import json
import time
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from ..shown.journal import availability_text, entry_line
from .ask import Ssa
from .options import AsJson, check_not_empty
from .say import examples, say, say_json, terminal_width

commands = typer.Typer()

LOOK_AGAIN_SECONDS = 1.0
MOST_AT_ONCE = 1000


class Kind(StrEnum):
    """The kinds of entry."""

    ACTION = "action"
    SNAPSHOT = "snapshot"
    PAUSE = "pause"
    VERDICT = "verdict"
    STATE = "state"
    SERVICE = "service"


@commands.command(
    epilog=examples(
        "status-state journal --since 24h",
        "status-state journal --container web --kind action",
        "status-state journal --follow",
        "status-state journal --since 24h --jsonl | jq -r 'select(.result == \"failed\")'",
    )
)
def journal(
    *,
    container: Annotated[
        str | None, typer.Option("--container", metavar="NAME", callback=check_not_empty, help="Only about this one.")
    ] = None,
    kind: Annotated[list[Kind] | None, typer.Option("--kind", help="Only of this kind; may be repeated.")] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", callback=check_not_empty, help="15m, 24h, or 2026-11-26T12:00:00Z."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=MOST_AT_ONCE, help="The last so many.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
    as_jsonl: Annotated[bool, typer.Option("--jsonl", help="A line of JSON for each, for scripts.")] = False,
) -> None:
    """Show what was done and what has changed, the oldest first.

    Actions of the controller with their outcome, snapshots, pauses, changed verdicts, originals that went up or down. With
    `--since` all from then on, up to `--limit`.
    """
    asked: list[tuple[str, Any]] = [("kind", one.value) for one in kind or ()]
    asked += [("container", container)] if container else []
    ssa = Ssa()
    newest = _page(ssa, [("limit", 1)]) if follow else []  # what comes while the others are read is not missed
    page = _page(ssa, [*asked, ("limit", limit), *([("since", since)] if since else [])])
    _show(page, as_jsonl=as_jsonl)
    last = next((entries[0]["number"] for entries in (page, newest) if entries), 0)
    while follow:
        time.sleep(LOOK_AGAIN_SECONDS)
        page = _page(ssa, [*asked, ("limit", MOST_AT_ONCE), ("after", last)])
        _show(page, as_jsonl=as_jsonl)
        last = page[0]["number"] if page else last


@commands.command(epilog=examples("status-state availability", "status-state availability --json"))
def availability(*, as_json: AsJson = False) -> None:
    """Show for which share of the last 1, 7 and 30 days each original was running and healthy.

    Time of which nothing is known counts neither way.
    """
    document = Ssa().get("/availability")
    say_json(document) if as_json else say(availability_text(document, terminal_width()))


def _page(ssa: Ssa, asked: list[tuple[str, Any]]) -> list[dict[str, Any]]:
    return ssa.get(f"/journal?{urlencode(asked)}")["entries"]


def _show(newest_first: list[dict[str, Any]], *, as_jsonl: bool) -> None:
    for entry in reversed(newest_first):
        say(json.dumps(entry) + "\n" if as_jsonl else entry_line(entry))
