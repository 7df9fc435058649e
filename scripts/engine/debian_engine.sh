#!/usr/bin/env bash
# The programs of a Docker engine of another version than this machine's own, for private engines:
#   scripts/engine/debian_engine.sh 20.10|26|28
# takes them out of the packages of a Debian suite and prints the folder: bin/ to be put first in PATH, and cli-plugins/.
# That takes ten seconds, once a month; the folder is kept in the cache directory. Where they can't be had it prints the
# reason and fails. Nothing is installed but patchelf, where it is needed, and it must not touch the engine of this machine.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=${1:-}
# The suites and their package names; Debian 12 has Compose v1 only, so that engine gets the Compose of Debian 13.
case $version in
  20.10) suite=bookworm packages=(docker.io) compose_suite=trixie ;;
  26) suite=trixie packages=(docker.io docker-cli docker-buildx docker-compose) compose_suite= ;;
  28) suite=sid packages=(docker.io docker-cli docker-buildx docker-compose) compose_suite= ;;
  *) echo "there is no engine '$version' here: 20.10, 26 and 28 are made from Debian's packages"; exit 1 ;;
esac
packages+=(containerd runc 'tini-static|tini')
libraries=(libseccomp2 libsystemd0 libdevmapper1.02.1 libselinux1 libudev1)

cache=${XDG_CACHE_HOME:-$HOME/.cache}/status-state/engines
folder=$cache/$version-$(date +%Y-%m) # a month's security updates come with the next month
complete=complete                     # the file that is made last: without it the folder is half of one

say() { echo "engine $version: $*" >&2; }
give_up() { echo "engine $version can't be had: $*"; exit 1; }

# What a program needs and this machine lacks comes from the packages: a library, or a newer C library with its loader.
# (A script that calls the loader won't do: dockerd and runc start /proc/self/exe again.)
fit_to_machine() {
  local program=$1 told loader
  told=$(ldd "$program" 2>&1) || true # also fails for what is linked statically
  grep -q 'not found' <<<"$told" || return 0
  scripts/setup/packages.sh patchelf >&2 || return 1
  mkdir -p "$folder/lib"
  find "$root" -regex '.*/lib\(seccomp\|systemd\|devmapper\|selinux\|udev\)\.so\.[^/]*' -exec cp {} "$folder/lib/" \;
  if ! grep -q 'GLIBC_.* not found' <<<"$told"; then
    patchelf --force-rpath --set-rpath "$folder/lib" "$program"
    return
  fi
  mkdir -p "$folder/libc"
  loader=$(basename "$(patchelf --print-interpreter "$program")")
  find "$root" \( -name 'lib[cm].so.6' -o -name "$loader" \) -exec cp {} "$folder/libc/" \;
  patchelf --set-interpreter "$folder/libc/$loader" --force-rpath --set-rpath "$folder/libc:$folder/lib" "$program"
}

make_folder() {
  local root=$work/root tool
  scripts/setup/debian_packages.sh "$suite" "$root" "${packages[@]}" "${libraries[@]}" libc6 || return 1
  [[ -z $compose_suite ]] || scripts/setup/debian_packages.sh "$compose_suite" "$root" docker-compose || return 1
  mkdir -p "$folder/bin" "$folder/cli-plugins"
  install "$root"/usr/sbin/{dockerd,docker-proxy,runc} "$root"/usr/bin/{containerd,containerd-shim-runc-v2,docker} "$folder/bin/" &&
    install "$root/usr/bin/tini-static" "$folder/bin/docker-init" &&
    install "$root"/usr/libexec/docker/cli-plugins/* "$folder/cli-plugins/" || return 1
  for tool in "$folder"/bin/*; do fit_to_machine "$tool" || return 1; done
  for tool in dockerd containerd runc docker; do
    "$folder/bin/$tool" --version >/dev/null || { say "$tool doesn't run on this machine"; return 1; }
  done
  "$folder/bin/dockerd" --version | grep -q " $version\." ||
    { say "Debian $suite has another engine now: $("$folder/bin/dockerd" --version)"; return 1; }
  touch "$folder/$complete"
}

if [[ -e $folder/$complete ]]; then
  echo "$folder"
  exit
fi
[[ $(id -u) -eq 0 ]] || give_up "a private engine of it needs root"
mkdir -p "$cache"
exec 9>"$cache/$version.lock" && flock 9 # several runs at once make it once
if [[ ! -e $folder/$complete ]]; then
  say "unpacking it from the packages of Debian $suite, once …"
  work=$cache/$version.work
  trap 'rm -rf "$work"' EXIT
  rm -rf "$work" "$folder" # what a killed run has left
  mkdir "$work"
  if make_folder 2>"$work/log"; then
    # Those of earlier months, unless they may be in use by a run that began in the last one.
    find "$cache" -maxdepth 1 -name "$version-*" -mtime +40 -exec rm -rf {} +
  else
    rm -rf "$folder"
    cat "$work/log" >&2
    for earlier in "$cache/$version"-*/"$complete"; do
      [[ -e $earlier ]] || give_up "$(tail -n 1 "$work/log")"
      folder=$(dirname "$earlier")
    done
    say "it can't be renewed, so that of ${folder##*/"$version"-} is used"
  fi
fi
echo "$folder"
