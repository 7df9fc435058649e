// The answer to the one question: is the host as it should be? And what keeps it from being so.

import { align, by, h, mark, say } from "./dom.js";
import { clock, countdown, duration, keep, now } from "./time.js";
import { ago, count, isOriginal, look, snapshot, state } from "./words.js";

const SHOWN = 5;
let showsAll = false;

/** Show the verdict. `away` says why the status-state-api can't be reached, null while it can. */
export function showVerdict(overview, away, act) {
  const word = wordOf(overview, away);
  const isNews = document.body.dataset.verdict !== word;
  document.body.dataset.verdict = word;
  const [headline, subline] = sentences(word, overview, away);
  say(by("headline"), headline);
  const subparts = by("subline");
  if (subparts.textContent !== subline.join("")) subparts.replaceChildren(...subline.map((part) => h("span", {}, part)));
  document.title = `${headline}${overview?.engine.name ? ` · ${overview.engine.name}` : ""} · Status State`;
  if (isNews) by("icon").href = iconFor(word);
  showHost(overview);
  showChecked(overview);
  showNotices(overview, away, act);
  showDifferences(overview, act);
  mark(by("accept-all"), "hidden", word === "drifted" || word === "paused" ? null : "");
  mark(by("pause"), "hidden", overview?.pauses.some((one) => one.container === null) ? "" : null);
}

function wordOf(overview, away) {
  if (!overview) return away ? "unknown" : "waiting";
  if (away || overview.verdict === "unknown") return "unknown";
  if (overview.pauses.some((one) => one.container === null)) return "paused";
  return overview.verdict === "in_sync" && isUnattended(overview) ? "unattended" : overview.verdict;
}

export function isUnattended(overview) {
  const { checked_at: at, awaited_since: start, away_after_seconds: patience } = overview.controller;
  return Boolean(at ?? start) && now() - Date.parse(at ?? start) > patience * 1000;
}

function sentences(word, overview, away) {
  if (!overview) return away ? ["Not reachable", [away]] : ["One moment", ["The state is being asked for."]];
  const found = differencesOf(overview);
  const originals = (overview.containers ?? []).filter(isOriginal);
  const well = originals.filter((one) => look(one) === "original" || one.standing === "finished").length;
  const held = overview.snapshot;
  const of = held ? `Snapshot of ${clock(held.taken_at)}, ${snapshot(held.reason)}` : "No snapshot is held yet";
  const rest = [!overview.containers ? "Nothing is known of what runs" : originals.length === 0 ? "No originals" : `${well} of ${count(originals.length, "original")} ${well === 1 ? "is" : "are"} well`, of];
  const drift = found.length ? [`${count(found.length, "difference")} waiting`] : [];
  switch (word) {
    case "unknown":
      if (away) return ["Connection lost", [`What is shown is of ${clock(overview.at)}`, "It is tried again"]];
      if (!overview.engine.reachable) return ["Engine away", ["Nothing is known of what runs now", of]];
      return ["No snapshot yet", ["What is right is not known yet, so nothing is healed"]];
    case "paused":
      return ["Healing is paused", [...drift, ...rest]];
    case "unattended":
      return ["As it should be, unattended", rest];
    case "drifted":
      return [found.length === 1 ? `Drifted: ${found[0].name}` : `Drifted: ${found.length} differences`, rest];
    default:
      return ["As it should be", rest];
  }
}

export const differencesOf = (overview) => (overview?.containers ?? []).filter((one) => one.difference);

const COLOURS = { in_sync: "#1b7f4d", drifted: "#c2392b", paused: "#2f62a8", unattended: "#a76800" };

function iconFor(word) {
  const colour = (COLOURS[word] ?? "#757b80").replace("#", "%23");
  return `data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 20 20'><path fill='%2375797e' d='M2 2h7v7H2zM11 2h7v7h-7zM2 11h7v7H2z'/><path fill='${colour}' d='M11 11h7v7h-7z'/></svg>`;
}

function showHost(overview) {
  const { name, version } = overview?.engine ?? {};
  say(by("host"), name ? `${name}${version ? ` · Docker ${version}` : ""}` : "");
}

function showChecked(overview) {
  const node = by("checked");
  const { checked_at: at, next_check_at: next } = overview?.controller ?? {};
  if (!overview) return say(node, "");
  if (!at) {
    keep(node, null);
    return say(node, "The controller has not been seen yet");
  }
  keep(node, at, (seconds) => {
    const last = `Checked ${ago(seconds)}`;
    if (!next) return last;
    const left = (Date.parse(next) - now()) / 1000;
    return `${last} · next ${left > 0 ? `within ${duration(left, 1)}` : `is late by ${duration(-left, 1)}`}`;
  });
}

function showNotices(overview, away, act) {
  const notices = [];
  const notice = (kind, text, more = {}) => notices.push({ kind, text, ...more });
  if (overview) {
    if (away) notice("bad", away);
    if (!overview.engine.reachable) notice("bad", `The engine can't be asked: ${overview.engine.error ?? "no reason is known"}`);
    if (isUnattended(overview)) notice("warn", "The controller is away: nothing is healed until it is back.");
    if (overview.controller.dry_run) notice("warn", "Dry run: the controller only says what it would do.");
    for (const pause of overview.pauses) notice("pause", "", { pause });
    for (const warning of overview.warnings) notice("warn", warning);
  }
  align(by("notices"), notices, (one) => (one.pause ? `pause ${one.pause.container} ${one.pause.until}` : one.text),
    (one) => makeNotice(one, act));
}

function makeNotice(one, act) {
  if (!one.pause) return h("li", { class: one.kind }, h("span", {}, one.text));
  const { container, until, reason, accept_at_end: accepts, by: who } = one.pause;
  const left = h("b", { class: "countdown" });
  keep(left, until, (seconds) => countdown(-seconds));
  const what = container ? `Healing of ${container} is paused` : "Nothing is healed";
  const rest = [reason, accepts ? "then the present is accepted" : null, who].filter(Boolean).join(" · ");
  return h("li", { class: "pause" }, left, h("span", {}, `${what} until ${clock(until)}`, rest ? h("i", {}, ` ${rest}`) : null),
    h("button", { type: "button", "aria-label": `Resume ${container ?? "all"}`, on: { click: () => act.resume(container) } }, "Resume"));
}

function showDifferences(overview, act) {
  const found = differencesOf(overview);
  const more = by("more-differences");
  more.onclick = () => {
    showsAll = !showsAll;
    showDifferences(overview, act);
  };
  more.hidden = found.length <= SHOWN;
  say(more, showsAll ? "Show fewer" : `Show all ${found.length}`);
  align(by("differences"), showsAll ? found : found.slice(0, SHOWN), (one) => `${one.id} ${one.standing}`,
    (one) => makeDifference(one, act), updateDifference);
}

function makeDifference(one, act) {
  const isAccepted = one.standing === "newcomer" || one.standing === "replaced";
  const parts = {
    name: h("b"), word: h("span", { class: "word" }), reason: h("span", { class: "reason" }),
    fields: h("span", { class: "fields" }), last: h("span", { class: "last" }),
  };
  const node = h("li", {}, parts.word, h("div", {}, parts.name, parts.reason, parts.fields, parts.last),
    h("span", { class: "buttons" }, isAccepted
      ? h("button", { type: "button", "aria-label": `Accept ${one.name}`, on: { click: () => act.accept(one) } }, "Accept")
      : h("button", { type: "button", class: "quiet", "aria-label": `Release ${one.name}`, on: { click: () => act.release(one) } }, "Release")));
  node.parts = parts;
  return node;
}

function updateDifference(node, one) {
  mark(node, "data-look", look(one));
  say(node.parts.name, one.name);
  say(node.parts.word, state(one));
  say(node.parts.reason, one.difference.reason);
  say(node.parts.fields, one.difference.fields.join("\n"));
  say(node.parts.last, one.difference.last);
}
