#!/usr/bin/env bash
# All tests on one engine, then the smoke set (pytest's marker `smoke`) on the oldest one that is supported and on the newest
# that Debian has, side by side. An engine of the smoke sets that can't be had here is left out, with its reason.
# It must not decide how an engine is come by: with_private_engine.sh does.
set -uo pipefail
cd "$(dirname "$0")/../.."

smoke=(20.10 28-containerd)
engines=2 # of each
output=tests/output

scripts/engine/with_private_engine.sh pytest
status=$?
((status < 2)) || exit $status # interrupted, or nothing that could be tested

mkdir -p "$output"
echo "The smoke sets run on the engines ${smoke[*]} …" >&2
pids=()
for engine in "${smoke[@]}"; do
  ENGINE=$engine ENGINES=$engines ENGINE_OPTIONAL=1 scripts/engine/with_private_engine.sh pytest -m smoke -q \
    >"$output/smoke-$engine.txt" 2>&1 &
  pids+=($!)
done
trap 'kill "${pids[@]}" 2>/dev/null; exit 130' INT TERM
for place in "${!pids[@]}"; do
  wait "${pids[$place]}" || status=1
  echo "Smoke set on engine ${smoke[$place]}:"
  cat "$output/smoke-${smoke[$place]}.txt"
done
exit $status
