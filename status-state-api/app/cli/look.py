"""Commands that look: `status`, `diff`."""

import typer

from ..shown.state import differences
from ..shown.status import difference_text, status_text, verdict
from .ask import Ssa
from .options import AsJson
from .say import EXIT_DIFFERS, EXIT_FAILED, EXIT_OK, examples, say, say_json, terminal_width

commands = typer.Typer()


@commands.command(
    epilog=examples(
        "status-state status",
        "status-state status --json | jq -r '.standings[] | select(.standing == \"newcomer\") | .container.name'",
        "status-state status >/dev/null || echo drifted, or not known",
    )
)
def status(*, as_json: AsJson = False) -> None:
    """Show what runs, and what each container is.

    With its health, and what was done last. IS says what a container is: `original`, `replaced` (another container has an original's name), `missing` (an original
    that does not run), `finished` (one that need not run, by its restart rule), `newcomer`, `released`, `protected`.

    Exit code: 0 in sync, 3 drifted (an original is missing, replaced or unhealthy, or a newcomer runs), 1 not known.
    """
    document = Ssa().get("/status")
    say_json(document) if as_json else say(status_text(document, terminal_width()))
    raise typer.Exit(_exit_code(document))


@commands.command(
    epilog=examples("status-state diff", "status-state diff --json", "status-state diff && echo nothing to accept")
)
def diff(*, as_json: AsJson = False) -> None:
    """Show what differs from the snapshot.

    Field by field where a container was replaced. Values of the environment, and what looks like a secret, are not shown: only that they differ.

    Exit code: 0 nothing differs, 3 something does, 1 not known.
    """
    document = Ssa().get("/status")
    if as_json:
        keys = ("name", "what", "reason", "fields", "last")
        say_json([{key: getattr(one, key) for key in keys} for one in differences(document)])
    else:
        say(difference_text(document, terminal_width()) or f"{verdict(document)}\n")
    raise typer.Exit(_exit_code(document))


def _exit_code(document: dict[str, object]) -> int:
    if document.get("running") is None or document.get("snapshot") is None:
        return EXIT_FAILED
    return EXIT_DIFFERS if differences(document) else EXIT_OK
