"""The heartbeat: when the last check was completed, and how old that may grow.

`python3 -m app.process.heartbeat` is the container's health check. It imports next to nothing, because it is run every few
seconds; the controller writes the permitted age into the file, so that the check needs no settings but the path.
The times are those of the kernel's monotonic clock, which all processes of a machine share and nobody can set.
"""

import os
import sys
import time

DEFAULT_PATH = "/run/status-state-controller/heartbeat"


def write_heartbeat(path: str, now: float, permitted_age_seconds: float) -> None:
    """Note a completed check; the replacement is atomic, so that a reader never sees half a line."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)  # noqa: PTH103, PTH120 # pathlib costs the health check 10 ms
    fresh = f"{path}.new"
    with open(fresh, "w", encoding="ascii") as file:  # noqa: PTH123 # see above
        file.write(f"{now:.3f} {permitted_age_seconds:.3f}\n")
    os.replace(fresh, path)  # noqa: PTH105 # see above


def judge_heartbeat(path: str, now: float) -> str | None:
    """Say what is wrong with the heartbeat, or None when it is recent enough."""
    try:
        with open(path, encoding="ascii") as file:  # noqa: PTH123 # see above
            written, permitted_age = (float(word) for word in file.read().split())
    except (OSError, ValueError) as error:
        return f"no check has been completed yet: {error}"
    age = now - written
    if not 0 <= age <= permitted_age:  # negative: written before a reboot, on a disk that outlived it
        return f"the last check was completed {age:.0f} s ago, more than {permitted_age:.0f} s: see the container's log"
    return None


if __name__ == "__main__":
    problem = judge_heartbeat(os.environ.get("SSC_HEARTBEAT_FILE") or DEFAULT_PATH, time.monotonic())
    if problem:
        sys.exit(problem)
