import { isDoubtful } from "./attempt.ts";
import { attemptWait } from "./backoff.ts";
import { baseName, type DnsName } from "./dns_name.ts";
import type { AcmeProblemError } from "./errors.ts";
import { identifiersIn, isProblem, type Problem, problemName } from "./problem.ts";
import type { NameRecord, NameRest, OrderRecord } from "./records.ts";
import { given } from "./shape.ts";

/** What the CA said of one name. */
export interface NameProblem {
  /** The name, with `*.` where it is a wildcard. */
  readonly name: DnsName;
  /** Its own problem. */
  readonly problem: Problem;
  /** A page of the CA for a person who acts. */
  readonly page?: URL;
}

/** Why a certificate is held back, and for how long. */
export interface NameHold {
  /** Those of its names that rest. */
  readonly names: readonly [NameRecord, ...NameRecord[]];
  /** When all of them may be asked for again; absent where that is left to a person. */
  readonly until?: Date;
}

/** From this failure in a row on a name rests; before that the certificate's own backoff is enough. */
const PATIENCE = 3;
/** The step of the backoff that is an hour long: five failures of one name in an hour are a limit of Let's Encrypt. */
const AN_HOUR = 5;
/** How often a name that the CA has paused is looked at, to see whether a person has acted. */
const LOOK_MS = 24 * 3_600_000;

/** What comes of a problem: `blameless` is the CA's own trouble, or its limit, and no fault of the name. */
type Manner = "patient" | "at once" | "refused" | "paused" | "blameless";

/** What is not here is a validation that failed: it may be a passing trouble. */
const MANNERS: Readonly<Record<string, Manner>> = {
  caa: "at once", // somebody wrote that record on purpose (RFC 8659)
  rejectedIdentifier: "refused",
  unsupportedIdentifier: "refused",
  rateLimited: "blameless",
  serverInternal: "blameless",
};

/**
 * Counts a failure of a name, and decides how long it rests. What the CA refuses by policy is not asked for again unless a
 * person says so; what it has paused is looked at once a day.
 *
 * @param random A number in [0, 1).
 * @returns Undefined where it is not the name's fault.
 */
export function nameFailed(
  before: Pick<NameRecord, "failures"> | undefined,
  { name, problem, page }: NameProblem,
  { directory, now, random }: { readonly directory: URL; readonly now: Date; readonly random: number },
): NameRecord | undefined {
  const manner = mannerOf(problem, page);
  if (manner === "blameless") return undefined;
  const failures = (before?.failures ?? 0) + 1;
  return {
    directory,
    name,
    failures,
    problem: problemName(problem),
    detail: problem.detail ?? "no detail given",
    ...given("page", page),
    lastAt: now,
    ...restFor(manner, failures, now, random),
  };
}

/**
 * Says which of an order's names a refusal is about: those of its subproblems (RFC 8555 §6.7.1), else those that its text
 * names, else the only one. A pause that names none is about them all. Refusals of other kinds blame no name.
 */
export function namesBlamed(
  { problem, pages }: Pick<AcmeProblemError, "problem" | "pages">,
  names: readonly DnsName[],
): readonly NameProblem[] {
  const page = pageOf(problem, pages);
  const blame = (name: DnsName, own: Problem): NameProblem => ({ name, problem: own, ...given("page", page) });
  const parts = problem.subproblems.flatMap(({ identifier = "", ...own }) =>
    namedBy(identifier, names).map((name) => blame(name, { ...own, detail: own.detail ?? problem.detail ?? own.type }))
  );
  if (parts.length > 0) return parts.filter((it) => mannerOf(it.problem, page) !== "blameless");
  const manner = mannerOf(problem, page);
  if (manner === "blameless" || manner === "patient") return [];
  const said = identifiersIn(problem);
  const about = names.filter((name) => said.has(baseName(name)));
  if (about.length === 0 && names.length > 1 && manner !== "paused") return [];
  return (about.length > 0 ? about : names).map((name) => blame(name, problem));
}

/** Tells which names hold a certificate back; undefined where none does. */
export function heldBy(
  names: readonly DnsName[],
  records: ReadonlyMap<DnsName, NameRecord>,
  now: Date,
): NameHold | undefined {
  const [first, ...others] = names.flatMap((name) => records.get(name) ?? []).filter((it) => isHeld(it, now));
  if (first === undefined) return undefined;
  const ends = [first, ...others].flatMap((it) => "until" in it ? [it.until.getTime()] : []);
  const until = ends.length === others.length + 1 ? new Date(Math.max(...ends)) : undefined;
  return { names: [first, ...others], ...given("until", until) };
}

/**
 * Tells whether an order that was begun is left alone. One whose names are all proven is not given up for what another order
 * has learnt of them, and an issued certificate is always fetched.
 */
export function isHeldBack(
  { names, step }: Pick<OrderRecord, "names" | "step">,
  records: ReadonlyMap<DnsName, NameRecord>,
  now: Date,
): boolean {
  const hold = step === "issued" ? undefined : heldBy(names, records, now);
  return hold !== undefined && (step !== "finalizing" || hold.until !== undefined);
}

/** Says in a sentence, without a period, how it stands with a name that rests, and what a person can do. */
export function nameText({ name, failures, problem, detail, page, ...rest }: NameRecord): string {
  const times = failures === 1 ? "once" : `${failures} times in a row`;
  const why = `${name} was refused by the CA ${times}: ${detail} (${problem})`;
  const see = page === undefined ? "" : `open ${page}, then `;
  const ask = "run kontena certificate get or request with it";
  switch (rest.state) {
    case "failing":
      return why;
    case "resting":
      return `${why}; it rests until ${iso(rest.until)}: mend it and ${see}${ask}, or wait`;
    case "paused":
      return `${why}; it is paused until a person acts: ${see}${ask}; by itself it is looked at next at ${
        iso(rest.until)
      }`;
    case "refused":
      return `${why}; it is not asked for by itself any more: leave it out, or ${see}${ask} once the CA takes it`;
  }
}

function restFor(manner: Manner, failures: number, now: Date, random: number): NameRest {
  const after = (ms: number): Date => new Date(now.getTime() + ms);
  if (manner === "refused") return { state: "refused" };
  if (manner === "paused") return { state: "paused", until: after(Math.round(LOOK_MS * (1 + 0.1 * random))) };
  const over = failures - (manner === "at once" ? 1 : PATIENCE);
  return over < 0 ? { state: "failing" } : { state: "resting", until: after(attemptWait(AN_HOUR + over, random)) };
}

/** Let's Encrypt pauses what has failed for months; its answer leads to the page that ends that. */
function mannerOf(problem: Problem, page: URL | undefined): Manner {
  if (isProblem(problem, "rateLimited") && page !== undefined && isUnpause(page)) return "paused";
  const name = problemName(problem);
  return Object.hasOwn(MANNERS, name) ? MANNERS[name]! : "patient";
}

/** The page that a person needs most: one that ends a pause, which may stand in the text alone. */
function pageOf({ detail = "" }: Problem, pages: readonly URL[]): URL | undefined {
  const written = detail.match(/https?:\/\/[^\s"'<>]+/g) ?? [];
  const all = [...pages, ...written.flatMap((it) => URL.parse(it.replace(/[.,;)]+$/, "")) ?? [])];
  return all.find(isUnpause) ?? pages[0];
}

function isUnpause({ pathname }: URL): boolean {
  return /unpause/i.test(pathname);
}

/** An identifier is written with its star, or, as in an authorization, without. */
function namedBy(identifier: string, names: readonly DnsName[]): readonly DnsName[] {
  const wanted = identifier.toLowerCase();
  const exact = names.filter((name) => name === wanted);
  return exact.length > 0 ? exact : names.filter((name) => baseName(name) === wanted);
}

function isHeld(record: NameRecord, now: Date): boolean {
  if (record.state === "failing") return false;
  return record.state === "refused" || (record.until > now && !isDoubtful(record, now));
}

function iso(at: Date): string {
  return at.toISOString().replace(/\.\d{3}Z$/, "Z");
}
