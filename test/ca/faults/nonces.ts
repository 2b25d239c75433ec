import { refused, withHeaders } from "./change.ts";
import type { FaultKind } from "./kind.ts";

/** Trouble with replay protection (RFC 8555 §6.5). */
export const NONCE_FAULTS: Readonly<Record<string, FaultKind>> = {
  "bad-nonce": {
    about: "A good nonce is refused",
    at: ["newAccount", "newOrder", "order", "authorization", "challenge", "finalize", "certificate"],
    options: { nonce: "given (default): the refusal brings the next one; missing: it does not" },
    make: (options) => {
      const missing = options.word("nonce", "given", "missing") === "missing";
      return {
        before: (scene) => {
          const response = refused(scene, "badNonce", "JWS has an invalid anti-replay nonce");
          return missing ? withHeaders(response, { "replay-nonce": undefined }) : response;
        },
      };
    },
  },
  "no-nonce": {
    about: "The answer brings no nonce",
    at: ["any"],
    options: {},
    make: () => ({ leave: (response) => withHeaders(response, { "replay-nonce": undefined }) }),
  },
  "odd-nonce": {
    about: "The answer brings a nonce that is none",
    at: ["any"],
    options: { form: "padded (default), two, long: 10 KB, or spaces" },
    make: (options) => {
      const form = options.word("form", "padded", "two", "long", "spaces");
      const nonce = { padded: "YWJj=", two: "YWJj, ZGVm", long: "A".repeat(10_240), spaces: "a b c" }[form];
      return { leave: (response) => withHeaders(response, { "replay-nonce": nonce }) };
    },
  },
  "head-refused": {
    about: "Nonces are given by GET alone",
    at: ["newNonce"],
    options: {},
    make: () => ({
      arrive: (scene) =>
        scene.method === "HEAD" ? refused(scene, "malformed", "Method not allowed", { status: 405 }) : undefined,
    }),
  },
};
