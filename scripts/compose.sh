#!/usr/bin/env bash
# Runs Compose on docker-compose.yaml: v2 (`docker compose`) where it is, else v1 (`docker-compose`). Exit code 127 where
# neither is. It must not decide anything else.
set -euo pipefail
cd "$(dirname "$0")/.."

# Where DOCKER_HOST names another local socket, the containers need that one.
if [[ ${DOCKER_HOST:-} == unix://* ]]; then
  export STATUS_STATE_DOCKER_SOCKET=${STATUS_STATE_DOCKER_SOCKET:-${DOCKER_HOST#unix://}}
fi
if docker compose version >/dev/null 2>&1; then
  exec docker compose "$@"
fi
exec docker-compose "$@"
