#!/usr/bin/env bash
# The programs of PostgreSQL for private servers of tests: takes them out of Debian's packages and prints their folder, with
# bin/, lib/, share/ in the places that PostgreSQL looks at, and libraries/ for LD_LIBRARY_PATH. That takes five seconds, once
# a month; the folder is kept in the cache directory. Where they can't be had it prints the reason and fails.
# It must not install anything, and not touch a PostgreSQL of this machine.
set -euo pipefail
cd "$(dirname "$0")/../.."

# The oldest suite that is still maintained: its C library is found on every machine that is not older.
suite=bookworm
version=15
libraries=(libpq5 libldap-2.5-0 libsasl2-2 libicu72 libxml2 libssl3 liblz4-1 libgssapi-krb5-2)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/status-state/postgresql
folder=$cache/$version-$(date +%Y-%m) # a month's security updates come with the next month
programs=$folder/usr/lib/postgresql/$version/bin

give_up() { echo "PostgreSQL $version can't be had: $*"; exit 1; }

make_folder() {
  local root=$work/root library missing
  scripts/setup/debian_packages.sh "$suite" "$root" "postgresql-$version" "${libraries[@]}" || return 1
  mkdir -p "$work/folder/usr/lib/postgresql/$version/bin" "$work/folder/usr/share/postgresql" "$work/folder/libraries"
  cp "$root/usr/lib/postgresql/$version/bin"/{initdb,postgres} "$work/folder/usr/lib/postgresql/$version/bin/"
  cp -r "$root/usr/lib/postgresql/$version/lib" "$work/folder/usr/lib/postgresql/$version/"
  cp -r "$root/usr/share/postgresql/$version" "$work/folder/usr/share/postgresql/"
  rm -rf "$work/folder/usr/lib/postgresql/$version/lib/bitcode" # of no use without LLVM
  # What this machine has itself is left alone: another version beside its own may not go together. A library that is
  # found now may lack others in its turn.
  while missing=$(LD_LIBRARY_PATH=$work/folder/libraries ldd "$root/usr/lib/postgresql/$version/bin"/{initdb,postgres} |
    sed -n 's/ => not found//p' | sort -u) && [[ -n $missing ]]; do
    for library in $missing; do
      find "$root/usr/lib" -name "$library" -exec cp -L {} "$work/folder/libraries/" \;
      [[ -e $work/folder/libraries/$library ]] || { echo "this machine lacks $library" >&2; return 1; }
    done
  done
  LD_LIBRARY_PATH=$work/folder/libraries "$work/folder/usr/lib/postgresql/$version/bin/postgres" --version >&2 ||
    { echo "it doesn't run on this machine" >&2; return 1; }
  chmod -R a+rX "$work/folder"
  rm -rf "$folder" # what a killed run has left
  mv "$work/folder" "$folder"
}

if [[ ! -x $programs/postgres ]]; then
  mkdir -p "$cache"
  exec 9>"$cache/$version.lock" && flock 9 # several runs at once make it once
fi
if [[ ! -x $programs/postgres ]]; then
  work=$cache/$version.work
  trap 'rm -rf "$work"' EXIT
  rm -rf "$work"
  mkdir "$work"
  if make_folder 2>"$work/log"; then
    # Those of earlier months, unless they may be in use by a run that began in the last one.
    find "$cache" -maxdepth 1 -name "$version-*" -mtime +40 -exec rm -rf {} +
  else
    cat "$work/log" >&2
    give_up "$(tail -n 1 "$work/log")"
  fi
fi
echo "$folder"
