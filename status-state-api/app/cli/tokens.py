"""The command `token`."""

import typer

from .ask import Ssa
from .say import examples, say

commands = typer.Typer()


@commands.command(
    epilog=examples(
        'curl -X POST -H "Authorization: Bearer $(docker compose exec -T status-state-api status-state token)" \\',
        "     -H 'Content-Type: application/json' -d '{}' localhost:8000/resume",
    )
)
def token() -> None:
    """Print the token of the HTTP interface.

    It is asked for by what changes something, and is a secret.
    """
    say(f"{Ssa().token()}\n")
