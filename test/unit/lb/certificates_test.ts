import { assertEquals } from "@std/assert";
import { splitCertificates } from "../../lb/certificates.ts";
import { answer } from "../../lb/challenges.ts";
import { challengesOf, sslOn } from "../../lb/environment.ts";

const CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----";
const KEY = "-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----";

for (
  const [why, text, pieces] of [
    ["nothing", "", []],
    ["one bundle", `${CERTIFICATE}\n${KEY}\n`, [`${CERTIFICATE}\n${KEY}`]],
    ["two, back to back", `${CERTIFICATE}\n${KEY}\n\n${KEY}`, [`${CERTIFICATE}\n${KEY}`, KEY]],
    ["a certificate after the last key, which is lost", `${KEY}\n${CERTIFICATE}\n`, [KEY]],
  ] as const
) {
  Deno.test(`splitCertificates() reads ${why}`, () => {
    assertEquals(splitCertificates(text), pieces);
  });
}

for (
  const [name, on] of [
    ["SSL_CERTS", true],
    ["SSL_CERT_www.example.com", true],
    ["SSL_CERT_FILE", true],
    ["SSL_CERT", false],
    ["MY_SSL_CERTS", false],
  ] as const
) {
  Deno.test(`sslOn() is ${on} with an empty ${name}`, () => {
    assertEquals(sslOn({ [name]: "" }), on);
  });
}

Deno.test("answer() gives what the environment has for a token, as it is, and says what it has not", async () => {
  const challenges = challengesOf({ "ACME_CHALLENGE_a-b_C": "a-b_C.thumb\n", "ACME": "x" });
  const base = "/.well-known/acme-challenge";
  for (
    const [path, status, body] of [
      [`${base}/a-b_C`, 200, "a-b_C.thumb\n"],
      [`${base}/other`, 404, "No key authorization for challenge: other\n"],
      [`${base}/`, 404, "Not Found\n"],
      [`${base}/a-b_C/more`, 404, "Not Found\n"],
      ["/a-b_C", 404, "Not Found\n"],
    ] as const
  ) {
    const response = answer(challenges, path);
    assertEquals([response.status, await response.text(), response.headers.get("content-type")], [
      status,
      body,
      "text/plain",
    ], path);
  }
});
