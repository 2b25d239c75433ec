import { list, object, optional, text } from "./shape.ts";

/** A problem document of the CA (RFC 9457, RFC 8555 §6.7). Decisions use `type`, never the English `detail`. */
export interface Problem {
  /** `urn:ietf:params:acme:error:…`, or `about:blank` where the CA named none. */
  readonly type: string;
  /** English, for people. */
  readonly detail?: string;
  /** HTTP status. */
  readonly status?: number;
  /** A page for the person who has to act (RFC 8555 §7.3.3). */
  readonly instance?: string;
  /** One for each identifier that has a problem of its own. */
  readonly subproblems: readonly Subproblem[];
}

/** The part of a problem that is about one identifier (RFC 8555 §6.7.1). */
export interface Subproblem extends Problem {
  /** Value of the identifier. */
  readonly identifier?: string;
}

const ACME_ERROR = "urn:ietf:params:acme:error:";

/** Tells whether the problem is of one of the registered ACME types, for example `badNonce`. */
export function isProblem(problem: Problem, ...types: readonly string[]): boolean {
  return types.some((type) => problem.type === ACME_ERROR + type);
}

/** How many names' problems a text tells; the others are counted. */
const TOLD = 10;

/** All that the CA said, for people: of each name what the whole does not say already (RFC 8555 §6.7.1). */
export function problemText({ type, detail, subproblems }: Problem): string {
  const whole = detail ?? type;
  const parts = subproblems.filter((it) => it.detail !== undefined && !whole.includes(it.detail))
    .map(({ identifier, detail }) => identifier === undefined ? detail : `${identifier}: ${detail}`);
  const more = parts.length > TOLD ? [`and ${parts.length - TOLD} more`] : [];
  return [whole, ...parts.slice(0, TOLD), ...more].join("; ");
}

/** The registered short name (`rateLimited`), or the whole type where it is not one of ACME's. */
export function problemName(problem: Problem): string {
  return problem.type.startsWith(ACME_ERROR) ? problem.type.slice(ACME_ERROR.length) : problem.type;
}

/**
 * Names that a problem is about, without `*.`: Boulder has them in subproblems, in quotation marks or plainly; the addresses
 * of its pages are about nobody.
 */
export function identifiersIn(problem: Problem): ReadonlySet<string> {
  const texts = [problem, ...problem.subproblems].map((it) => (it.detail ?? "").replace(/https?:\/\/\S+/g, ""));
  const written = texts.flatMap((text) => text.match(/[a-z0-9-]+(?:\.[a-z0-9-]+)+/gi) ?? []);
  const named = problem.subproblems.flatMap((it) => it.identifier ?? []);
  return new Set([...named, ...written].map((it) => it.toLowerCase().replace(/^\*\./, "")));
}

/**
 * Reads a problem document. What is missing or of a wrong type is left out: a broken error is still an error.
 *
 * @param json The parsed body.
 */
export function readProblem(json: unknown): Problem {
  return readOne(json, 0);
}

function readOne(json: unknown, depth: number): Subproblem {
  const it = lenient(() => object(json, "problem")) ?? {};
  const type = lenient(() => text(it, "type")) ?? "about:blank";
  const detail = lenient(() => optional(it, "detail", text));
  const instance = lenient(() => optional(it, "instance", text));
  const identifier = lenient(() => text(object(it["identifier"], "identifier"), "value"));
  const parts = depth > 0 ? [] : lenient(() => optional(it, "subproblems", list)) ?? [];
  return {
    type,
    ...(detail === undefined ? {} : { detail }),
    ...(typeof it["status"] === "number" ? { status: it["status"] } : {}),
    ...(instance === undefined ? {} : { instance }),
    ...(identifier === undefined ? {} : { identifier }),
    subproblems: parts.map((part) => readOne(part, depth + 1)),
  };
}

function lenient<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
