// Asks the status-state-api. The token is asked for when it is needed, and kept for this session of the browser only.

const KEY = "status-state-token";

/** What was refused, with the sentence that says why. */
export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** The status-state-api can't be reached. */
export class Away extends Error {}

let askForToken = async () => null;

/** Say how the token is asked for; `wrong` is what was said of the one before. */
export function onToken(ask) {
  askForToken = ask;
}

export const token = () => sessionStorage.getItem(KEY);

function headers(further = {}) {
  return token() ? { ...further, Authorization: `Bearer ${token()}` } : further;
}

/** Send a request as all are sent. What can't be reached is `Away`. */
export async function send(path, options = {}) {
  try {
    return await fetch(path, { cache: "no-store", credentials: "omit", ...options, headers: headers(options.headers) });
  } catch (error) {
    throw new Away("The status-state-api does not answer.", { cause: error });
  }
}

/** The problem that an answer tells. */
export async function problemOf(answer) {
  const told = await answer.json().catch(() => ({}));
  const wrong = told.errors ? ` ${told.errors.join("; ")}` : "";
  return new Problem(answer.status, (told.detail ?? `It answered ${answer.status}.`) + wrong);
}

let asking = null;

/**
 * Have another token than the one that was refused: that of somebody who was asked meanwhile, or by asking, once for all
 * who need it. False when nobody wants to say it.
 */
export async function provideToken(refused, why) {
  if (token() !== refused) return true;
  asking ??= askForToken(refused ? why : null).finally(() => (asking = null));
  const given = await asking;
  if (given) sessionStorage.setItem(KEY, given);
  return Boolean(given);
}

async function withToken(path, options) {
  for (;;) {
    const used = token();
    const answer = await send(path, options);
    if (answer.ok) return answer.json();
    const problem = await problemOf(answer);
    if (problem.status !== 401 || !(await provideToken(used, problem.message))) throw problem;
  }
}

const PATIENCE = 20_000; // milliseconds

/** Read something; the token is asked for where reading needs it. */
export const read = (path) => withToken(path, { signal: AbortSignal.timeout(PATIENCE) });

/** Change something. */
export async function change(path, body) {
  if (!token() && !(await provideToken(null, null))) throw new Problem(401, "Nothing was changed: this needs the token.");
  return withToken(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}
