"""Which boot of the host this is, as the kernel tells it."""

from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def read_boot_id(path: Path = BOOT_ID) -> str | None:
    """Return the id of the host's present boot; None where the kernel tells none."""
    try:
        return path.read_text(encoding="ascii").strip() or None
    except OSError:
        return None
