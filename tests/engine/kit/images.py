"""The images of these tests: made once for all engines of a kind, and kept in the cache for as long as they are true."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from pathlib import Path

from .compose import ROOT, run_compose
from .host import run_command
from .pair import API, CONTROLLER, FILE
from .private_engine import ENGINE

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "status-state"
# As scripts/setup/base_image.sh has it: an older base lacks a month of security updates.
FRESH_SECONDS = 30 * 24 * 3600
BUILD_SECONDS = 500


def _name_archive() -> Path:
    """The file for what the images are made of now, by this engine: each builds and stores them in its own way."""
    base_script = ROOT / "scripts" / "setup" / "base_image.sh"
    folders = [path for service in (API, CONTROLLER) for path in (ROOT / service).rglob("*")]
    sources = [path for path in folders if path.is_file() and "__pycache__" not in path.parts]
    digest = hashlib.sha256(os.environ.get("STATUS_STATE_BASE_IMAGE", "").encode())
    for path in [FILE, base_script, *sorted(sources)]:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(ROOT)} {len(content)}\n".encode() + content)
    return CACHE / f"pair-{ENGINE}-{digest.hexdigest()[:16]}.tar"


def _is_fresh(archive: Path) -> bool:
    return archive.exists() and time.time() - archive.stat().st_mtime < FRESH_SECONDS


def _build(archive: Path) -> None:
    base = run_command(str(ROOT / "scripts" / "setup" / "base_image.sh"), seconds=BUILD_SECONDS).strip()
    environment = {"STATUS_STATE_BASE_IMAGE": base}
    run_compose("build", file=FILE, project="pair", environment=environment, seconds=BUILD_SECONDS)
    unfinished = archive.with_suffix(".new")
    run_command("docker", "save", "--output", str(unfinished), base, API, CONTROLLER)
    for outdated in CACHE.glob(f"pair-{ENGINE}-{'[0-9a-f]' * 16}.tar"):
        outdated.unlink()
    unfinished.replace(archive)


def provide_images() -> str:
    """Puts the base image and the images of both services into the engine; returns the base image's name.

    One run builds them while the others, beside it, wait for the archive.
    """
    archive = _name_archive()
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"images-{ENGINE}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_fresh(archive):
            _build(archive)
        # Opened under the lock: whoever makes another archive may delete this one while it is being read.
        source = archive.open("rb")
    with source:
        loaded = run_command("docker", "load", stdin=source)
    names = [line.removeprefix("Loaded image: ") for line in loaded.splitlines()]
    [base] = [name for name in names if name.partition(":")[0] not in (API, CONTROLLER)]
    return base
