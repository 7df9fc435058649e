"""Prints the state of the host for people, as `GET /status` tells it; runs inside the container of the SSA.

It only reads, and needs nothing but the standard library.
"""

from __future__ import annotations

import json
import os
import urllib.request
from pathlib import Path
from typing import Any


def read_status() -> dict[str, Any]:
    """The answer of `GET /status`, with the token, which reading may need; raises OSError where there is none."""
    token = Path(os.environ.get("SSA_TOKEN_FILE") or "/run/status-state/token").read_text().strip()
    headers = {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request("http://127.0.0.1:8000/status", headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - http
        return json.load(answer)


def describe(status: dict[str, Any]) -> list[str]:
    """The state in lines: about the engine, the snapshot, each original and newcomer, each pause, and each warning."""
    engine: dict[str, Any] = status["engine"]
    snapshot: dict[str, Any] | None = status["snapshot"]
    running: list[dict[str, Any]] | None = status["running"]
    if running is None or snapshot is None:
        return [f"The engine can't be asked: {engine['error']}" if running is None else "No snapshot is held yet."]
    originals: list[dict[str, Any]] = snapshot["originals"]
    by_id = {container["id"]: container for container in running}
    own = [container for container in running if "status-state.role" in container["labels"]]
    known = {original["id"] for original in originals} | {container["id"] for container in own}
    lines = [
        f"Engine   {engine['name']}, version {engine['version']}",
        f"Snapshot {snapshot['taken_at']} ({snapshot['reason']}), {len(originals)} originals",
    ]
    for original in originals:
        now = by_id.get(original["id"])
        lines.append(f"  original  {original['name']:<40} {now['status'] if now else 'not running'}")
    lines += [f"  protected {container['name']:<40} {container['status']}" for container in own]
    others = [container for container in running if container["id"] not in known]
    lines += [f"  other     {container['name']:<40} {container['status']}" for container in others]
    lines += [f"Paused   {pause['container'] or 'all'} until {pause['until']}" for pause in status["pauses"]]
    lines += [f"WARNING  {warning}" for warning in status["warnings"]]
    return lines


if __name__ == "__main__":
    print("\n".join(describe(read_status())))
