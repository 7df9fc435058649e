"""Which container this process runs in, as the kernel tells it. The same file in both services.

Reads one file of /proc; whether the engine knows that container is for others to ask.
"""

import re
from pathlib import Path

MOUNTINFO = Path("/proc/self/mountinfo")

_OWN_FILE = re.compile(r"/containers/([0-9a-f]{64})/(?:resolv\.conf|hostname|hosts)$")
_OWN_MOUNT_POINTS = frozenset({"/etc/resolv.conf", "/etc/hostname", "/etc/hosts"})


def own_container_id(mountinfo: Path = MOUNTINFO) -> str | None:
    """Return the id of the container that this process runs in, None outside of one.

    The engine mounts three files of its own into each container, from a folder named by the container's id. The
    hostname tells less: it can be set to anything, and with `network_mode: host` it is the host's.
    """
    try:
        mounts = mountinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    for line in mounts.splitlines():
        fields = line.split(" ")  # proc(5): the fourth is the path within the file system mounted, the fifth where
        if len(fields) > 4 and fields[4] in _OWN_MOUNT_POINTS:
            found = _OWN_FILE.search(fields[3])
            if found:
                return found[1]
    return None
