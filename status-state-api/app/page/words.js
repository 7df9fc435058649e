// What things are called on the page.

import { duration } from "./time.js";

const ORIGINALS = new Set(["original", "replaced", "missing", "finished"]);

export const isOriginal = (container) => ORIGINALS.has(container.standing);

/** One word for how a container stands, which also picks its colour. */
export function look(container) {
  if (container.difference?.what === "unhealthy") return "unhealthy";
  return container.standing;
}

const STATES = { original: "running", newcomer: "newcomer", unhealthy: "unhealthy" };

/** The state in a word; of one that runs as it should what the engine says where that is not plainly running. */
export function state(container) {
  const word = look(container);
  if (word === "original" && /\(Paused\)/.test(container.status)) return "paused";
  if (word === "original" && /^Restarting/.test(container.status)) return "restarting";
  return STATES[word] ?? word;
}

const DONE = {
  start: "started", restart: "restarted", recreate: "recreated", restore: "restored", stop: "stopped",
  reattach: "reattached", accept: "accepted", drop: "dropped from the snapshot",
};

/** An action of the journal in a few words: `started`, `start failed`. */
export function action(entry) {
  if (entry.result === "done") return DONE[entry.what] ?? entry.what;
  return `${entry.what} ${entry.result ?? ""}`.trim();
}

const SNAPSHOTS = { startup: "at the start", accepted: "accepted", rolled_back: "rolled back" };

export const snapshot = (reason) => SNAPSHOTS[reason] ?? reason;

/** An entry of the journal as its head, what it is about, and the rest of the sentence. */
export function entry(one) {
  const name = one.container?.name;
  switch (one.kind) {
    case "action":
      return [name, action(one), [one.reason, one.detail].filter(Boolean).join(": ")];
    case "snapshot":
      return ["Snapshot", snapshot(one.what), one.reason ?? ""];
    case "pause":
      return ["Pause", one.what, one.reason ?? ""];
    case "verdict":
      return [name, one.what === "ok" ? "is well" : one.what === "failing" ? "is failing" : "is not known to be well",
        [one.source, one.reason].filter(Boolean).join(": ")];
    case "state":
      return [name, one.what === "unknown" ? "not seen" : `went ${one.what}`, one.reason ?? ""];
    default:
      return ["status-state-api", one.what, ""];
  }
}

/** How an entry is to be coloured. */
export function tone(one) {
  if (one.kind === "action") return one.result === "done" ? "good" : "bad";
  if (one.kind === "verdict") return one.what === "ok" ? "good" : one.what === "failing" ? "bad" : "plain";
  if (one.kind === "state") return one.what === "up" ? "good" : one.what === "down" ? "bad" : "plain";
  return one.kind === "pause" ? "pause" : "plain";
}

export const count = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;

export const ago = (seconds) => (seconds < 1.5 ? "now" : `${duration(seconds, 1)} ago`);

/** A share in per cent: only what was never interrupted is 100. */
export function percent(share) {
  if (share === null || share === undefined) return "–";
  return share === 100 ? "100" : (Math.floor(share * 10) / 10).toFixed(1);
}
