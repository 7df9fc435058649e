"""The status-state-api: captures a snapshot of the running containers when it starts, keeps it, and serves it.

It only ever reads from the engine. What each module is for is said at its head; `main` wires them together.
"""

VERSION = "0.1.0"
