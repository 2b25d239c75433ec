import { describe, SidecarError } from "../model/errors.ts";
import type { Authorization, Order } from "../model/order.ts";
import { type Problem, problemName } from "../model/problem.ts";
import { type NameProblem, namesBlamed } from "../model/quarantine.ts";
import { given } from "../model/shape.ts";
import type { Call } from "../ports.ts";
import { findRecord, writeState } from "./authorization_record.ts";
import type { ProofParts } from "./proof.ts";
import { noteFailures, releaseNames } from "./quarantine.ts";

/** Says why the CA gave an order up: every name's own error, and the order's (RFC 8555 §7.1.6, §8). */
export async function whyInvalid(parts: ProofParts, order: Order, call: Call): Promise<SidecarError> {
  const read = await Promise.allSettled(
    order.authorizations.map((url) => parts.account.authority.authorization(url, call)),
  );
  const found = read.flatMap((it) => it.status === "fulfilled" ? [it.value] : []);
  await Promise.all(found.map((authorization) => note(parts, authorization, call)));
  const reasons = found.flatMap((it) => reasonOf(it) === undefined ? [] : [`${it.name}: ${reasonOf(it)}`]).sort();
  const problem = order.status === "invalid" ? order.problem : undefined;
  await count(parts, found, problem, call);
  if (reasons.length === 0) reasons.push(problem?.detail ?? problem?.type ?? "the CA gives no reason");
  return new SidecarError("CHALLENGE_FAILED", reasons.join("; "), {
    field: "challenge",
    todo: "mend what the CA found, then repeat the command",
  });
}

/** Many names, many errors: the first stays what it is, the others' words are added. */
export function throwAll(outcomes: readonly PromiseSettledResult<unknown>[]): void {
  const errors = outcomes.flatMap((it) => it.status === "rejected" ? [it.reason as unknown] : []);
  const [first, ...others] = errors;
  if (first === undefined) return;
  if (others.length === 0 || !(first instanceof SidecarError)) throw first;
  const more = new Set(others.map(describe).filter((text) => text !== describe(first)));
  if (more.size === 0) throw first;
  throw new SidecarError(first.code, [first.message, ...more].join("; "), {
    field: first.field,
    cause: first,
    ...given("todo", first.todo),
    ...given("retryAt", first.retryAt),
  });
}
/** Counts the names that the CA was not convinced of, and forgets how the others failed before. */
async function count(
  parts: ProofParts,
  found: readonly Authorization[],
  problem: Problem | undefined,
  call: Call,
): Promise<void> {
  const failed: readonly NameProblem[] = found.filter((it) => it.status === "invalid").map((it) => ({
    name: it.name,
    problem: problemOf(it) ?? { type: "about:blank", subproblems: [] },
  }));
  const known = new Set(failed.map((it) => it.name));
  const others = found.map((it) => it.name).filter((name) => !known.has(name));
  // CAA is looked at once more before the certificate is made: a name that was proven can fail so (RFC 8659 §3).
  const later = problem === undefined ? [] : namesBlamed({ problem, pages: [] }, others);
  await noteFailures(parts, [...failed, ...later], call);
  const blamed = new Set(later.map((it) => it.name));
  const proven = found.filter((it) => it.status === "valid" && !blamed.has(it.name)).map((it) => it.name);
  await releaseNames(parts, proven, "the CA was convinced of it", call);
}

/** Notes the CA's decision about one name of an order that came to nothing. */
async function note(parts: ProofParts, authorization: Authorization, call: Call): Promise<void> {
  const record = await findRecord(parts, authorization.name, call);
  if (record === undefined || record.authorization.href !== authorization.url.href) return;
  if (authorization.status === "valid") return await writeState(parts, { ...record, state: "validated" }, call);
  const error = reasonOf(authorization) ?? "another name of its order failed";
  await writeState(parts, { ...record, state: "error", error }, call);
}

function reasonOf(authorization: Authorization): string | undefined {
  const problem = problemOf(authorization);
  if (problem !== undefined) return `${problem.detail ?? "no detail given"} (${problemName(problem)})`;
  const { status } = authorization;
  return status === "pending" || status === "valid" ? undefined : `the authorization is ${status}`;
}

function problemOf({ challenges }: Authorization): Problem | undefined {
  return challenges.find((it) => it.problem !== undefined)?.problem;
}
