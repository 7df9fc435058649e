#!/usr/bin/env bash
# Installs Debian packages that are missing, from the mirrors this machine is configured for:
#   scripts/setup/packages.sh debootstrap                      a package
#   scripts/setup/packages.sh docker:docker-cli,docker.io      the first of these packages that exists, where no such command is
# It says so first, and where it is not root it says what to run instead. It must not upgrade or remove anything, nor
# install what a command of the same name (say, of Docker's own packages) already provides.
set -euo pipefail
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

is_here() {
  if [[ $1 == *:* ]]; then
    command -v "${1%%:*}" >/dev/null
  else
    [[ $(dpkg-query --show --showformat '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
  fi
}

# The package to install for one argument; the last alternative where apt's lists know none.
choose() {
  local alternatives package
  IFS=, read -ra alternatives <<<"${1#*:}"
  for package in "${alternatives[@]}"; do
    if [[ -n $(apt-cache policy "$package" 2>/dev/null | sed -n 's/^ *Candidate: *[^(]/&/p') ]]; then break; fi
  done
  echo "$package"
}

missing=()
for argument in "$@"; do
  is_here "$argument" || missing+=("$argument")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "Missing on this machine, which has no apt-get to install it: ${missing[*]%%:*}. Please install it and try again." >&2
  exit 1
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if [[ $(id -u) -eq 0 && -z $(find /var/lib/apt/lists -maxdepth 1 -name '*Packages*' -print -quit) ]]; then
  apt-get update >"$log" 2>&1 || { cat "$log" >&2; exit 1; } # a bare machine has no package lists yet
fi
packages=()
for argument in "${missing[@]}"; do
  package=$(choose "$argument")
  [[ " ${packages[*]} " == *" $package "* ]] || packages+=("$package")
done
if [[ $(id -u) -ne 0 ]]; then
  echo "Packages are missing. Please run this as root, then try again: apt-get install ${packages[*]}" >&2
  exit 1
fi

echo "Installing the Debian packages ${packages[*]} …" >&2
install() {
  DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends --no-upgrade "${packages[@]}" \
    >"$log" 2>&1 </dev/null
}
# Outdated package lists name files that the mirrors no longer have: read them again when it doesn't work.
if ! install; then
  apt-get update >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
  install || { cat "$log" >&2; exit 1; }
fi
