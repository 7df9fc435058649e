#!/usr/bin/env bash
# Prints where Chromium is, which the tests and pictures of the page need; Debian's is installed where there is none, with a
# font to write in. It must not fetch a browser from anywhere else.
set -euo pipefail
here=$(dirname "$(realpath "$0")")

find_it() { command -v chromium || command -v chromium-headless-shell; }
find_it >/dev/null || "$here/packages.sh" chromium:chromium,chromium-headless-shell fonts-inter >&2
find_it
