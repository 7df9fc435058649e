// The last day as a strip: a bar for each half hour, red from below for the share of it that was not well.

import { draw, mark } from "./dom.js";

const [STEP, WIDTH, HEIGHT, LEAST] = [3, 2, 16, 3];

export function makeStrip() {
  const paths = ["none", "good", "bad"].map((kind) => draw("path", { class: kind }));
  return draw("svg", { class: "strip", role: "img", preserveAspectRatio: "none" }, ...paths);
}

/** Show a history: shares in per cent, null where nothing is known. */
export function showStrip(strip, history) {
  const drawn = { none: "", good: "", bad: "" };
  history.forEach((share, place) => {
    const bar = (kind, from, height) => (drawn[kind] += `M${place * STEP} ${from}h${WIDTH}v${height}h-${WIDTH}z`);
    if (share === null) return bar("none", HEIGHT - 2, 2);
    const bad = share === 100 ? 0 : Math.max(LEAST, Math.round((HEIGHT * (100 - share)) / 100));
    if (bad < HEIGHT) bar("good", 0, HEIGHT - bad);
    if (bad > 0) bar("bad", HEIGHT - bad, bad);
  });
  mark(strip, "viewBox", `0 0 ${history.length * STEP - 1} ${HEIGHT}`);
  for (const path of strip.children) mark(path, "d", drawn[path.getAttribute("class")]);
  mark(strip, "aria-label", told(history));
}

function told(history) {
  const known = history.filter((share) => share !== null);
  if (!known.length) return "nothing is known of the last 24 hours";
  const bad = known.filter((share) => share < 100).length;
  return bad ? `not well in ${bad} of ${known.length} half hours` : `well in all of ${known.length} half hours`;
}
