import { AcmeProblemError, RateLimitedError, type SidecarError, type SidecarErrorOptions } from "../model/errors.ts";
import { isProblem, type Problem, problemName, readProblem } from "../model/problem.ts";
import { retryAfterMs } from "../model/retry_after.ts";
import { badAnswer, FIELD, TransportError } from "./failure.ts";
import { linkTargets } from "./link.ts";
import { isJson, mediaType } from "./media_type.ts";
import type { Answer } from "./transport.ts";

/** What a person can do about a problem of this name; the CA's own page is added where there is one. */
const TODO: Readonly<Record<string, string>> = {
  accountDoesNotExist: "register with the CA again",
  agreementRequired: "read the CA's terms of service and agree to them",
  externalAccountRequired: "set ACME_EAB_KID and ACME_EAB_HMAC_KEY to what the CA gave you",
  userActionRequired: "a person has to act at the CA",
};

/** Tells whether the CA did what was asked. */
export function isGood(answer: Answer): boolean {
  return answer.status >= 200 && answer.status < 300;
}

/** The problem document in the answer (RFC 8555 §6.7); undefined where somebody else but the CA seems to have answered. */
export function problemIn(answer: Answer): Problem | undefined {
  if (isGood(answer) || !isJson(answer.headers)) return undefined;
  const problem = parse(answer.text);
  if (problem === undefined) return undefined;
  const named = problem.type !== "about:blank" || problem.detail !== undefined;
  return named || mediaType(answer.headers) === "application/problem+json" ? problem : undefined;
}

/**
 * Says as an error why the CA did not do what was asked: its problem document with its own words, or else the status.
 *
 * @param doing What was tried, after "Cannot ".
 * @param more What else the error shall say.
 */
export function refusal(
  answer: Answer,
  doing: string,
  more: Pick<SidecarErrorOptions, "beforeAll"> = {},
): SidecarError {
  const problem = problemIn(answer);
  if (problem !== undefined) {
    const whole = { ...problem, status: problem.status ?? answer.status }; // a document may leave it out (RFC 7807 §3.1)
    const pages = pagesOf(problem, answer);
    return new AcmeProblemError(whole, { ...options(answer, todo(problem, pages, answer)), pages, ...more });
  }
  const { url, status, headers } = answer;
  if (status >= 300 && status < 400) return redirected(answer, doing);
  const type = mediaType(headers);
  const message = `Cannot ${doing}: ${url.host} answered ${status}${type === "" ? "" : ` with ${type}`}`;
  // ZeroSSL's front answers so, without a problem document: it is a refusal for all that (RFC 6585 §4).
  if (status === 429) {
    return new RateLimitedError(message, { todo: "try again later", ...options(answer, undefined), ...more });
  }
  const repeatable = status >= 500 && !headers.has("retry-after");
  return new TransportError(message, repeatable, { ...options(answer, undefined), ...more });
}

/** Tells whether asking again at once makes sense, where the question changes nothing. */
export function isRepeatable(error: unknown): boolean {
  if (error instanceof TransportError) return error.repeatable;
  return error instanceof AcmeProblemError && (error.problem.status ?? 0) >= 500 && error.retryAt === undefined;
}

function parse(text: string): Problem | undefined {
  try {
    return readProblem(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function options(answer: Answer, advice: string | undefined): SidecarErrorOptions {
  const ms = retryAfterMs(answer.headers, answer.at);
  const retryAt = ms === undefined ? undefined : new Date(answer.at.getTime() + ms);
  const parts = [retryAt === undefined ? undefined : `try again after ${retryAt.toISOString()}`, advice];
  const said = parts.filter((part) => part !== undefined).join("; ");
  return {
    field: FIELD,
    status: answer.status,
    ...(retryAt === undefined ? {} : { retryAt }),
    ...(said === "" ? {} : { todo: said }),
  };
}

function todo(problem: Problem, pages: readonly URL[], answer: Answer): string | undefined {
  const name = problemName(problem);
  const see = pages.length === 0 ? undefined : `see ${pages.join(" and ")}`;
  const limit = isProblem(problem, "rateLimited") && !answer.headers.has("retry-after") ? "try again later" : undefined;
  const parts = [Object.hasOwn(TODO, name) ? TODO[name] : limit, see].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join("; ");
}

/** Web pages that a person can open, each once; anything else in their place is not shown. */
function pagesOf({ instance }: Problem, { headers, url }: Answer): readonly URL[] {
  const targets = ["terms-of-service", "help"].flatMap((relation) => linkTargets(headers, relation));
  const urls = [...instance === undefined ? [] : [instance], ...targets].flatMap((it) => URL.parse(it, url) ?? []);
  const hrefs = urls.filter(({ protocol }) => /^https?:$/.test(protocol)).map(({ href }) => href);
  return [...new Set(hrefs)].map((href) => new URL(href));
}

/** A signed request names its URL, so another place cannot take it (RFC 8555 §6.4). */
function redirected({ url, status, headers }: Answer, doing: string): SidecarError {
  const to = URL.parse(headers.get("location") ?? "", url)?.href ?? "nowhere";
  return badAnswer(
    `Cannot ${doing}: ${url.host} answered ${status} and points to ${to}, which is not followed`,
    "check that ACME_DIRECTORY_URL is the address that the CA names in its documentation",
  );
}
