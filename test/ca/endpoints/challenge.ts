import type { Answer } from "../answer.ts";
import { payloadObject, type Signed } from "../envelope.ts";
import type { Parts } from "../parts.ts";
import { Problem } from "../problem.ts";
import type { Authorization, Challenge } from "../state/types.ts";
import { beginValidation } from "../validate/validation.ts";
import { challengeBody, ownAuthorization } from "./authorization.ts";

/** Read, or told that the answer is in place: `{}` and nothing else (RFC 8555 §7.5.1). */
export function challenge(
  parts: Parts,
  signed: Signed,
  params: { readonly id: string; readonly challenge: string },
): Answer {
  const authorization = ownAuthorization(parts, signed, params.id);
  const found = authorization.challenges.find(({ id }) => id === params.challenge);
  if (found === undefined) throw new Problem("malformed", "No such challenge", { status: 404 });
  if (signed.payload !== "") begin(parts, signed, authorization, found);
  const current = parts.store.authorizations.get(authorization.id)?.challenges.find(({ id }) => id === found.id) ??
    found;
  return {
    body: challengeBody(parts, authorization, current),
    links: [["up", parts.urls.authorization(authorization.id)]],
    unfinished: current.state.status === "processing" ? "challenge" : undefined,
  };
}

function begin(parts: Parts, signed: Signed, authorization: Authorization, found: Challenge): void {
  const [field] = Object.keys(payloadObject(signed));
  if (field !== undefined) {
    throw new Problem("malformed", `Challenge response body was not a JSON object {}: it has "${field}"`);
  }
  // §8.2: asking again while it is being validated is allowed, and changes nothing here.
  if (found.state.status === "processing") return;
  const status = parts.store.authorizationStatus(authorization);
  if (status !== "pending") {
    throw new Problem(
      "malformed",
      `Cannot update challenge with status ${found.state.status}, its authorization is ${status}`,
    );
  }
  beginValidation(parts, authorization, found, signed.key.thumbprint);
}
