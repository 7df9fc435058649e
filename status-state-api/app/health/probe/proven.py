"""Which probes have ever succeeded: kept in a file, so that a restart forgets none.

A probe that never did is more likely misspelt than its container unhealthy: a healthy container must not be restarted again
and again for that.
"""

import json
from pathlib import Path

import structlog

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class ProvenProbes:
    """The probes, by the container's name and the URL, that succeeded at least once.

    Args:
        file: where they are kept.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._proven: set[tuple[str, str]] | None = None

    def has(self, name: str, url: str) -> bool:
        """Tell whether this probe ever succeeded."""
        return (name, url) in self._read()

    def add(self, name: str, url: str) -> None:
        """Note that it did."""
        proven = self._read()
        if (name, url) in proven:
            return
        proven.add((name, url))
        try:
            draft = self._file.with_suffix(".new")
            draft.write_text(json.dumps(sorted(proven)), encoding="utf-8")
            draft.replace(self._file)
        except OSError as error:
            log.warning(
                "probes_not_kept",
                message="which probes have succeeded can't be kept for the next start",
                cause=f"{self._file}: {error.strerror or error}",
                remedy="Make SSA_DATA_DIR writable",
            )

    def _read(self) -> set[tuple[str, str]]:
        if self._proven is None:
            try:
                kept = json.loads(self._file.read_text(encoding="utf-8"))
                self._proven = {(str(name), str(url)) for name, url in kept}
            except (OSError, ValueError, TypeError):
                self._proven = set()
        return self._proven
