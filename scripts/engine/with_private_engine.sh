#!/usr/bin/env bash
# Runs a command, e.g. `pytest`, with the development environment (PATH) and a private, disposable engine (DOCKER_HOST):
# as root by private_engine.py, else by the same in a container, provided that an engine answers. Where neither
# is possible the command runs without one: STATUS_STATE_NO_PRIVATE_ENGINE says why, and the tests skip or, under CI, fail.
#   ENGINE=20.10|26|28       which engine, out of Debian's packages; -containerd behind it: with the containerd image store
#   ENGINE=own               the one that is installed on this machine
#   ENGINES=n                pytest spreads its tests over so many engines, which are used at the same time
#   ENGINE_OPTIONAL=1        where that engine can't be had say why, and don't run the command
# It must not touch containers of the engine it borrows, other than its own.
set -euo pipefail
cd "$(dirname "$0")/../.."

export ENGINE=${ENGINE:-26}

# Without an engine: with the reason.
do_without() {
  echo "No private engine: $1." >&2
  [[ -z ${ENGINE_OPTIONAL:-} ]] || exit 0
  export STATUS_STATE_NO_PRIVATE_ENGINE=$1
  exec "${@:2}"
}

scripts/setup/venv.sh
venv=${VENV:-$PWD/.venv}
export PATH=$venv/bin:$PATH

if [[ $(id -u) -eq 0 ]]; then
  # What fails here is told again, as the reason, by private_engine.py or by the tests.
  scripts/setup/packages.sh iptables:iptables slirp4netns:slirp4netns || true
  options=(--or-without)
  if [[ ${ENGINE%-containerd} == own ]]; then
    scripts/setup/packages.sh dockerd:docker.io docker:docker-cli,docker.io || true
    scripts/setup/compose_v2.sh || true
  else
    programs=$(scripts/engine/debian_engine.sh "${ENGINE%-containerd}") || do_without "$programs" "$@"
    options+=(--programs "$programs")
    echo "Engine $ENGINE: $("$programs/bin/dockerd" --version)" >&2
  fi
  [[ $ENGINE != *-containerd ]] || options+=(--option 'features={"containerd-snapshotter":true}')
  if [[ $1 == pytest && ${ENGINES:-1} -gt 1 ]]; then
    # pytest-xdist starts its workers by this command, each in an engine of its own, and talks with them through their
    # standard input and output; the main process stays outside. Files go out whole, in the order of collection.
    printf -v worker '%q ' python3 scripts/engine/private_engine.py run "${options[@]}" -- "$venv/bin/python"
    exec "$@" --tx "$ENGINES*popen//python=$worker" --dist loadfile --no-loadscope-reorder
  fi
  exec python3 scripts/engine/private_engine.py run "${options[@]}" -- "$@"
fi
docker version >/dev/null 2>&1 || do_without "it needs root, or a Docker engine that answers" "$@"
scripts/engine/engine_container.sh check ||
  do_without "an engine answers, but it can't run the container that is needed where one is not root, see above" "$@"
exec scripts/engine/engine_container.sh run "$@"
