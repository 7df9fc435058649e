// Moments and durations as people read them, by the clock of the status-state-api: the one here may be wrong.

import { say } from "./dom.js";

let ahead = 0; // milliseconds

/** Take over what time it is there. */
export function setClock(text) {
  ahead = Date.parse(text) - Date.now();
}

export const now = () => Date.now() + ahead;

const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

/** A duration in its two largest units: `5 s`, `1 min 20 s`, `2 h 5 min`; `units` of 1: in the largest alone. */
export function duration(seconds, units = 2) {
  const left = Math.max(0, Math.round(seconds));
  const place = Math.max(0, UNITS.findIndex(([, size]) => left >= size));
  const [name, size] = left < 1 ? UNITS[3] : UNITS[place];
  const next = UNITS[UNITS.findIndex((unit) => unit[0] === name) + 1];
  const rest = next && units > 1 ? Math.floor((left % size) / next[1]) : 0;
  return `${Math.floor(left / size)} ${name}` + (rest ? ` ${rest} ${next[0]}` : "");
}

/** The time left as a clock shows it: `12:05`, `1:02:05`. */
export function countdown(seconds) {
  const left = Math.max(0, Math.ceil(seconds));
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(left / 3600), Math.floor((left % 3600) / 60)];
  return hours ? `${hours}:${two(minutes)}:${two(left % 60)}` : `${minutes}:${two(left % 60)}`;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** The time of day, with the day where that is not today. */
export function clock(text) {
  const moment = new Date(text);
  const isToday = DAY.format(moment) === DAY.format(new Date(now()));
  return isToday ? CLOCK.format(moment) : `${DAY.format(moment)}, ${CLOCK.format(moment).slice(0, 5)}`;
}

const running = new Map();

/** Keep a node's text up to date by the second: `tell` gets the seconds since the moment. Null: its text stays. */
export function keep(node, moment, tell) {
  if (!moment) {
    running.delete(node);
    return;
  }
  running.set(node, [Date.parse(moment), tell]);
  say(node, tell((now() - Date.parse(moment)) / 1000));
}

/** Bring all that is kept up to date. */
export function tick() {
  for (const [node, [moment, tell]] of running) {
    if (node.isConnected) say(node, tell((now() - moment) / 1000));
    else running.delete(node);
  }
}
