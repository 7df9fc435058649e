#!/usr/bin/env bash
# Makes `docker compose` (Compose v2) work for every user of this machine, where it doesn't: by a package, if one is
# known to apt, else by the plug-in alone out of the package of Debian 13, from the mirror and with the keys that this
# machine's apt is configured for. It says what it does, and where it is not root it says what to run instead.
# It must not touch an installed docker-compose, nor install packages of another suite.
set -euo pipefail
here=$(dirname "$0")
suite=trixie
plugins=/usr/local/lib/docker/cli-plugins # where the docker command looks, before the folders that packages use

works() { docker compose version >/dev/null 2>&1; }

# The package that brings Compose v2, by the names of Ubuntu, Docker and Debian; Debian's was v1 up to Debian 12.
find_package() {
  local package version
  for package in docker-compose-v2 docker-compose-plugin docker-compose; do
    version=$(apt-cache policy "$package" 2>/dev/null | sed -n 's/^ *Candidate: *//p')
    if dpkg --compare-versions "${version/(none)/0}" ge 2; then
      echo "$package"
      return
    fi
  done
}

install_plugin() {
  local work
  work=$(mktemp -d)
  # shellcheck disable=SC2064  # the directory's name is meant to be fixed now
  trap "rm -rf '$work'" EXIT
  echo "Installing Compose v2 out of the package of Debian $suite: $plugins/docker-compose …" >&2
  "$here/debian_packages.sh" "$suite" "$work" docker-compose
  mkdir -p "$plugins"
  install "$work/usr/libexec/docker/cli-plugins/docker-compose" "$plugins/docker-compose.$$"
  mv "$plugins/docker-compose.$$" "$plugins/docker-compose"
}

if works; then exit; fi
if [[ $(id -u) -ne 0 ]]; then
  echo "Compose v2 is missing (\`docker compose\`). Please run this as root, then try again: $(realpath "$0")" >&2
  exit 1
fi
if ! command -v apt-get >/dev/null; then
  echo "Compose v2 is missing (\`docker compose\`), and this machine has no apt-get to install it. Please install it." >&2
  exit 1
fi
package=$(find_package)
if [[ -n $package ]]; then "$here/packages.sh" "$package"; else install_plugin; fi
works || { echo "Compose v2 was installed, but \`docker compose version\` fails:" >&2; docker compose version; exit 1; }
