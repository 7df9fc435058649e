#!/usr/bin/env bash
# Runs `docker compose` on docker-compose.yaml, with the socket of the engine that the docker command uses.
set -euo pipefail
cd "$(dirname "$0")/.."

# Where DOCKER_HOST names another local socket, the containers need that one.
if [[ ${DOCKER_HOST:-} == unix://* ]]; then
  export STATUS_STATE_DOCKER_SOCKET=${STATUS_STATE_DOCKER_SOCKET:-${DOCKER_HOST#unix://}}
fi
exec docker compose "$@"
