#!/usr/bin/env bash
# Runs a command, e.g. `pytest`, with the development environment (PATH) and a private, disposable engine (DOCKER_HOST):
# as root by private_engine.py, else by the same in a container, provided that an engine answers. Where neither
# is possible the command runs without one: STATUS_STATE_NO_PRIVATE_ENGINE says why, and the tests skip or, under CI, fail.
# With ENGINES=n in the environment pytest spreads its tests over so many engines, which are used at the same time.
# It must not touch containers of the engine it borrows, other than its own.
set -euo pipefail
cd "$(dirname "$0")/../.."

scripts/setup/venv.sh
venv=${VENV:-$PWD/.venv}
export PATH=$venv/bin:$PATH

if [[ $(id -u) -eq 0 ]]; then
  # What fails here is told again, as the reason, by private_engine.py or by the tests.
  scripts/setup/packages.sh dockerd:docker.io docker:docker-cli,docker.io iptables:iptables slirp4netns:slirp4netns || true
  scripts/setup/compose_v2.sh || true
  if [[ $1 == pytest && ${ENGINES:-1} -gt 1 ]]; then
    # pytest-xdist starts its workers by this command, each in an engine of its own, and talks with them through their
    # standard input and output; the main process stays outside. Files go out whole, in the order of collection.
    printf -v worker 'python3 scripts/engine/private_engine.py run --or-without -- %q' "$venv/bin/python"
    exec "$@" --tx "$ENGINES*popen//python=$worker" --dist loadfile --no-loadscope-reorder
  fi
  exec python3 scripts/engine/private_engine.py run --or-without -- "$@"
fi
if docker version >/dev/null 2>&1; then
  reason=
  scripts/engine/engine_container.sh check || reason="an engine answers, but it can't run the container that is needed where one is not root, see above"
  [[ -n $reason ]] || exec scripts/engine/engine_container.sh run "$@"
else
  reason="it needs root, or a Docker engine that answers"
fi
echo "No private engine: $reason." >&2
export STATUS_STATE_NO_PRIVATE_ENGINE=$reason
exec "$@"
