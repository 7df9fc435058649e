"""Commands that suspend healing: `pause`, `resume`."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from ..durations import parse_duration
from ..shown.changes import change_text
from ..shown.status import pause_lines
from .ask import Ssa
from .options import AsJson, check_not_empty
from .say import by, examples, say, say_json

commands = typer.Typer()

LONGEST_SECONDS = 7 * 86400.0
"""As the service has it, which this must not import: a test holds the two together."""


def _check_duration(text: str) -> str:
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.") from None
    if seconds <= 0:
        raise typer.BadParameter("it must be longer than that.")
    if seconds > LONGEST_SECONDS:
        raise typer.BadParameter("it must be at most 168h, which are seven days.")
    return text


@commands.command(
    epilog=examples(
        "status-state pause --for 15m --reason deploy --accept-at-end",
        "docker compose up -d                # change what you like",
        "status-state resume                 # the present becomes the snapshot",
        "status-state pause db --for 2h      # just this one, for maintenance",
    )
)
def pause(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", callback=check_not_empty, help="Containers; all without.")
    ] = None,
    *,
    duration: Annotated[
        str,
        typer.Option(
            "--for",
            metavar="DURATION",
            callback=_check_duration,
            help="How long: 15m, 1h30m, plain seconds; 168h at most.",
        ),
    ],
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Why: shown wherever the pause is.")
    ] = None,
    accept_at_end: Annotated[
        bool, typer.Option("--accept-at-end", help="Make the present the snapshot when the pause ends or is ended.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Suspend healing of all, or of these.

    What differs is still reported; nothing is done about it until the pause ends, by itself or by `resume`. A pause
    survives restarts of both services. Pausing again replaces the pause.
    """
    body: dict[str, Any] = {"for": duration, "accept_at_end": accept_at_end, "by": by("pause", *(names or []))}
    body |= {"containers": names} if names else {}
    body |= {"reason": reason} if reason else {}
    _tell(Ssa().post("/pause", body), as_json=as_json)


@commands.command(epilog=examples("status-state resume", "status-state resume db"))
def resume(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", callback=check_not_empty, help="Paused containers; every pause ends without."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """End pauses now: all, or those of these.

    Of a pause with `--accept-at-end` the present is accepted first. Nothing is paused: nothing happens.
    """
    _tell(
        Ssa().post("/resume", {**({"containers": names} if names else {}), "by": by("resume", *(names or []))}),
        as_json=as_json,
    )


def _tell(answer: dict[str, Any], *, as_json: bool) -> None:
    """Tell what was accepted, and what is paused now."""
    if as_json:
        say_json(answer)
        return
    if (accepted := answer.get("accepted")) is not None:
        say(change_text(accepted) + f"Snapshot {accepted['snapshot']['id'][:12]} is in force.\n")
    lines = pause_lines(answer["pauses"], datetime.now(UTC).isoformat())
    say("".join(f"Healing is paused: {line}\n" for line in lines) or "Healing is not paused.\n")
