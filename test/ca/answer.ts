import type { Parts } from "./parts.ts";
import type { Problem } from "./problem.ts";
import type { Unfinished } from "./settings.ts";

/** What an endpoint answers, as data. */
export interface Answer {
  readonly status?: number;
  /** JSON, or text where `type` says so. */
  readonly body?: unknown;
  readonly type?: string;
  readonly location?: string;
  /** URLs by relation (RFC 8288). */
  readonly links?: readonly (readonly [relation: string, url: string])[];
  /** It is the directory, which all other answers link to. */
  readonly isIndex?: boolean;
  /** It will have to be asked for again. */
  readonly unfinished?: Unfinished | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Makes the HTTP answer: a nonce on every one (RFC 8555 §6.5), a link to the directory on every other (§7.1). */
export function respond(parts: Parts, answer: Answer): Response {
  const { status = 200, body, type = "application/json", location, links = [], isIndex, unfinished } = answer;
  const headers = new Headers(answer.headers);
  headers.set("replay-nonce", parts.nonces.issue());
  headers.set("cache-control", "no-store"); // §7.2
  headers.set("date", parts.settings.now().toUTCString());
  const index = isIndex === true ? [] : [["index", parts.urls.directory] as const];
  for (const [relation, url] of [...index, ...links]) headers.append("link", `<${url}>;rel="${relation}"`);
  if (location !== undefined) headers.set("location", location);
  if (unfinished !== undefined) {
    for (const [name, value] of retryAfter(parts, unfinished)) headers.set(name, value);
  }
  if (body === undefined) return new Response(null, { status, headers });
  headers.set("content-type", type);
  return new Response(typeof body === "string" ? body : JSON.stringify(body), { status, headers });
}

/** A refusal as a problem document (RFC 7807). */
export function refuse(parts: Parts, problem: Problem): Response {
  const { headers = {} } = problem.extras;
  return respond(parts, { status: problem.status, body: problem, type: "application/problem+json", headers });
}

/** Retry-After in the form that the settings name. */
export function retryAfter({ settings, chance }: Parts, what: Unfinished): readonly (readonly [string, string])[] {
  const told = settings.retryAfter ?? {};
  const found = "seconds" in told ? told : told[what];
  if (found === undefined) return [];
  const { seconds, form } = found;
  const isDate = form === "date" || (form === "either" && chance.retryAfter.chance(0.5));
  const at = new Date(settings.now().getTime() + seconds * 1000);
  return [["retry-after", isDate ? at.toUTCString() : String(seconds)]];
}
