#!/usr/bin/env bash
# Makes sure that the engine (DOCKER_HOST is honoured) has a base image for the two Dockerfiles, and prints its name.
# The official one where a registry answers, else one made from the Debian packages this machine is configured for;
# that needs root. What is made is kept in the cache directory, so that the next engine has it in seconds.
# It must not change the engine's containers, and stdout holds nothing but the name: people are told on stderr.
set -euo pipefail

here=$(dirname "$0")
official=python:3.13-slim
suite=trixie
own=status-state-base:$suite
cache=${XDG_CACHE_HOME:-$HOME/.cache}/status-state
ca_bundle=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
recipe=1 # to be counted up whenever make_rootfs makes something else
key=$recipe-$(sha256sum <"$ca_bundle" | cut -c1-16) # another recipe or CA bundle: another image
rootfs=$cache/base-$suite-$key.tar
pulled=$cache/${official//:/-}.tar

say() { echo "base image: $*" >&2; }

# A file of the cache that is younger than a month: older ones lack a month of security updates.
is_fresh() { [[ -n $(find "$1" -mtime -30 2>/dev/null) ]]; }

# Where no registry answers the engine may take minutes to give up; a pull that hasn't begun after 10 s won't.
pull() {
  local log pid
  log=$(mktemp)
  docker pull "$official" >"$log" 2>&1 &
  pid=$!
  for _ in {1..100}; do
    if grep -q 'Pulling from' "$log" || ! kill -0 "$pid" 2>/dev/null; then break; fi
    sleep 0.1
  done
  grep -q 'Pulling from' "$log" || kill "$pid" 2>/dev/null || true
  if wait "$pid"; then rm "$log"; return 0; fi
  say "$official can't be pulled: $(tail -n 1 "$log")"
  rm "$log"
  return 1
}

make_rootfs() {
  local mirror target
  if ! command -v apt-get >/dev/null || [[ $(id -u) -ne 0 ]]; then
    say "without a registry it has to be made from Debian packages, which needs root on Debian or Ubuntu."
    say "Run this as root, or name an image with Python 3.11 or newer that the engine has: STATUS_STATE_BASE_IMAGE=…"
    return 1
  fi
  "$here/packages.sh" debootstrap
  mirror=$("$here/find_mirror.sh" "$suite")
  say "making $own from Debian packages, once; this takes about a minute"
  target=$(mktemp -d -p /var/tmp status-state-base-XXXXXX)
  # shellcheck disable=SC2064  # the directory's name is meant to be fixed now
  trap "rm -rf '$target'" EXIT
  if ! debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv \
    "$suite" "$target/root" "$mirror" >"$target/log" 2>&1; then
    tail -n 20 "$target/log" >&2
    return 1
  fi
  cp "$ca_bundle" "$target/root/etc/ssl/certs/ca-certificates.crt"
  ln -s /usr/bin/python3 "$target/root/usr/local/bin/python" # the official image has it
  tar -C "$target/root" --numeric-owner --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' \
    --exclude='./var/cache/*' --exclude='./var/lib/apt/lists/*' --exclude='./var/log/*' \
    --exclude='./usr/share/doc/*' --exclude='./usr/share/info/*' --exclude='./usr/share/locale/*' \
    --exclude='./usr/share/man/*' -cf "$rootfs.$$" .
  mv "$rootfs.$$" "$rootfs"
}

import() {
  docker import --change "LABEL status-state.base=$key" --change 'CMD ["python3"]' \
    --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' --change 'ENV LANG=C.UTF-8' \
    --change 'ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt' \
    --change 'ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt' "$rootfs" "$own" >/dev/null
}

if [[ -n ${STATUS_STATE_BASE_IMAGE:-} ]]; then
  echo "$STATUS_STATE_BASE_IMAGE"
  exit
fi
docker version >/dev/null || { say "no engine answers, see above"; exit 1; }
if docker image inspect "$official" >/dev/null 2>&1; then
  echo "$official"
  exit
fi
if [[ $(docker image inspect --format '{{index .Config.Labels "status-state.base"}}' "$own" 2>/dev/null) == "$key" ]]; then
  echo "$own"
  exit
fi
mkdir -p "$cache"
exec 9>"$cache/lock" && flock 9 # two runs at once make it once
if is_fresh "$rootfs"; then
  import
  echo "$own"
elif is_fresh "$pulled" && docker load --quiet --input "$pulled" >&2; then
  echo "$official"
elif pull; then
  if [[ -n ${STATUS_STATE_PRIVATE_ENGINE:-} ]]; then # it is about to be thrown away: keep the image for the next one
    docker save --output "$pulled" "$official"
  fi
  echo "$official"
else
  make_rootfs
  import
  echo "$own"
fi
