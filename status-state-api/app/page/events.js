// Follows /events. By fetch and not by EventSource, which sends no token; comes back by itself, however often it is lost.

import { problemOf, provideToken, send, token } from "./api.js";

const SILENCE = 40_000; // a beat comes every 15 s
const FIRST_WAIT = 500;
const LONGEST_WAIT = 8_000;

/**
 * Follow for ever. `heard(name, data)` takes each event; `connected(true)` comes with the first byte, `connected(false,
 * why)` with each loss.
 */
export async function follow(heard, connected) {
  let wait = FIRST_WAIT;
  for (;;) {
    let why = "The status-state-api does not answer.";
    const used = token();
    try {
      await once(heard, () => {
        wait = FIRST_WAIT;
        connected(true);
      });
    } catch (error) {
      if (error.status === 401) {
        if (await provideToken(used, error.message)) continue;
        connected(false, "Reading needs the token here. Click, or press a key, to say it.");
        await anySign();
        continue;
      }
      if (error.status) why = error.message;
    }
    connected(false, why);
    await pause(wait);
    wait = Math.min(wait * 2, LONGEST_WAIT);
  }
}

async function once(heard, begun) {
  const giveUp = new AbortController();
  let silent = setTimeout(() => giveUp.abort(), SILENCE);
  try {
    const answer = await send("events", { headers: { Accept: "text/event-stream" }, signal: giveUp.signal });
    if (!answer.ok) throw await problemOf(answer);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      begun();
      clearTimeout(silent);
      silent = setTimeout(() => giveUp.abort(), SILENCE);
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) take(block, heard);
    }
  } finally {
    clearTimeout(silent);
  }
}

function take(block, heard) {
  const fields = new Map(block.split("\n").map((line) => line.split(/: ?(.*)/s, 2)));
  if (fields.has("data")) heard(fields.get("event") ?? "message", JSON.parse(fields.get("data")));
}

/** Wait so long, or until there is reason to think that it is worth a try: the network is back, somebody looks. */
function pause(milliseconds) {
  return new Promise((go) => {
    const looked = () => document.hidden || end();
    const end = () => {
      clearTimeout(timer);
      window.removeEventListener("online", end);
      document.removeEventListener("visibilitychange", looked);
      go();
    };
    const timer = setTimeout(end, milliseconds);
    window.addEventListener("online", end);
    document.addEventListener("visibilitychange", looked);
  });
}

/** Wait until somebody does something. */
function anySign() {
  return new Promise((go) => {
    for (const kind of ["click", "keydown"]) document.addEventListener(kind, go, { once: true });
  });
}
