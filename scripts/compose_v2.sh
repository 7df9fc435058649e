#!/usr/bin/env bash
# For tests only: makes `docker compose` (v2) available without installing it, and prints the directory to use as
# DOCKER_CONFIG. Debian 12 packages Compose v1 alone, so v2 is taken from the package of Debian 13, by the mirror and
# the keys this machine's apt is configured for, and kept in the cache directory. It must not install anything.
set -euo pipefail

here=$(dirname "$0")
suite=trixie
target=${XDG_CACHE_HOME:-$HOME/.cache}/status-state/compose-v2
plugin=$target/cli-plugins/docker-compose

if [[ ! -x $plugin ]]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mirror=$("$here/find_mirror.sh" "$suite")
  mkdir -p "$work/lists/partial" "$work/archives/partial" "$target/cli-plugins"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$work/sources.list"
  options=(-o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work" -o APT::Sandbox::User= -o Acquire::Languages=none)
  cd "$work"
  echo "Fetching Compose v2 from the package of Debian $suite …" >&2
  { apt-get "${options[@]}" update && apt-get "${options[@]}" download docker-compose; } >"$work/log" 2>&1 ||
    { cat "$work/log" >&2; exit 1; }
  dpkg-deb --extract docker-compose_*.deb unpacked
  install unpacked/usr/libexec/docker/cli-plugins/docker-compose "$plugin.$$"
  mv "$plugin.$$" "$plugin"
fi
echo "$target"
