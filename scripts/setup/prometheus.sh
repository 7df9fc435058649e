#!/usr/bin/env bash
# Prometheus and promtool out of Debian's package, for the tests: prints the folder that holds the two programs.
# That takes ten seconds, once a month; the folder is kept in the cache directory. Where they can't be had it prints the
# reason and fails. Nothing is installed.
set -euo pipefail
cd "$(dirname "$0")"

suite=bookworm # the oldest that is supported: its programs run on newer systems, too
cache=${XDG_CACHE_HOME:-$HOME/.cache}/status-state
folder=$cache/prometheus-$(date +%Y-%m) # a month's security updates come with the next month

give_up() { echo "Prometheus can't be had: $*"; exit 1; }

mkdir -p "$cache"
exec 9>"$cache/prometheus.lock" && flock 9 # several runs at once make it once
if [[ ! -d $folder ]]; then
  work=$cache/prometheus.work
  trap 'rm -rf "$work"' EXIT
  rm -rf "$work" # what a killed run has left
  mkdir "$work"
  ./debian_packages.sh "$suite" "$work/root" prometheus 2>"$work/log" || give_up "$(tail -n 1 "$work/log")"
  for program in prometheus promtool; do
    "$work/root/usr/bin/$program" --version >/dev/null 2>"$work/log" ||
      give_up "$program doesn't run on this machine: $(tail -n 1 "$work/log")"
  done
  find "$cache" -maxdepth 1 -name 'prometheus-*' -mtime +40 -exec rm -rf {} + # of earlier months
  touch "$work/root/usr/bin" # its age is that of the package
  mv "$work/root/usr/bin" "$folder"
fi
echo "$folder"
