// Asks before something is changed: shows what it will do, and carries it out when that is confirmed; asks for the token.

import { h, say } from "./dom.js";

/**
 * Open a dialog. `run` is called when it is confirmed, and may refuse by throwing: then that is shown, and it stays open.
 * Resolves to true when it was carried out.
 */
export function ask({ title, body, confirm, run, isHarmless = false }) {
  return new Promise((done) => {
    const wrong = h("p", { class: "wrong", role: "alert" });
    const go = h("button", { type: "submit", class: isHarmless ? null : "strong" }, confirm ?? "");
    go.hidden = !confirm;
    const close = (was) => {
      dialog.close();
      dialog.remove();
      done(was);
    };
    const submit = async (event) => {
      event.preventDefault();
      go.disabled = true;
      say(wrong, "");
      try {
        await run();
        close(true);
      } catch (error) {
        say(wrong, error.message);
        go.disabled = false;
      }
    };
    const form = h("form", { on: { submit } }, h("h2", { id: "dialog-title" }, title), h("div", { class: "body" }, body), wrong,
      h("p", { class: "buttons" }, h("button", { type: "button", class: "quiet", on: { click: () => close(false) } }, confirm ? "Cancel" : "Close"), go));
    const dialog = h("dialog", { "aria-labelledby": "dialog-title", on: { cancel: (event) => {
      event.preventDefault();
      close(false);
    } } }, form);
    document.body.append(dialog);
    dialog.showModal();
    (dialog.querySelector("input") ?? (go.hidden ? form.querySelector("button") : go)).focus();
  });
}

/** Ask for the token; null when nobody wants to say it. `wrong` is what was said of the one before. */
export async function askForToken(wrong) {
  const input = h("input", { type: "password", id: "token", autocomplete: "off", required: true });
  const body = [
    h("p", {}, "What changes something needs the token. It is kept until this tab is closed, and nowhere else."),
    wrong ? h("p", { class: "wrong", role: "alert" }, wrong) : null,
    h("label", { for: "token" }, "Token"), input,
    h("p", { class: "note" }, "To see it: ", h("code", {}, "docker compose exec status-state-api status-state token")),
  ];
  let given = null;
  const run = async () => {
    given = input.value.trim();
    if (!/^[\x21-\x7e]+$/.test(given)) throw new Error("A token has no blanks, and plain letters only.");
  };
  return (await ask({ title: "Token", body, confirm: "Go on", run, isHarmless: true })) ? given : null;
}

/** A change of the snapshot as a list, a line for each container; `nothing` is said where there is none. */
export function describe(answer, nothing = "Nothing would be different.") {
  const lines = [];
  const line = (sign, text, ...fields) => lines.push(h("li", { "data-sign": sign }, text, ...fields.map((field) => h("span", {}, field))));
  for (const name of answer.added) line("+", `${name} becomes an original`);
  for (const one of answer.replaced) {
    const text = one.id === one.before_id ? "is the same container, updated" : `is the container ${one.id.slice(0, 12)} from now on`;
    line("~", `${one.name} ${text}`, ...(one.difference ? [one.difference] : []));
  }
  for (const name of answer.removed) line("−", `${name} is no original any more`);
  for (const name of answer.released) line("−", `${name} is released: it may stay or go`);
  for (const name of answer.released_no_longer) line("+", `${name} is released no longer`);
  return lines.length ? h("ul", { class: "changes" }, ...lines) : h("p", {}, nothing);
}
