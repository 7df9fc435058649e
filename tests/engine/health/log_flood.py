"""Many log lines in short time, every so many of them a bad one: run by `python3 -c` inside a container.

They go to the output of the container's first process. Arguments: how many lines, how many a second, and every how
many of them is a bad one. It prints how many seconds it took. Standard library only.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

STEPS_PER_SECOND = 20


def main() -> None:
    """Writes all of them."""
    lines, rate, every = map(int, sys.argv[1:4])
    begun = time.monotonic()
    with Path("/proc/1/fd/1").open("w") as output:
        for number in range(1, lines + 1):
            severity = "CRITICAL" if number % every == 0 else "INFO"
            output.write(f"{severity}:root:line {number:07d} {'x' * 60}\n")
            if number % (rate // STEPS_PER_SECOND) == 0:
                output.flush()
                time.sleep(max(0, begun + number / rate - time.monotonic()))
    print(time.monotonic() - begun)


if __name__ == "__main__":
    main()
