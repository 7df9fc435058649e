// Brings it all together: an event says what has changed, what of it is shown is asked for again, once however many say so.

import { makeActions } from "./actions.js";
import { onToken, read } from "./api.js";
import { showContainers } from "./containers.js";
import { ask, askForToken } from "./dialogs.js";
import { by, h, say } from "./dom.js";
import { follow } from "./events.js";
import { showJournal, showJournalOf, wireJournal } from "./journal.js";
import { showNewcomers, showOthers, showSnapshots } from "./lists.js";
import { setClock, tick } from "./time.js";
import { differencesOf, isUnattended, showVerdict } from "./verdict.js";
import { isOriginal, look } from "./words.js";

const SETTLE = 120; // milliseconds: what comes together is asked for together
const RARELY = 60_000; // the availability of a month is summed up no more often than this,
const SELDOM = 600_000; // and no less, as long as somebody looks
const ASKED_FOR = {
  engine: ["overview"],
  containers: ["overview"],
  verdicts: ["overview"],
  report: ["overview"],
  pauses: ["overview"],
  snapshot: ["overview", "snapshots", "availability"],
  journal: ["journal", "actions", "availability"],
  check: [],
};
const known = { overview: null, availability: new Map(), actions: new Map() };
let isLinked = false;
let away = null; // why what is shown may be old: since the connection was lost it has not been read again

const readers = {
  async overview() {
    const found = await read("overview");
    setClock(found.at);
    // While the engine is away the page says so, and goes on showing what was last known.
    if (found.containers === null && known.overview?.containers) found.containers = known.overview.containers;
    announce(known.overview, found);
    known.overview = found;
    if (away && isLinked) {
      away = null;
      tell("Connected.");
    }
  },
  async availability() {
    const found = await read("availability");
    known.availability = new Map(found.originals.map((one) => [one.name, one]));
  },
  async actions() {
    const { entries } = await read("journal?kind=action&since=168h&limit=1000");
    known.actions = new Map();
    for (const one of entries) {
      if (!one.container) continue;
      if (!known.actions.has(one.container.name)) known.actions.set(one.container.name, []);
      known.actions.get(one.container.name).push(one);
    }
  },
  async snapshots() {
    showSnapshots((await read("snapshots")).snapshots, act);
  },
  journal: showJournal,
};

const wanted = new Set();
const readAt = new Map();
const reading = new Set();
let timer = null;

function want(names) {
  for (const name of names) wanted.add(name);
  timer ??= setTimeout(readWanted, SETTLE);
}

function readWanted() {
  timer = null;
  if (!isLinked || (document.hidden && known.overview)) return; // it is done after a `hello`, when somebody looks again
  for (const name of wanted) {
    const isTooSoon = name === "availability" && Date.now() - (readAt.get(name) ?? 0) <= RARELY;
    if (!isTooSoon && !reading.has(name)) readOne(name);
  }
}

/** Read one of them; what is slow, or fails, holds up none of the others. */
async function readOne(name) {
  wanted.delete(name);
  reading.add(name);
  readAt.set(name, Date.now());
  try {
    await readers[name]();
  } catch (error) {
    if (error.status !== 503) wanted.add(name); // 503: an event will tell when it can be asked for
  }
  reading.delete(name);
  render();
}

function render() {
  showVerdict(known.overview, away, act);
  if (!known.overview) return;
  showContainers(known.overview, known, act);
  showNewcomers(known.overview, known.actions, act);
  showOthers(known.overview, act);
  const names = by("names");
  const originals = (known.overview.containers ?? []).map((one) => one.name);
  if (names.childElementCount !== originals.length) names.replaceChildren(...originals.map((name) => h("option", { value: name })));
}

function heard(name, data) {
  if (name === "hello") readAt.clear();
  if (data.checked_at && known.overview) {
    const { controller } = known.overview;
    const interval = Date.parse(controller.next_check_at) - Date.parse(controller.checked_at);
    controller.checked_at = data.checked_at;
    if (interval) controller.next_check_at = new Date(Date.parse(data.checked_at) + interval).toISOString();
    showVerdict(known.overview, away, act);
  }
  want(name === "hello" ? Object.keys(readers) : data.kinds.flatMap((kind) => ASKED_FOR[kind] ?? []));
}

function connected(isConnected, why) {
  const live = by("live");
  live.dataset.liveState = isConnected ? "live" : "lost";
  say(live, isConnected ? "Live" : "Connection lost");
  isLinked = isConnected;
  if (isConnected || away === why) return;
  if (!away) tell("The connection is lost.");
  away = why;
  showVerdict(known.overview, away, act);
}

/** Say to who can't see it what is different from before. */
function announce(before, after) {
  if (!before?.containers || !after.containers) return;
  const looks = new Map(before.containers.map((one) => [one.id, look(one)]));
  const news = after.containers
    .filter((one) => looks.get(one.id) !== look(one) && (one.difference || isOriginal(one)))
    .map((one) => `${one.name}: ${look(one) === "original" ? "running" : look(one)}`);
  if (after.verdict === "in_sync" && before.verdict !== "in_sync") news.push("The host is as it should be.");
  if (news.length) tell(news.length > 5 ? `${news.length} containers have changed.` : `${news.join(". ")}.`);
}

const tell = (text) => say(by("announcer"), text);

function failed(error) {
  if (error.status === 401) return; // nobody wanted to say the token
  ask({ title: "That did not work", body: h("p", {}, error.message), run: async () => {} });
}

const act = {
  ...makeActions(failed, () => differencesOf(known.overview)),
  showJournal: (name) => showJournalOf(name).catch(failed),
};

let wasUnattended = null;
function everySecond() {
  if (document.hidden) return;
  tick();
  if (known.overview && wasUnattended !== isUnattended(known.overview)) {
    wasUnattended = isUnattended(known.overview);
    showVerdict(known.overview, away, act);
  }
  if (Date.now() - (readAt.get("availability") ?? Infinity) > SELDOM) wanted.add("availability");
  if (wanted.size) want([]);
}

onToken(askForToken);
wireJournal(failed);
by("accept-all").addEventListener("click", act.acceptAll);
by("pause").addEventListener("click", () => act.pause());
for (const [id, event] of [["filter", "input"], ["only", "change"]]) by(id).addEventListener(event, () => known.overview && render());
document.addEventListener("visibilitychange", () => want([]));
setInterval(everySecond, 1000);
follow(heard, connected);
