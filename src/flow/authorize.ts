import { CHALLENGES, checkChallengeFits } from "../model/challenge_type.ts";
import type { AuthorizationRecord } from "../model/records.ts";
import type { Call } from "../ports.ts";
import { given } from "../model/shape.ts";
import { isOpen } from "./answers.ts";
import { placeOrder } from "./orders.ts";
import { findRecord, type How, recordAuthorization } from "./authorization_record.ts";
import { type ProofParts, txtRecord } from "./proof.ts";
import type { Authorized, AuthorizeRequest } from "./service.ts";

/**
 * Makes a domain authorization: what the CA wants to see is known, recorded and, where no person is needed, up and seen. The
 * CA is not told to look; that is `get`'s to do.
 *
 * ACME v2 makes authorizations only inside orders (RFC 8555 §7.4), so an order for the one name carries it.
 */
export async function authorize(parts: ProofParts, request: AuthorizeRequest, call: Call): Promise<Authorized> {
  checkChallengeFits(request.type, request.domain);
  const record = await reusable(parts, request, call) ?? await carried(parts, request, call);
  if (isOpen(record, parts.clock.now()) && CHALLENGES[record.type].automatic) {
    await parts.answers.present(record, call);
    await parts.answers.settled(record, call);
  }
  return { record, ...given("txt", await txtRecord(parts, record)) };
}

/** The authorization that there is: still to be answered, or valid at the CA. */
async function reusable(
  parts: ProofParts,
  request: AuthorizeRequest,
  call: Call,
): Promise<AuthorizationRecord | undefined> {
  const known = await findRecord(parts, request.domain, call);
  if (known === undefined) return undefined;
  const same = known.type === request.type && known.balancer === request.balancer;
  if (isOpen(known, parts.clock.now()) && same) return known;
  if (known.state === "error" || (known.expires !== undefined && known.expires <= parts.clock.now())) return undefined;
  const authorization = await parts.account.authority.authorization(known.authorization, call).catch(() => undefined);
  if (authorization?.status !== "valid" && authorization?.status !== "pending") return undefined;
  if (!same && known.presented) await parts.answers.withdraw(known);
  return (await recordAuthorization(parts, known.order, authorization, how(request), call)).record;
}

async function carried(parts: ProofParts, request: AuthorizeRequest, call: Call): Promise<AuthorizationRecord> {
  const { type, domain: name, balancer } = request;
  const obstacle = parts.solvers.get(type)?.obstacle?.({ name, ...given("balancer", balancer) });
  if (obstacle !== undefined) throw obstacle; // before the CA hears of the name
  const { authority } = parts.account;
  const { order } = await placeOrder(parts, authority, { names: [request.domain] }, call);
  const [url] = order.authorizations;
  if (url === undefined) throw new SyntaxError(`Cannot read order ${order.url}: it has no authorization`);
  const authorization = await authority.authorization(url, call);
  return (await recordAuthorization(parts, order.url, authorization, how(request), call)).record;
}

function how({ type, balancer }: AuthorizeRequest): How {
  return { type, ...given("balancer", balancer) };
}
