#!/usr/bin/env bash
# Makes the virtual environment of the tests and tools (.venv, or VENV) from tests/requirements.txt, every file checked
# against its hash, and only when that file has changed. It must not install anything unpinned, nor outside of it.
set -euo pipefail
cd "$(dirname "$0")/../.."

venv=${VENV:-.venv}
stamp=$venv/requirements.sha256
lock=$(sha256sum <tests/requirements.txt)
if [[ -x $venv/bin/python && $(cat "$stamp" 2>/dev/null) == "$lock" ]]; then
  exit 0
fi

if ! "$venv/bin/python" -c '' 2>/dev/null; then
  command -v python3 >/dev/null || scripts/setup/packages.sh python3
  if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "The tests need Python 3.11 or newer; python3 is $(python3 --version)." >&2
    exit 1
  fi
  python3 -c 'import ensurepip, venv' 2>/dev/null || scripts/setup/packages.sh python3-venv
  python3 -m venv --clear "$venv"
fi
echo "Installing the pinned development packages into $venv …" >&2
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --requirement tests/requirements.txt
echo "$lock" >"$stamp"
