"""Puts the groups of commands together. A new group: a file with its `commands`, named here, and its part in docs/commands.md."""

import sys

import typer

from ..printable import printable
from . import change, export, journal, look, pauses, tokens
from .ask import Failed
from .say import EXIT_FAILED

GROUPS = (look.commands, change.commands, pauses.commands, journal.commands, export.commands, tokens.commands)


def make_commands() -> typer.Typer:
    """Make the command line."""
    app = typer.Typer(
        name="status-state",
        help="Look at this host and its snapshot, and say what is right.",
        epilog="Exit codes: 0 done, or in sync; 3 (`status`, `diff`) drifted; 1 failed, and why on the standard error; "
        "2 wrong usage. `status-state COMMAND --help` has examples. `notify-test` is in the other container: "
        "`docker compose exec status-state-controller status-state notify-test`.",
        add_completion=False,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for group in GROUPS:
        app.add_typer(group)
    return app


def main() -> None:
    """Run the command that the arguments of the process name, and end the process with its exit code."""
    try:
        make_commands()(prog_name="status-state")
    except Failed as failure:
        sys.stderr.write(f"status-state: {printable(str(failure))}\n")
        sys.exit(EXIT_FAILED)
