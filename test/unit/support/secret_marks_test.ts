import { assertEquals } from "@std/assert";
import { generateKeyPairSync } from "node:crypto";
import { leaks, LEAST_RUN, secretKey, secretText } from "../../support/secret_marks.ts";

/** Keys, and which of the runs in them are tried: an RSA key has many. */
const KEYS = {
  ec: { key: generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey, every: 1 },
  rsa: { key: generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey, every: 23 },
};

function seen(pem: string, text: string): readonly string[] {
  return leaks(secretKey("key", pem), new Map([["log", `before ${text} after`]]));
}

for (const [kind, { key, every }] of Object.entries(KEYS)) {
  const pem = String(key.export({ type: "pkcs8", format: "pem" }));
  const numbers = secretKey("key", pem).map((it) => it.bytes);

  Deno.test(`leaks() finds an ${kind} key as PEM, as JWK, as one line of a log, in a URL, and nothing in its public half`, () => {
    const jwk = JSON.stringify(key.export({ format: "jwk" }));
    for (const text of [pem, jwk, JSON.stringify(pem), encodeURIComponent(pem), pem.replaceAll("\n", " | ")]) {
      assertEquals(seen(pem, text), ["key as base64 in log"], text.slice(0, 30));
    }
    const { d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...rest } = key.export({ format: "jwk" });
    assertEquals(seen(pem, JSON.stringify(rest)), []);
  });

  Deno.test(`leaks() finds runs of ${LEAST_RUN} bytes of an ${kind} key, in hexadecimal and in base64 wherever it begins`, () => {
    for (const bytes of numbers) {
      for (let at = 0; at + LEAST_RUN <= bytes.length; at += every) {
        const run = bytes.slice(at, at + LEAST_RUN);
        const colons = run.toHex().toUpperCase().match(/../g)!.join(":");
        assertEquals(seen(pem, run.toHex()), ["key as hexadecimal in log"]);
        assertEquals(seen(pem, colons), ["key as hexadecimal in log"]);
        for (const before of [0, 1, 2]) {
          const text = new Uint8Array([...new Uint8Array(before), ...run]);
          assertEquals(seen(pem, text.toBase64()), ["key as base64 in log"]);
          assertEquals(seen(pem, text.toBase64({ alphabet: "base64url" })), ["key as base64 in log"]);
        }
      }
    }
  });
}

Deno.test("leaks() finds a token as it stands and in an authorization header, and says where", () => {
  const token = "a-token-of-a-person-0123456789";
  const shown = new Map([["log", `Bearer ${token}`], ["metrics", "nothing"], ["ready", btoa(`user:${token}`)]]);
  assertEquals(leaks([secretText("token", token)], shown), ["token as text in log", "token as base64 in ready"]);
});
