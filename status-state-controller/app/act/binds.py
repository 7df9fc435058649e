"""Whether the sources of a container's bind mounts are there, before anything is done that would make them.

The engine makes an empty folder where the source of a bind mount is missing, when a container is made and at each of its
starts. The container would run without its data, and what was lost would be hidden. So it is asked beforehand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import SourceMissing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..engine.client import Engine


def bind_sources(inspect: Mapping[str, Any]) -> list[str]:
    """Return the paths on the host that a container mounts, in order; named volumes are not among them."""
    host_config: dict[str, Any] = inspect.get("HostConfig") or {}
    binds: list[str] = host_config.get("Binds") or []
    mounts: list[dict[str, Any]] = host_config.get("Mounts") or []
    sources = {bind.partition(":")[0] for bind in binds if bind.startswith("/")}
    return sorted(sources | {str(mount["Source"]) for mount in mounts if mount.get("Type") == "bind"})


async def require_bind_sources(engine: Engine, inspect: Mapping[str, Any]) -> None:
    """Make sure that what a container mounts from the host is there.

    A source that vanishes between this question and what follows, some milliseconds later, is still made by the engine.

    Raises:
        SourceMissing: a path is gone; nothing was made.
        EngineError: the engine could not be asked.
    """
    sources = bind_sources(inspect)
    missing = await engine.missing_source(sources) if sources else None
    if missing is not None:
        raise SourceMissing(
            f"the source of a bind mount is gone: {missing}; the engine would make an empty folder there: put it back"
        )
