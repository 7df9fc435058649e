"""Who this process is: the container it runs in, and the boot of the host it runs on.

Reads two files of /proc and asks the engine once; decides nothing.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..engine.view import EngineView, Inspection
from ..snapshot.protection import ROLE_LABEL

MOUNTINFO = Path("/proc/self/mountinfo")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

_OWN_FILE = re.compile(r"/containers/([0-9a-f]{64})/(?:resolv\.conf|hostname|hosts)$")
_OWN_MOUNT_POINTS = {"/etc/resolv.conf", "/etc/hostname", "/etc/hosts"}


@dataclass(frozen=True, slots=True)
class Own:
    """The container this process runs in.

    `inspect` is None when it is not known, and `why_unknown` says why. `names` are those by which it can be reached
    over the engine's networks.
    """

    inspect: Inspection | None
    why_unknown: str = ""

    @property
    def container_id(self) -> str | None:
        """The container's id, if it is known."""
        return None if self.inspect is None else self.inspect["Id"]

    @property
    def names(self) -> frozenset[str]:
        """Its name, its host name and its aliases on networks."""
        if self.inspect is None:
            return frozenset()
        names: list[str] = [self.inspect["Name"].removeprefix("/"), self.inspect["Config"]["Hostname"]]
        networks: dict[str, dict[str, Any]] = self.inspect["NetworkSettings"].get("Networks") or {}
        for network in networks.values():
            names += network.get("Aliases") or []
        return frozenset(names) - {""}


def find_container_id(mountinfo: str) -> str | None:
    """The id that the engine's own mounts tell: it bind-mounts /etc/hosts and others from the container's folder."""
    for line in mountinfo.splitlines():
        fields = line.split(" ")
        if len(fields) > 4 and fields[4] in _OWN_MOUNT_POINTS:
            found = _OWN_FILE.search(fields[3])
            if found:
                return found.group(1)
    return None


async def find_own(engine: EngineView, mountinfo: str) -> Own:
    """Find the own container by its mounts, and have the engine confirm it."""
    container_id = find_container_id(mountinfo)
    if container_id is None:
        return Own(None, "this process does not run in a container of a Docker engine")
    inspect = await engine.container(container_id)
    if inspect is None or not inspect["State"]["Running"]:
        return Own(None, f"the engine knows no running container {container_id[:12]}, in which this process runs")
    # A Kubernetes pod and `network_mode: container:…` have these files from another container, without the label.
    if ROLE_LABEL not in (inspect["Config"].get("Labels") or {}):
        return Own(None, f"container {container_id[:12]} lacks the label {ROLE_LABEL}: it is not this one")
    return Own(inspect)


def read_mountinfo(path: Path = MOUNTINFO) -> str:
    """The mounts of this process; empty where the kernel tells none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def read_boot_id(path: Path = BOOT_ID) -> str | None:
    """The id of the host's present boot; None where the kernel tells none."""
    try:
        return path.read_text(encoding="ascii").strip() or None
    except OSError:
        return None
