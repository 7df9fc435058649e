"""The token that the controller and the operator show: made at the first start, on a volume the two containers share.

It is made in one step: nobody ever sees it half-written, not even after a power loss, and of two services that start
together one makes it and the other reads it.
"""

import os
import secrets
from pathlib import Path

from ..errors import TokenUnusable

MIN_TOKEN_CHARACTERS = 16


def read_or_make_token(path: Path) -> tuple[str, bool]:
    """Read the token, making it when there is none; tell whether there was none. Raises `TokenUnusable`."""
    try:
        missing = not path.exists()
        if missing:
            _make(path)
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no text"
        raise TokenUnusable(
            f"the token file {path} can't be read or made: {said}",
            "Mount a writable volume at its folder, or name in SSA_TOKEN_FILE a file that this user can read",
        ) from error
    if len(token) < MIN_TOKEN_CHARACTERS:
        raise TokenUnusable(
            f"the token file {path} is empty or too short: {len(token)} characters",
            f"Delete it, to have one made, or put at least {MIN_TOKEN_CHARACTERS} random characters into it",
        )
    return token, missing


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        _publish(draft, path)
    finally:
        draft.unlink()


def _publish(draft: Path, path: Path) -> None:
    """Give the draft its name, unless another has taken it meanwhile."""
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
