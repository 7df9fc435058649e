"""The options that several commands have."""

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts, as the HTTP interface gives it.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")]
