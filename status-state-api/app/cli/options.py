"""The arguments and options that several commands have."""

from typing import Annotated, TypeVar

import typer

Given = TypeVar("Given", str, list[str], None)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts, as the HTTP interface gives it.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")]


def check_not_empty(given: Given) -> Given:
    """Refuse an empty argument: without any, everything would be meant."""
    if any(not one.strip() for one in ([given] if isinstance(given, str) else given or [])):
        raise typer.BadParameter("it is empty: is a variable of your shell not set?")
    return given
