#!/usr/bin/env bash
# `make down`: undoes `make up`. The pair is stopped and removed, the controller first; its volumes stay, as with every
# `compose down`; the engine ends if `make up` had started it by hand and nothing else runs on it. Installed packages
# stay. It must not touch other containers.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! docker version >/dev/null 2>&1; then
  echo "No engine answers${DOCKER_HOST:+ at $DOCKER_HOST}: nothing is up." >&2
  exit 0
fi
scripts/compose.sh down
echo "Status State is down: nothing is watched, every other container is as it was. The snapshots are kept" >&2
echo "in the volumes; to delete them too: scripts/compose.sh down --volumes" >&2
scripts/setup/host_engine.sh stop
