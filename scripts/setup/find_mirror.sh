#!/usr/bin/env bash
# Prints the package mirror, among those that this machine's apt is configured for, that has the Debian suite named as
# the argument; fails where none has. It must not know any mirror itself, and it changes nothing.
set -euo pipefail

suite=$1
release=$(mktemp)
trap 'rm -f "$release"' EXIT
# shellcheck disable=SC2016  # apt-get fills in $(REPO_URI)
while read -r uri; do
  if /usr/lib/apt/apt-helper -qq download-file "${uri%/}/dists/$suite/Release" "$release" >/dev/null 2>&1 &&
    grep -q '^Origin: Debian$' "$release" && grep -q "^Codename: $suite$" "$release"; then
    echo "$uri"
    exit 0
  fi
done < <(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' | sort -u)
echo "None of the package mirrors that apt is configured for answers with Debian $suite." >&2
exit 1
