"""The command `export`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from .ask import Failed, Ssa
from .say import examples, say

commands = typer.Typer()

WithSecrets = Annotated[
    bool, typer.Option("--with-secrets", help="With the values of the environment, and what else looks like a secret.")
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it there, readable by its owner alone.")
]


@commands.command(
    epilog=examples(
        "docker compose exec -T status-state-api status-state export --with-secrets > compose.yaml",
        "docker compose --file compose.yaml up --detach      # on an engine that has none of them",
        "status-state export -o /data/originals.yaml         # inside the container; then docker compose cp",
    )
)
def export(*, with_secrets: WithSecrets = False, output: Output = None) -> None:
    """Print the originals as a compose file.

    Brought up on an engine that has none of them, it gives the same containers, without their data. Without secrets each value of an environment
    is a variable, and compose refuses the file until all are given. The head of the file lists them, and what compose can't express.
    """
    text = Ssa().text(f"/snapshot/compose{'?with_secrets=true' if with_secrets else ''}")
    if output is None:
        say(text)
        return
    try:
        with os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Failed(f"{output} can't be written: {error.strerror}.") from None
