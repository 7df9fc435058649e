#!/usr/bin/env bash
# Runs `docker compose` on docker-compose.yaml, with the socket of the engine that the docker command uses.
set -euo pipefail
cd "$(dirname "$0")/.."

# Where DOCKER_HOST names another local socket, the containers need that one.
if [[ ${DOCKER_HOST:-} == unix://* ]]; then
  export STATUS_STATE_DOCKER_SOCKET=${STATUS_STATE_DOCKER_SOCKET:-${DOCKER_HOST#unix://}}
fi
# BuildKit would write the time into each image (its provenance): with containerd's image store, where that counts, every
# `make up` would then make the pair anew, and so take a fresh snapshot.
export BUILDX_NO_DEFAULT_ATTESTATIONS=${BUILDX_NO_DEFAULT_ATTESTATIONS:-1}
exec docker compose "$@"
