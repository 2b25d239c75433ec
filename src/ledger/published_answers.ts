import { SidecarError } from "../model/errors.ts";
import { isToken } from "../model/key_authorization.ts";
import type { Call, Ledger, PublishedAnswers } from "../ports.ts";
import { recordsOf } from "./records.ts";

/**
 * Publishes http-01 answers in the ledger. Only what is base64url (RFC 8555 §8.3) becomes a key: whoever asks for another
 * path finds nothing.
 */
export function publishedAnswers(ledger: Ledger): PublishedAnswers {
  const { answers } = recordsOf(ledger);
  return {
    async publish(token: string, keyAuthorization: string, call: Call): Promise<void> {
      if (!isToken(token)) {
        throw new SidecarError("CA_ANSWER", "Cannot publish a challenge token that is not base64url");
      }
      await answers.put(token, keyAuthorization, call);
    },
    async withdraw(token: string, call: Call): Promise<void> {
      if (isToken(token)) await answers.remove(token, call);
    },
    async find(token: string, call: Call): Promise<string | undefined> {
      return isToken(token) ? (await answers.get(token, call))?.value : undefined;
    },
  };
}
