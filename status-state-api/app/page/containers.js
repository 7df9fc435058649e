// The originals: a row each, with what is known of it below when it is opened. Rows stay where they are, are brought up to
// date in place, and are hidden rather than taken away, so that three hundred of them stay fluid.

import { align, by, draw, h, mark, say } from "./dom.js";
import { makeStrip, showStrip } from "./strip.js";
import { clock, duration, keep } from "./time.js";
import { action, ago, count, isOriginal, look, percent, state } from "./words.js";

const SMALL_TILES = 60;
const COLUMNS = 8;
const opened = new Set();

/** Show the originals. `known` has `availability` and `actions` by name; `act` what can be done; `read` asks for more. */
export function showContainers(overview, known, act) {
  const originals = (overview.containers ?? []).filter(isOriginal);
  const wanted = by("filter").value.trim().toLowerCase();
  const only = by("only").checked;
  const isShown = (one) =>
    (!only || one.difference) && (!wanted || one.name.toLowerCase().includes(wanted) || one.image.toLowerCase().includes(wanted));
  const hidden = new Set(originals.filter((one) => !isShown(one)));
  say(by("originals-count"), overview.containers ? String(originals.length) : "");
  showTiles(originals);
  const paused = new Set(overview.pauses.map((one) => one.container));
  const again = () => showContainers(overview, known, act);
  const lines = originals.flatMap((one) => (opened.has(one.name) ? [[one, false], [one, true]] : [[one, false]]));
  align(by("rows"), lines, ([one, isBelow]) => `${isBelow} ${one.name}`,
    ([one, isBelow]) => (isBelow ? makeDetails(one, act) : makeRow(one)),
    (row, [one, isBelow]) => {
      row.again = again;
      row.container = one;
      row.hidden = hidden.has(one);
      if (row.hidden) return;
      if (isBelow) updateDetails(row, known.actions.get(one.name) ?? [], known.availability.get(one.name));
      else updateRow(row, one, known, paused.has(one.name));
    });
  const empty = by("originals-empty");
  empty.hidden = originals.length > hidden.size;
  const isKnown = overview.containers !== null;
  say(empty, originals.length ? "None of them matches." : isKnown ? "The snapshot holds no originals." : "Not known until the engine can be asked.");
}

function showTiles(originals) {
  const tiles = by("tiles");
  mark(tiles, "class", originals.length > SMALL_TILES ? "tiles small" : "tiles");
  align(tiles, originals, (one) => one.name, (one) => h("i", { title: one.name }), (tile, one) => mark(tile, "data-look", look(one)));
}

function cell(kind, label, ...children) {
  return h("td", { role: "cell", class: `c-${kind}`, "data-label": label }, ...children);
}

function makeRow() {
  const parts = {
    name: h("span", { class: "name" }), image: h("span", { class: "image" }), word: h("span", { class: "word" }),
    since: h("span", { class: "since" }), health: h("span", { class: "health" }), why: h("span", { class: "why" }),
    strip: makeStrip(), shares: [1, 7, 30].map(() => h("span")), last: h("span", { class: "what" }), when: h("span", { class: "when" }),
  };
  parts.open = h("button", { type: "button", class: "open", "aria-expanded": "false", on: { click: () => toggle(row) } },
    draw("svg", { viewBox: "0 0 10 10", "aria-hidden": "true" }, draw("path", { d: "M3 1.5L7 5 3 8.5" })), parts.name);
  const row = h("tr", { role: "row" },
    cell("name", null, parts.open, parts.image),
    cell("state", "State", parts.word, parts.since),
    cell("health", "Health", parts.health, parts.why),
    cell("strip", "Last 24 hours", parts.strip),
    ...["24 h", "7 d", "30 d"].map((label, place) => cell(place ? "share further" : "share", label, parts.shares[place])),
    cell("last", "Last done", parts.last, parts.when));
  row.parts = parts;
  return row;
}

function updateRow(row, one, known, isPaused) {
  const { parts } = row;
  const rest = isPaused ? " · healing paused" : "";
  const availability = known.availability.get(one.name);
  const actions = known.actions.get(one.name) ?? [];
  mark(row, "data-look", look(one));
  mark(row, "data-open", opened.has(one.name) ? "" : null);
  mark(parts.open, "aria-expanded", String(opened.has(one.name)));
  say(parts.name, one.name);
  say(parts.image, one.image);
  mark(parts.image, "title", one.image);
  say(parts.word, state(one));
  keep(parts.since, one.since, (seconds) => duration(seconds, seconds < 86400 ? 1 : 2) + rest);
  if (!one.since) say(parts.since, one.status + rest);
  mark(parts.since, "title", one.since ? `since ${clock(one.since)}` : null);
  mark(parts.health, "data-health", one.health || "none");
  say(parts.health, one.health || "–");
  say(parts.why, one.health === "ok" ? "" : (one.verdicts.find((verdict) => verdict.verdict === one.health)?.reason ?? ""));
  showStrip(parts.strip, availability?.history ?? new Array(48).fill(null));
  ["1d", "7d", "30d"].forEach((window, place) => {
    const share = availability?.percent[window];
    say(parts.shares[place], percent(share));
    mark(parts.shares[place], "data-share", share === 100 || share === undefined || share === null ? null : share < 95 ? "low" : "some");
  });
  showLast(parts, one, actions);
}

function showLast(parts, one, actions) {
  const [latest] = actions;
  const isPending = one.last && !/: (done|failed|dropped)/.test(one.last);
  const times = actions.length > 1 ? ` ×${actions.length}` : "";
  say(parts.last, isPending ? one.last : latest ? action(latest) + times : "");
  mark(parts.last, "title", isPending ? one.last : (latest?.reason ?? null));
  mark(parts.last, "data-result", isPending ? "pending" : (latest?.result ?? null));
  keep(parts.when, isPending ? null : latest?.at, ago);
  if (isPending || !latest) say(parts.when, "");
}

function toggle(row) {
  const { name } = row.container;
  if (!opened.delete(name)) opened.add(name);
  row.again();
}

function makeDetails(first, act) {
  const facts = h("dl");
  const button = (text, run, kind) => h("button", { type: "button", class: kind, on: { click: () => run(row.container) } }, text);
  const accept = button("Accept as it is now", act.accept);
  const row = h("tr", { role: "row", class: "details" }, h("td", { role: "cell", colspan: COLUMNS }, facts,
    h("p", { class: "buttons" }, accept, button("Release", act.release, "quiet"),
      button("Pause healing", (one) => act.pause(one.name), "quiet"),
      button("Show in the journal", (one) => act.showJournal(one.name), "quiet"))));
  row.parts = { facts, accept };
  return row;
}

function updateDetails(row, actions, availability) {
  const { container: one, parts } = row;
  parts.accept.hidden = one.standing !== "replaced";
  const facts = [];
  const fact = (key, term, ...texts) => facts.push({ key: `${key} ${texts.join("|")}`, term, texts: texts.filter(Boolean) });
  if (one.difference) fact("difference", "Difference", one.difference.reason, ...one.difference.fields);
  for (const verdict of one.verdicts) {
    fact(verdict.source, `Health by ${verdict.source}`, `${verdict.verdict} since ${clock(verdict.since)}: ${verdict.reason}`, ...verdict.evidence);
  }
  for (const done of actions.slice(0, 4)) {
    fact(`action ${done.number}`, clock(done.at), `${action(done)}: ${done.reason ?? ""}`, done.detail);
  }
  if (actions.length > 4) fact("more", "Earlier", `${count(actions.length - 4, "action")} more in the last seven days`);
  if (availability) {
    const shares = Object.entries(availability.percent).map(([days, share]) => `${percent(share)} % of ${parseInt(days, 10)} d`);
    fact("availability", "Well", shares.join(", "));
  }
  fact("image", "Image", one.image);
  fact("status", "Engine", one.status || "does not run");
  fact("id", "Container", one.id.slice(0, 12));
  align(parts.facts, facts, (item) => item.key, (item) =>
    h("div", {}, h("dt", {}, item.term), ...item.texts.map((text) => h("dd", {}, text))));
}
