#!/usr/bin/env bash
# The engine of this machine, for `make up` and `make down`:
#   scripts/setup/host_engine.sh start   uses the engine that answers (DOCKER_HOST is honoured), else installs and starts one
#   scripts/setup/host_engine.sh stop    stops the engine if it was started here by hand and runs nothing any more
# It must not stop or configure an engine that it didn't start. Where it is not root it says what to run.
set -euo pipefail
here=$(dirname "$0")
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

started_by_hand=/run/status-state-dockerd.pid
log=/var/log/status-state-dockerd.log

say() { echo "$*" >&2; }
answers() { docker version >/dev/null 2>&1; }
has_systemd() { [[ -d /run/systemd/system ]]; }
runs_by_hand() { [[ -f $started_by_hand && $(cat "/proc/$(<"$started_by_hand")/comm" 2>/dev/null) == dockerd ]]; }

wait_until_it_answers() {
  local pid=${1:-}
  for _ in {1..600}; do
    if answers; then return 0; fi
    if [[ -n $pid ]] && ! kill -0 "$pid" 2>/dev/null; then break; fi
    sleep 0.1
  done
  return 1
}

start_by_hand() {
  say "This machine runs no systemd: starting dockerd by hand (log: $log; it does not come back by itself after a reboot)."
  setsid dockerd </dev/null >>"$log" 2>&1 &
  echo $! >"$started_by_hand"
  if ! wait_until_it_answers $!; then
    rm -f "$started_by_hand"
    tail -n 15 "$log" >&2
    say "dockerd did not come up, its last words are above. In a container it needs --privileged."
    exit 1
  fi
}

start() {
  if answers; then
    say "Using the engine that answers${DOCKER_HOST:+ at $DOCKER_HOST}: version $(docker version --format '{{.Server.Version}}')."
    return
  fi
  if [[ -n ${DOCKER_HOST:-} ]]; then
    docker version >/dev/null || true
    say "DOCKER_HOST=$DOCKER_HOST names an engine that doesn't answer. Start that engine, or unset DOCKER_HOST."
    exit 1
  fi
  if [[ $(id -u) -ne 0 ]]; then
    if command -v docker >/dev/null; then docker version >/dev/null || true; fi
    if [[ -S /var/run/docker.sock && ! -w /var/run/docker.sock ]]; then
      say "There is an engine, but you may not use it. Run 'make up' as root, or as root: usermod -aG docker $(id -un)"
    elif command -v dockerd >/dev/null; then
      say "The engine is not running. Run 'make up' as root, or as root: systemctl start docker"
    else
      say "There is no Docker engine here. Run 'make up' as root, or as root: apt-get install docker.io"
    fi
    exit 1
  fi
  if ! command -v dockerd >/dev/null || ! command -v docker >/dev/null; then
    say "No Docker engine on this machine."
    "$here/packages.sh" dockerd:docker.io docker:docker-cli,docker.io iptables:iptables
  fi
  if has_systemd; then
    say "Starting the engine: systemctl start docker"
    systemctl start docker
    wait_until_it_answers || { docker version; exit 1; }
  elif ! wait_for_running_one; then
    start_by_hand
  fi
}

# An engine that is just starting, or stopping, holds the pid file: a second one must not be started beside it.
wait_for_running_one() {
  local pid
  pid=$(cat /var/run/docker.pid 2>/dev/null) || return 1
  [[ $(cat "/proc/$pid/comm" 2>/dev/null) == dockerd ]] || return 1
  wait_until_it_answers "$pid"
}

stop() {
  runs_by_hand || return 0
  local pid running
  pid=$(<"$started_by_hand")
  running=$(DOCKER_HOST='' docker ps --quiet | wc -l)
  if [[ $running -gt 0 ]]; then
    say "The engine that 'make up' started goes on, because containers run on it ($running). To stop it: kill $pid"
    return
  fi
  say "Stopping the engine that 'make up' started by hand: nothing runs on it any more."
  kill "$pid"
  while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
  rm -f "$started_by_hand"
}

case ${1:-} in
  start) start ;;
  stop) stop ;;
  *) say "usage: $0 start|stop"; exit 2 ;;
esac
