// Beside the originals: newcomers and what became of them, the snapshots with what changed, and who is left alone.

import { align, by, h, mark, say } from "./dom.js";
import { clock, keep } from "./time.js";
import { action, ago, count, snapshot } from "./words.js";

const MOST_GONE = 8;
const MOST_NAMES = 6;

/** Show the newcomers that run, and what became of those that did. */
export function showNewcomers(overview, actions, act) {
  const containers = overview.containers ?? [];
  const present = containers.filter((one) => one.standing === "newcomer");
  const standing = new Map(containers.map((one) => [one.name, one.standing]));
  const gone = [...actions]
    .map(([name, done]) => [name, done.find((entry) => entry.finding === "new")])
    .filter(([name, entry]) => entry && standing.get(name) !== "newcomer")
    .map(([name, entry]) => ({ name, entry, isAccepted: standing.has(name) }));
  gone.sort((one, other) => other.entry.number - one.entry.number);
  const items = [...present.map((one) => ({ name: one.name, one })), ...gone.slice(0, MOST_GONE)];
  say(by("newcomers-count"), present.length ? String(present.length) : "");
  by("newcomers-empty").hidden = items.length > 0;
  align(by("newcomers"), items, (item) => `${item.one?.id ?? item.entry.number} ${item.isAccepted}`, (item) => makeNewcomer(item, act), updateNewcomer);
}

function makeNewcomer({ name, one, entry, isAccepted }, act) {
  const what = h("span", { class: "word" });
  const when = h("span", { class: "when" });
  const why = h("span", { class: "reason" });
  const accept = isAccepted ? null : h("button", { type: "button", class: one ? null : "quiet", "aria-label": `Accept ${name}`,
    on: { click: () => act.accept({ name }) } }, "Accept");
  const node = h("li", { "data-look": one ? "newcomer" : isAccepted ? "original" : "finished" },
    h("div", {}, h("b", {}, name), what, when, why), accept);
  if (entry) keep(when, entry.at, ago);
  node.parts = { what, when, why };
  return node;
}

function updateNewcomer(node, { one, entry, isAccepted }) {
  say(node.parts.what, one ? "running" : isAccepted ? "accepted" : action(entry));
  if (one) say(node.parts.when, one.last || one.status);
  say(node.parts.why, one ? one.image : (entry.detail ?? ""));
}

/** Show the snapshots that are kept. */
export function showSnapshots(snapshots, act) {
  align(by("snapshots"), snapshots, (one) => `${one.id} ${one.in_force}`, (one) => makeSnapshot(one, act));
}

function makeSnapshot(one, act) {
  const when = h("b");
  say(when, clock(one.taken_at));
  const changes = [["+", one.added], ["~", one.replaced], ["−", one.removed]].filter(([, names]) => names.length);
  return h("li", { "data-look": one.in_force ? "original" : "finished" },
    h("div", {}, when, h("span", { class: "word" }, one.in_force ? "in force" : snapshot(one.reason)),
      h("span", { class: "when" }, count(one.originals, "original")),
      one.by ? h("span", { class: "reason" }, one.by) : null,
      changes.length ? h("span", { class: "changes" }, changes.map(([sign, names]) => `${sign} ${some(names)}`).join("\n")) : null),
    one.in_force ? null : h("button", { type: "button", class: "quiet", "aria-label": `Roll back to the snapshot of ${clock(one.taken_at)}`,
      on: { click: () => act.rollBack(one) } }, "Roll back"));
}

function some(names) {
  const rest = names.length - MOST_NAMES;
  return names.slice(0, MOST_NAMES).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

/** Show the protected and the released containers. */
export function showOthers(overview, act) {
  const others = (overview.containers ?? []).filter((one) => one.standing === "protected" || one.standing === "released");
  say(by("others-count"), String(others.length));
  align(by("others"), others, (one) => `${one.id} ${one.standing}`, (one) => h("li", { "data-look": one.standing },
    h("div", {}, h("b", {}, one.name), h("span", { class: "word" }, one.standing), h("span", { class: "when" })),
    one.standing === "released" ? h("button", { type: "button", class: "quiet", "aria-label": `Accept ${one.name}`,
      on: { click: () => act.accept(one) } }, "Accept") : null),
    (node, one) => say(node.querySelector(".when"), one.status || "does not run"));
  mark(by("others").closest("section"), "hidden", others.length ? null : "");
}
