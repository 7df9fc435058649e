// The journal: the newest entries first, by kind and container, and older ones when they are asked for.

import { read } from "./api.js";
import { align, by, h, mark, say } from "./dom.js";
import { clock } from "./time.js";
import { entry, tone } from "./words.js";

const PAGE = 30;
let pages = 1;
let asked = 0;

/** Read what the filter asks for, and show it. Of two readings at once the later one counts. */
export async function showJournal() {
  const number = ++asked;
  const query = new URLSearchParams({ limit: PAGE * pages + 1 });
  const kind = by("journal-kind").value;
  const container = by("journal-container").value.trim();
  if (kind) query.set("kind", kind);
  if (container) query.set("container", container);
  const { entries } = await read(`journal?${query}`);
  if (number !== asked) return;
  const shown = entries.slice(0, PAGE * pages);
  // What was worked out afterwards stands where it was found out, and is shown where it happened.
  shown.sort((one, other) => Date.parse(other.at) - Date.parse(one.at) || other.number - one.number);
  by("older").hidden = entries.length <= shown.length || PAGE * (pages + 1) >= 1000;
  const empty = by("journal-empty");
  empty.hidden = shown.length > 0;
  say(empty, kind || container ? "No such entry." : "Nothing yet.");
  align(by("journal"), shown, (one) => one.number, makeEntry);
}

function makeEntry(one) {
  const [head, what, rest] = entry(one);
  const who = one.by === "controller" || one.by === "status-state-api" ? null : h("span", { class: "who" }, one.by);
  const node = h("li", { "data-tone": tone(one) }, h("time", { datetime: one.at }, clock(one.at)),
    h("p", {}, h("b", {}, head ?? ""), ` ${what}`, rest ? h("span", { class: "reason" }, rest) : null, who));
  mark(node, "data-kind", one.kind);
  return node;
}

/** Show what concerns one container. */
export function showJournalOf(name) {
  by("journal-container").value = name;
  by("journal-kind").value = "";
  pages = 1;
  by("journal-title").scrollIntoView({ block: "nearest" });
  return showJournal();
}

/** Have the filter and the button work; `failed` takes what goes wrong. */
export function wireJournal(failed) {
  const again = () => {
    pages = 1;
    showJournal().catch(failed);
  };
  by("journal-kind").addEventListener("change", again);
  let typed = null;
  by("journal-container").addEventListener("input", () => {
    clearTimeout(typed);
    typed = setTimeout(again, 250);
  });
  by("older").addEventListener("click", () => {
    pages += 1;
    showJournal().catch(failed);
  });
}
