#!/usr/bin/env bash
# `make up`: from a bare machine to a running pair: engine, Compose and base image if they are missing, then `compose up`,
# then waits until both are at work and prints the state of the host. A second run takes seconds and changes nothing.
# It must not touch other containers, nor an engine that answers.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "$*" >&2; }
compose() { scripts/compose.sh "$@"; }

# Tells Compose which base image to use, now and when people run it by hand: in .env, unless it is the default.
remember_base_image() {
  local image=$1 others
  others=$(grep -v '^STATUS_STATE_BASE_IMAGE=' .env 2>/dev/null || true)
  [[ $image == python:3.13-slim ]] || others+=${others:+$'\n'}STATUS_STATE_BASE_IMAGE=$image
  [[ $others == "$(cat .env 2>/dev/null)" ]] || echo "$others" >.env
}

choose_base_image() {
  local configured image
  configured=$(sed -n 's/^STATUS_STATE_BASE_IMAGE=//p' .env 2>/dev/null || true)
  if [[ -z ${STATUS_STATE_BASE_IMAGE:-} && -n $configured && $configured != status-state-base:* ]]; then
    export STATUS_STATE_BASE_IMAGE=$configured
  fi
  image=$(scripts/setup/base_image.sh)
  remember_base_image "$image"
  export STATUS_STATE_BASE_IMAGE=$image
}

# Runs Compose with its output in a file, and says every ten seconds how far it has come.
run_compose() {
  local pid ticks=0 line
  compose "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.1
    ticks=$((ticks + 1))
    if ((ticks % 100 == 0)); then
      line=$(tail -n 1 "$log")
      say "… ${line:0:120}"
    fi
  done
  if ! wait "$pid"; then
    tail -n 40 "$log" >&2
    say "'compose $1' failed, see above. The services' own words: docker compose logs"
    exit 1
  fi
}

# Waits until the service's own health check passes, which the engine itself asks every two minutes only, and says every ten
# seconds what the service waits for. The SSA may wait for the engine, and 5 min for a host that is just booting.
wait_until_ready() {
  local service=$1 container ticks
  shift
  container=$(compose ps --all --quiet "$service")
  for ((ticks = 1; ticks <= 1500; ticks++)); do
    if docker exec "$container" "$@" >"$log" 2>&1; then return 0; fi
    if (($(docker inspect --format '{{.RestartCount}}' "$container") > 2)); then break; fi # it ends by itself, with its reason
    if ((ticks % 50 == 0)); then say "… $(compose logs --no-color --no-log-prefix --tail 1 "$service" | cut -c -120)"; fi
    sleep 0.2
  done
  compose logs --no-color --tail 20 "$service" >&2
  say "$service is not ready: $(tail -n 1 "$log"). Its last words are above."
  exit 1
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT

scripts/setup/host_engine.sh start
scripts/setup/compose_v2.sh
choose_base_image

# One engine, one pair. A compose file that gives no name is called after its folder, so an older pair may have another one.
project=$(compose config | sed -n 's/^name: //p')
other=$(docker ps --all --filter label=status-state.role --format '{{.Label "com.docker.compose.project"}}' |
  grep -v -x -e "$project" -e '' | sort -u | head -n 1) || true
if [[ -n $other ]]; then
  say "Another pair is on this engine, of the Compose project $other. Remove it first: docker compose --project-name $other down"
  exit 1
fi

say "Building the images from $STATUS_STATE_BASE_IMAGE (about a minute the first time) …"
run_compose build
# The network `bridge` is made anew at every start of the engine.
engine_started=$(docker network inspect bridge --format '{{.Created.Unix}}' 2>/dev/null || echo 0)
if (($(date +%s) - engine_started < 60)); then
  say "Starting. The engine itself has only just started, so the snapshot is not taken until the set of running"
  say "containers has been the same for 20 s (5 min at most): what the host is still booting belongs to it."
else
  say "Starting …"
fi
run_compose up -d
wait_until_ready status-state-api python3 -I -S app/process/ready.py
wait_until_ready status-state-controller python3 -S -m app.process.heartbeat

docker exec "$(compose ps -q status-state-api)" status-state status || [[ $? == 3 ]] # 3: drifted, as a host may be at first
address=$(compose port status-state-api 8000 | tail -n 1)
cat <<END

From now on originals that go down, are removed or replaced come back, and containers that are new are stopped.
  the state     curl http://$address/status
  the interface http://$address/docs
  the log       docker compose logs --follow
  the end       make down
END
