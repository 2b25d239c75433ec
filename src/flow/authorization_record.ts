import { CHALLENGE_TYPES, CHALLENGES, type ChallengeType } from "../model/challenge_type.ts";
import type { DnsName } from "../model/dns_name.ts";
import { SidecarError } from "../model/errors.ts";
import { keyAuthorization } from "../model/key_authorization.ts";
import type { Authorization, Challenge } from "../model/order.ts";
import type { AuthorizationRecord, AuthorizationState } from "../model/records.ts";
import { given } from "../model/shape.ts";
import { authorizationId } from "../ledger/records.ts";
import type { Call } from "../ports.ts";
import { recordId } from "./answers.ts";
import type { FlowParts } from "./parts.ts";
import { possibleTypes } from "./possible_types.ts";
import type { ProofParts } from "./proof.ts";

/** How a name is proven. */
export interface How {
  readonly type: ChallengeType;
  readonly balancer?: string;
}

/** Writes down how the name of a pending authorization is proven. */
export async function recordAuthorization(
  parts: ProofParts,
  carrier: URL,
  authorization: Authorization,
  how: How,
  call: Call,
): Promise<{ readonly record: AuthorizationRecord; readonly challenge: Challenge }> {
  const challenge = usable(authorization, how.type);
  if (challenge === undefined) throw notOffered(parts, authorization, how);
  const { token = "" } = challenge;
  const record: AuthorizationRecord = {
    directory: parts.authority.directory,
    account: parts.account.authority.url,
    ...given("profile", parts.settings.profile),
    name: authorization.name,
    type: how.type,
    ...given("balancer", how.balancer),
    order: carrier,
    authorization: authorization.url,
    challenge: challenge.url,
    token,
    keyAuthorization: token === "" ? "" : keyAuthorization(token, parts.account.thumbprint),
    state: stateOf(authorization, challenge),
    presented: false,
    ...given("expires", authorization.expires),
    createdAt: parts.clock.now(),
  };
  await parts.records.authorizations.put(recordId(record), record, call);
  return { record, challenge };
}

/** What we know of a name at the account. */
export async function findRecord(
  parts: ProofParts,
  name: DnsName,
  call: Call,
): Promise<AuthorizationRecord | undefined> {
  const id = authorizationId({
    directory: parts.authority.directory,
    account: parts.account.authority.url,
    ...given("profile", parts.settings.profile),
    name,
  });
  return (await parts.records.authorizations.get(id, call))?.value;
}

/** Writes the record's state; whether its answer is up is another's to write. */
export async function writeState(parts: FlowParts, record: AuthorizationRecord, call: Call): Promise<void> {
  const now = (await parts.records.authorizations.get(recordId(record), call))?.value;
  const presented = now?.token === record.token ? now.presented : record.presented;
  await parts.records.authorizations.put(recordId(record), { ...record, presented }, call);
}

/** The challenge of that type; of a valid authorization the CA may show only the one that was used (RFC 8555 §7.1.4). */
function usable({ challenges, status }: Authorization, type: ChallengeType): Challenge | undefined {
  const offered = challenges.find((it) => it.type === type && it.token !== undefined);
  return offered ?? (status === "valid" ? challenges[0] : undefined);
}

function stateOf(authorization: Authorization, challenge: Challenge): AuthorizationState {
  if (authorization.status === "valid") return "validated";
  return challenge.status === "processing" ? "requested" : "created";
}

/** Says which types the CA does offer, and the command for the best of those that can be answered here. */
function notOffered(parts: FlowParts, { name, challenges }: Authorization, { type, balancer }: How): SidecarError {
  const offered = challenges.map((it) => it.type);
  const types = [...new Set([...parts.settings.challenges, ...CHALLENGE_TYPES])];
  const best = possibleTypes(parts, name, { types, ...given("balancer", balancer) }).find((it) => offered.includes(it));
  const link = best !== undefined && CHALLENGES[best].automatic && balancer !== undefined
    ? `--lb-link ${balancer} `
    : "";
  const command = `run kontena certificate authorize --auth-type ${best} ${link}${name}`;
  return new SidecarError("CHALLENGE_NOT_OFFERED", `the CA did not offer any ${type} challenge`, {
    field: "challenge",
    todo: `${name} can be proven by ${offered.join(", ")}${best === undefined ? "" : `; ${command}`}`,
  });
}
