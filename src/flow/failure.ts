import { describe, SidecarError } from "../model/errors.ts";
import type { Authorization, Order } from "../model/order.ts";
import { problemName } from "../model/problem.ts";
import { given } from "../model/shape.ts";
import type { Call } from "../ports.ts";
import { findRecord, writeState } from "./authorization_record.ts";
import type { ProofParts } from "./proof.ts";

/** Says why the CA gave an order up: every name's own error, and the order's (RFC 8555 §7.1.6, §8). */
export async function whyInvalid(parts: ProofParts, order: Order, call: Call): Promise<SidecarError> {
  const read = await Promise.allSettled(
    order.authorizations.map((url) => parts.account.authority.authorization(url, call)),
  );
  const found = read.flatMap((it) => it.status === "fulfilled" ? [it.value] : []);
  await Promise.all(found.map((authorization) => note(parts, authorization, call)));
  const reasons = found.flatMap((it) => reasonOf(it) === undefined ? [] : [`${it.name}: ${reasonOf(it)}`]).sort();
  const problem = order.status === "invalid" ? order.problem : undefined;
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
/** Notes the CA's decision about one name of an order that came to nothing. */
async function note(parts: ProofParts, authorization: Authorization, call: Call): Promise<void> {
  const record = await findRecord(parts, authorization.name, call);
  if (record === undefined || record.authorization.href !== authorization.url.href) return;
  if (authorization.status === "valid") return await writeState(parts, { ...record, state: "validated" }, call);
  const error = reasonOf(authorization) ?? "another name of its order failed";
  await writeState(parts, { ...record, state: "error", error }, call);
}

function reasonOf(authorization: Authorization): string | undefined {
  const problem = authorization.challenges.find((it) => it.problem !== undefined)?.problem;
  if (problem !== undefined) return `${problem.detail ?? "no detail given"} (${problemName(problem)})`;
  const { status } = authorization;
  return status === "pending" || status === "valid" ? undefined : `the authorization is ${status}`;
}
