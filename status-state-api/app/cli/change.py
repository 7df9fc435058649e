"""Commands that change the snapshot: `accept`, `release`, `snapshots`, `rollback`."""

from typing import Annotated, Any

import typer

from ..printable import printable
from ..shown.changes import between_text, change_text, snapshots_text
from .ask import Failed, Ssa
from .options import AsJson, DryRun, check_not_empty
from .say import by, examples, say, say_json, terminal_width

commands = typer.Typer()


@commands.command(
    epilog=examples(
        "status-state accept --dry-run      # what would change?",
        "status-state accept                # all that runs now is right, and nothing else",
        "status-state accept web worker     # just these, in any state",
    )
)
def accept(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", callback=check_not_empty, help="Containers; all that run without."),
    ] = None,
    *,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Make the present the snapshot, or add these.

    Shows what changes, then does it, without a question: the command is the decision, `--dry-run` is for looking.

    A NAME is a container in any state. A newcomer that was stopped is started again, and a replacement that was put aside
    (web-replaced-0123456789ab) takes the place back. Without a NAME, originals that do not run leave the snapshot.

    In scripts write "$NAME" with its quotes: one that is not set is then refused; without them it is no NAME at all.
    """
    change = {"accept": names} if names else {}
    _change("/snapshot", {**change, "by": by("accept", *(names or []))}, dry_run=dry_run, as_json=as_json)


@commands.command(epilog=examples("status-state release old", "status-state release old older --dry-run"))
def release(
    names: Annotated[list[str], typer.Argument(metavar="NAME", callback=check_not_empty, help="Originals.")],
    *,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Let originals go, and leave them alone.

    They may stay or go from now on. Shows what changes, then does it. `accept NAME` makes one an original again.
    """
    _change("/snapshot", {"release": names, "by": by("release", *names)}, dry_run=dry_run, as_json=as_json)


@commands.command(
    epilog=examples(
        "status-state snapshots",
        "status-state snapshots 3f0c 81d2      # what changed between the two?",
        "status-state snapshots 3f0c           # and since then?",
        "status-state snapshots --json | jq -r '.snapshots[0].id'",
    )
)
def snapshots(
    before: Annotated[
        str | None, typer.Argument(metavar="ID", help="A snapshot, or the beginning of its id.", show_default=False)
    ] = None,
    after: Annotated[
        str | None, typer.Argument(metavar="ID", help="Another one; the one in force without.", show_default=False)
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the snapshots, and what each changed; or what changed between two.

    The last 20, the newest first. `*` marks the snapshot in force. +web was added, ~web was replaced, -web was removed.

    With an ID field by field. Values of the environment, and what looks like a secret, are not shown: only that they differ.
    """
    ssa = Ssa()
    answer = ssa.get("/snapshots")
    if before is None:
        say_json(answer) if as_json else say(snapshots_text(answer["snapshots"], terminal_width()))
        return
    listed = answer["snapshots"]
    second = _whole_id(listed, after) if after else next(one["id"] for one in listed if one["in_force"])
    found = ssa.get(f"/snapshots/{_whole_id(listed, before)}/changes/{second}")
    say_json(found) if as_json else say(between_text(found) or "Nothing differs.\n")


@commands.command(
    epilog=examples("status-state snapshots", "status-state rollback 3f0c2a --dry-run", "status-state rollback 3f0c2a")
)
def rollback(
    snapshot_id: Annotated[
        str, typer.Argument(metavar="ID", callback=check_not_empty, help="A snapshot, or the beginning of its id.")
    ],
    *,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Go back to an earlier snapshot.

    The host follows, containers that were removed meanwhile included. Shows what changes, then does it: a new snapshot with the old content. So a rollback can be rolled back.
    """
    found = _whole_id(Ssa().get("/snapshots")["snapshots"], snapshot_id)
    _change(f"/snapshots/{found}/rollback", {"by": by("rollback", snapshot_id)}, dry_run=dry_run, as_json=as_json)


def _change(path: str, body: dict[str, Any], *, dry_run: bool, as_json: bool) -> None:
    """Show people what a change of the snapshot would do, then do it, unless it is a dry run or nothing would change."""
    ssa = Ssa()
    if as_json:
        say_json(ssa.post(f"{path}?dry_run=true" if dry_run else path, body))
        return
    answer = ssa.post(f"{path}?dry_run=true", body)
    shown = change_text(answer)
    say(shown)
    if answer["changed"] and not dry_run:
        answer = ssa.post(path, body)
        made = change_text(answer)
        say("" if made == shown else f"Meanwhile this has become:\n{made}")
    say(_conclusion(answer, dry_run=dry_run))


def _conclusion(answer: dict[str, Any], *, dry_run: bool) -> str:
    head = answer["snapshot"]["id"][:12]
    if dry_run:
        return "This was a dry run: nothing is changed.\n" if answer["changed"] else "Nothing would change.\n"
    return (
        f"Snapshot {head} is in force.\n"
        if answer["changed"]
        else f"Nothing changes: snapshot {head} stays in force.\n"
    )


def _whole_id(listed: list[dict[str, Any]], beginning: str) -> str:
    """Return the id that begins like this; raises `Failed` when there is none, or more than one."""
    found = [one["id"] for one in listed if one["id"].startswith(beginning.lower())]
    if len(found) == 1:
        return found[0]
    shown = printable(beginning)
    if not found:
        raise Failed(f"There is no snapshot {shown}. `status-state snapshots` lists them.")
    raise Failed(f"The ids of {len(found)} snapshots begin with {shown}: give more of it.")
