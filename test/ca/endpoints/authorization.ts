import type { Answer } from "../answer.ts";
import { accountOf, payloadObject, type Signed } from "../envelope.ts";
import { textField } from "../fields.ts";
import type { Parts } from "../parts.ts";
import { Problem } from "../problem.ts";
import type { Authorization, Challenge } from "../state/types.ts";
import { toRfc3339 } from "./order.ts";

/** Read (RFC 8555 §7.5) or deactivated (§7.5.2). */
export function authorization(parts: Parts, signed: Signed, { id }: { readonly id: string }): Answer {
  const found = ownAuthorization(parts, signed, id);
  return authorizationAnswer(parts, signed.payload === "" ? found : deactivated(parts, signed, found));
}

/** The authorization, if it is the account's. */
export function ownAuthorization({ store }: Parts, signed: Signed, id: string): Authorization {
  const found = store.authorizations.get(id);
  if (found === undefined) throw new Problem("malformed", "No such authorization", { status: 404 });
  if (found.account !== accountOf(signed).id) {
    throw new Problem("unauthorized", "Account ID doesn't match ID for authorization");
  }
  return found;
}

/** A challenge as it is shown (§7.1.5, §8). */
export function challengeBody(
  { urls }: Parts,
  authorization: Authorization,
  { id, type, token, state }: Challenge,
): unknown {
  return {
    type,
    url: urls.challenge(authorization.id, id),
    token,
    status: state.status,
    ...("validated" in state ? { validated: toRfc3339(state.validated) } : {}),
    ...("error" in state ? { error: state.error } : {}),
  };
}

function authorizationAnswer(parts: Parts, authorization: Authorization): Answer {
  const status = parts.store.authorizationStatus(authorization);
  const { name, wildcard, expires, challenges } = authorization;
  const decisive = challenges.filter(({ state }) => state.status === "valid" || state.status === "invalid");
  return {
    body: {
      status,
      expires: toRfc3339(expires),
      identifier: { type: "dns", value: name },
      // §7.1.4: true or not there.
      ...(wildcard ? { wildcard } : {}),
      // Once decided, only the challenge that decided is shown, as Boulder and Pebble do.
      challenges: (decisive.length > 0 ? decisive : challenges).map((it) => challengeBody(parts, authorization, it)),
    },
    unfinished: status === "pending" && challenges.some(({ state }) => state.status === "processing")
      ? "authorization"
      : undefined,
  };
}

function deactivated({ store }: Parts, signed: Signed, found: Authorization): Authorization {
  const status = textField(payloadObject(signed), "status");
  if (status !== "deactivated") throw new Problem("malformed", `Invalid status value "${status}"`);
  const now = store.authorizationStatus(found);
  if (now !== "pending" && now !== "valid") {
    throw new Problem("malformed", `Authorization is ${now} and cannot be deactivated`);
  }
  const authorization = { ...found, ended: "deactivated" } as const;
  store.put({ authorization });
  return authorization;
}
