#!/usr/bin/env bash
# Docker-in-docker, for those who are not root but have an engine:
#   scripts/engine/engine_container.sh check          whether that engine can do it at all (some virtual machines can't)
#   scripts/engine/engine_container.sh run COMMAND…   runs with_private_engine.sh COMMAND… as root in a container
# The checkout is mounted, at its own path. The private engine's data go with the container; what takes long to make, the
# environment and the base image, is kept in the volume status-state-test-engine-cache.
# It must not touch other containers of the engine it borrows, and that engine's socket is not mounted.
set -euo pipefail
cd "$(dirname "$0")/../.."

image=status-state-test-engine
cache=/var/cache/status-state

build() {
  local base
  base=$(scripts/setup/base_image.sh)
  docker build --quiet --tag "$image" --build-arg "BASE_IMAGE=$base" - >/dev/null <<'DOCKERFILE'
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
LABEL status-state.role=test
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates docker.io docker-cli docker-compose git iproute2 \
    iptables make mount python3 python3-venv slirp4netns util-linux \
 && apt-get clean
VOLUME /var/tmp
DOCKERFILE
}

# The control groups are read-only at first. With v2 a group that holds processes can't hand its controllers on, so ours
# move into a child group. Afterwards what root has written into the checkout is given to the caller.
# shellcheck disable=SC2016  # expanded by the shell in the container
prepare='
for folder in /sys/fs/cgroup /sys/fs/cgroup/*/; do
  if mountpoint --quiet "$folder"; then mount -o remount,rw,bind "$folder"; fi
done
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
  mkdir -p /sys/fs/cgroup/init
  for pid in $(cat /sys/fs/cgroup/cgroup.procs); do echo "$pid" >/sys/fs/cgroup/init/cgroup.procs || true; done
  for name in $(cat /sys/fs/cgroup/cgroup.controllers); do echo "+$name" >/sys/fs/cgroup/cgroup.subtree_control; done
fi
status=0
"$@" || status=$?
chown -R "$OWNER" tests/output .pytest_cache .ruff_cache .hypothesis .cache 2>/dev/null || true
exit "$status"'

run() {
  local terminal=()
  if [[ -t 0 && -t 1 ]]; then terminal=(--tty --interactive); fi
  # All that dockerd needs, rather than --privileged, which some virtual machines refuse.
  docker run --rm --init "${terminal[@]}" --cap-add SYS_ADMIN --cap-add NET_ADMIN --device /dev/net/tun \
    --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined \
    --security-opt label=disable --volume "$PWD:$PWD" --workdir "$PWD" --volume "$image-cache:$cache" \
    --env CI --env ENGINE --env ENGINES --env DOCKER_MIN_API_VERSION --env OWNER="$(id -u):$(id -g)" --env VENV="$cache/venv" --env XDG_CACHE_HOME="$cache" \
    --env PYTHONDONTWRITEBYTECODE=1 --env GIT_CONFIG_COUNT=1 --env GIT_CONFIG_KEY_0=safe.directory \
    --env GIT_CONFIG_VALUE_0="$PWD" "$image" sh -c "$prepare" sh "$@"
}

case ${1:-} in
  check)
    echo "Making the container that holds the private engine …" >&2
    build
    run scripts/engine/private_engine.py run -- docker version >/dev/null
    ;;
  run)
    shift
    run scripts/engine/with_private_engine.sh "$@"
    ;;
  *)
    echo "usage: $0 check | run COMMAND…" >&2
    exit 2
    ;;
esac
