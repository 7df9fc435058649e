// What an operator can do here: accept, release, pause, resume, roll back. Each asks for a dry run first, and shows it.

import { change } from "./api.js";
import { ask, describe } from "./dialogs.js";
import { h, say } from "./dom.js";
import { clock, now } from "./time.js";
import { count } from "./words.js";

const DRY = "?dry_run=true";
const PAUSES = [["15m", "15 min"], ["1h", "1 hour"], ["4h", "4 hours"], ["24h", "1 day"]];

/** Make the actions; `failed` takes a refusal that came before there was anything to confirm, `differences` says what differs. */
export function makeActions(failed, differences) {
  const guarded = (run) => async (...given) => {
    try {
      return await run(...given);
    } catch (error) {
      return failed(error);
    }
  };
  return {
    accept: guarded((one) => changeSnapshot(`Accept ${one.name}`, "snapshot", { accept: [one.name], by: said(`accept ${one.name}`) }, "Accept")),
    acceptAll: guarded(() => changeSnapshot("Accept the present", "snapshot", { by: said("accept") }, "Accept the present")),
    release: guarded((one) => changeSnapshot(`Release ${one.name}`, "snapshot", { release: [one.name], by: said(`release ${one.name}`) }, "Release")),
    rollBack: guarded((one) => changeSnapshot(`Roll back to the snapshot of ${clock(one.taken_at)}`,
      `snapshots/${encodeURIComponent(one.id)}/rollback`, { by: said(`rollback ${one.id.slice(0, 12)}`) }, "Roll back",
      "The host follows at once: what is no original any more is stopped, what becomes one again is started or made again.")),
    pause: guarded((name) => pause(name ?? null)),
    resume: guarded((name) => resume(name ?? null, differences)),
  };
}

const said = (what) => `operator: ${what} (page)`.slice(0, 500);

async function changeSnapshot(title, path, body, confirm, note = "The controller obeys at once.") {
  const preview = await change(path + DRY, body);
  return ask({
    title,
    body: [describe(preview), preview.changed ? h("p", { class: "note" }, note) : null],
    confirm: preview.changed ? confirm : null,
    run: () => change(path, body),
  });
}

async function pause(name) {
  const preview = h("p", { class: "preview", "aria-live": "polite" });
  const reason = h("input", { id: "reason", maxlength: 500, autocomplete: "off", placeholder: "deploy" });
  const accepts = h("input", { type: "checkbox", id: "accepts" });
  const choices = PAUSES.map(([value, label], place) => h("label", { class: "choice" },
    h("input", { type: "radio", name: "for", value, checked: place === 0 }), h("span", {}, label)));
  const chosen = () => choices.map((choice) => choice.firstChild).find((choice) => choice.checked).value;
  const whose = name ? `of ${name} ` : "";
  const tell = () => {
    const until = new Date(now() + seconds(chosen()) * 1000).toISOString();
    const end = accepts.checked ? `then what is there ${name ? "of it " : ""}becomes the snapshot.` : "then what differs is healed.";
    say(preview, `Nothing ${whose}is healed until ${clock(until)}; ${end} What is found is reported all the same.`);
  };
  const body = [h("fieldset", {}, h("legend", {}, "For how long"), ...choices),
    h("label", { for: "reason" }, "Why"), reason,
    h("label", { class: "check" }, accepts, " Accept the present at the end"), preview];
  for (const input of [accepts, ...choices]) input.addEventListener("change", tell);
  tell();
  return ask({
    title: name ? `Pause healing of ${name}` : "Pause healing",
    body,
    confirm: "Pause",
    run: () => change("pause", {
      for: chosen(), accept_at_end: accepts.checked, by: said(`pause${name ? ` ${name}` : ""}`),
      ...(reason.value.trim() ? { reason: reason.value.trim() } : {}), ...(name ? { containers: [name] } : {}),
    }),
  });
}

const seconds = (text) => parseInt(text, 10) * (text.endsWith("h") ? 3600 : 60);

async function resume(name, differences) {
  const body = { by: said(`resume${name ? ` ${name}` : ""}`), ...(name ? { containers: [name] } : {}) };
  const preview = await change(`resume${DRY}`, body);
  const waiting = differences().filter((one) => name === null || one.name === name);
  const accepted = preview.accepted?.changed ? describe(preview.accepted) : null;
  const healed = preview.accepted || !waiting.length ? null
    : [h("p", {}, `${count(waiting.length, "difference")} will be healed:`),
      h("ul", { class: "changes" }, ...waiting.slice(0, 20).map((one) => h("li", { "data-sign": "→" }, `${one.name} ${one.difference.reason}`)))];
  const left = preview.pauses.length ? h("p", { class: "note" }, `${count(preview.pauses.length, "pause")} of single containers stays in force.`) : null;
  return ask({
    title: name ? `Resume healing of ${name}` : "Resume healing",
    body: [accepted ?? healed ?? h("p", {}, "Nothing differs, so nothing will be done."), name ? null : left],
    confirm: "Resume",
    run: () => change("resume", body),
  });
}

