#!/usr/bin/env bash
# Unpacks packages of a Debian suite into a folder, without installing anything:
#   scripts/setup/debian_packages.sh SUITE FOLDER PACKAGE…     a|b: the first of the two that the suite has
# They come from the mirror that this machine's apt is configured for, and apt checks the signatures as always. What went
# wrong is the last line on stderr. It must not change the machine's own packages, lists of packages, or apt's cache.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
suite=$1
target=$2
shift 2
keys=/usr/share/keyrings/debian-archive-keyring.gpg

fail() { echo "$*" >&2; exit 1; }

command -v apt-get >/dev/null || fail "packages of Debian $suite need apt-get, which this machine doesn't have"
[[ -r $keys ]] || fail "packages of Debian $suite can't be checked without the package debian-archive-keyring"
mirror=$("$here/find_mirror.sh" "$suite") || exit 1
work=$(mktemp -d -p /var/tmp status-state-packages-XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/debs" "$target"
echo "deb [signed-by=$keys] $mirror $suite main" >"$work/sources.list"
options=(-o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
  -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work" -o APT::Sandbox::User= -o Acquire::Languages=none
  -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false)

# Runs apt-get; its last error is the reason why it fails, the whole of what it said stands before it.
fetch() {
  apt-get --quiet "${options[@]}" "$@" >"$work/log" 2>&1 && return
  cat "$work/log" >&2
  fail "the packages of Debian $suite can't be had: $(grep '^[EW]: ' "$work/log" | tail -n 1)"
}

has() { [[ -n $(apt-cache "${options[@]}" policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: *[^(]/&/p') ]]; }

fetch update
packages=()
for package in "$@"; do
  has "${package%%|*}" && package=${package%%|*}
  packages+=("${package##*|}")
done
cd "$work/debs"
fetch download "${packages[@]}"
for deb in *.deb; do dpkg-deb --extract "$deb" "$target"; done
