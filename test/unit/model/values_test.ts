import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { attemptWait, attemptWaits, nonceWaits, pollWaits } from "../../../src/model/backoff.ts";
import { type Bundle, bundlePem, certificatePem, parseCertType } from "../../../src/model/certificate.ts";
import { checkChallengeFits, parseChallengeType } from "../../../src/model/challenge_type.ts";
import { parseDnsName } from "../../../src/model/dns_name.ts";
import { describe, InputError, SidecarError, withoutPem } from "../../../src/model/errors.ts";
import { keyAuthorization } from "../../../src/model/key_authorization.ts";
import { parseKeyType } from "../../../src/model/key_type.ts";
import { isProblem, problemName, readProblem } from "../../../src/model/problem.ts";
import { renewalTimes } from "../../../src/model/renewal.ts";
import { retryAfterMs } from "../../../src/model/retry_after.ts";
import {
  asideName,
  bundleBase,
  certificateSecrets,
  defaultSecretName,
  isSecretName,
  orderKeyName,
  parseSecretName,
} from "../../../src/model/secret_name.ts";

const NOW = new Date("2026-11-23T12:00:00Z");

for (
  const [header, date, expected, why] of [
    ["120", undefined, 120_000, "seconds"],
    ["0", undefined, 0, "no wait"],
    ["Mon, 23 Nov 2026 12:07:36 GMT", undefined, 456_000, "a date, by our clock"],
    ["Mon, 23 Nov 2026 12:07:36 GMT", "Mon, 23 Nov 2026 12:07:00 GMT", 36_000, "a date, by the answer's own"],
    ["Mon, 23 Nov 2026 11:00:00 GMT", undefined, 0, "a date that has passed"],
    ["999999999999", undefined, 30 * 86_400_000, "a very long time"],
    ["-5", undefined, undefined, "a negative number"],
    ["soon", undefined, undefined, "nonsense"],
    ["1.5", undefined, undefined, "a fraction"],
    [undefined, undefined, undefined, "no header at all"],
  ] as const
) {
  Deno.test(`retryAfterMs() reads ${why}`, () => {
    const headers = new Headers();
    if (header !== undefined) headers.set("retry-after", header);
    if (date !== undefined) headers.set("date", date);
    assertEquals(retryAfterMs(headers, NOW), expected);
  });
}

Deno.test("pollWaits() begins quickly and grows by half to a minute", () => {
  const waits = pollWaits();
  const first = Array.from({ length: 14 }, () => waits.next().value);
  assertEquals(first.slice(0, 5), [100, 400, 1_000, 1_500, 2_250]);
  assertEquals(first.at(-1), 60_000);
});

Deno.test("nonceWaits() allows 250 tries, the first 20 of them at once", () => {
  const waits = [...nonceWaits()];
  assertEquals(waits.length, 250);
  assertEquals(waits.filter((it) => it === 0).length, 20);
});

Deno.test("attemptWait() follows attemptWaits() and spreads by a tenth", () => {
  const waits = attemptWaits();
  const first = Array.from({ length: 9 }, () => waits.next().value / 60_000);
  assertEquals(first, [1, 5, 10, 30, 60, 120, 240, 360, 360]);
  assertEquals([attemptWait(1, 0), attemptWait(1, 0.5), attemptWait(2, 1)], [54_000, 60_000, 330_000]);
  assertEquals(attemptWait(1_000, 0.5), 360 * 60_000);
});

for (
  const [days, left, why] of [
    [90, 30, "a third of 90 days"],
    [45, 15, "a third of 45 days"],
    [6, 3, "half of six days"],
  ] as const
) {
  Deno.test(`renewalTimes() leaves ${why}`, () => {
    const notAfter = new Date(NOW.getTime() + days * 86_400_000);
    const { renewAt, emergencyAt } = renewalTimes({ notBefore: NOW, notAfter });
    assertEquals((notAfter.getTime() - renewAt.getTime()) / 86_400_000, left);
    assertEquals((notAfter.getTime() - emergencyAt.getTime()) / 86_400_000, days / 20);
  });
}

for (
  const [subject, expected] of [
    ["api.example.com", "LE_CERTIFICATE_api_example_com"],
    ["my-site.co.uk", "LE_CERTIFICATE_my-site_co_uk"],
    ["*.example.com", "LE_CERTIFICATE_STAR_example_com"],
  ] as const
) {
  Deno.test(`defaultSecretName(${subject}) is a name that the vault takes`, () => {
    assertEquals(defaultSecretName(parseDnsName(subject)) as string, expected);
    assertEquals(parseSecretName(expected) as string, expected);
  });
}

for (const input of ["", "-a", "a.b", "a/b", "a b", "ü", "*", "a\n", "x".repeat(201)]) {
  Deno.test(`parseSecretName() refuses ${JSON.stringify(input.slice(0, 20))}`, () => {
    assertEquals(assertThrows(() => parseSecretName(input, "name"), InputError).field, "name");
  });
}

Deno.test("parseSecretName() never quotes a PEM that was given for a name", () => {
  const error = assertThrows(() => parseSecretName("-----BEGIN PRIVATE KEY-----\nMIGHAgEA"), InputError);
  assert(!error.message.includes("MIGH"), error.message);
});

Deno.test("orderKeyName() is hidden from vault list", () => {
  assert(!isSecretName(orderKeyName("1")));
  assertEquals(certificateSecrets(parseSecretName("X")).bundle as string, "X_BUNDLE");
  const bases = [parseSecretName("X_BUNDLE"), parseSecretName("X_PRIVATE_KEY"), asideName(parseSecretName("X_BUNDLE"))];
  assertEquals(bases.map(bundleBase), [parseSecretName("X"), undefined, undefined]);
});

Deno.test("certificatePem() gives the part asked for, bundlePem() always all of it", () => {
  const bundle = { certificates: ["leaf\n", "intermediate\n"], keyPem: "key\n" } as unknown as Bundle;
  assertEquals(certificatePem(bundle, "fullchain"), "leaf\nintermediate\n");
  assertEquals(certificatePem(bundle, "chain"), "intermediate\n");
  assertEquals(certificatePem(bundle, "cert"), "leaf\n");
  assertEquals(bundlePem(bundle), "leaf\nintermediate\nkey\n");
});

for (
  const [parse, input, field] of [
    [parseCertType, "pem", "cert_type"],
    [parseCertType, "toString", "cert_type"],
    [parseChallengeType, "tls-sni-0", "authorization_type"],
    [parseKeyType, "rsa-1024", "key_type"],
  ] as const
) {
  Deno.test(`${parse.name}() refuses ${input} and lists what there is`, () => {
    const error = assertThrows(() => parse(input), InputError);
    assertEquals(error.field, field);
    assertStringIncludes(error.todo ?? "", "use ");
  });
}

Deno.test("checkChallengeFits() lets dns-01 alone prove a wildcard", () => {
  checkChallengeFits("dns-01", parseDnsName("*.example.com"));
  checkChallengeFits("http-01", parseDnsName("www.example.com"));
  for (const type of ["http-01", "tls-alpn-01"] as const) {
    assertThrows(
      () => checkChallengeFits(type, parseDnsName("*.example.com")),
      InputError,
      "cannot prove the wildcard",
    );
  }
});

Deno.test("keyAuthorization() joins token and thumbprint (RFC 8555 section 8.1)", () => {
  const token = "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0";
  assertEquals(keyAuthorization(token, "9jg46WB3rR_AHD"), `${token}.9jg46WB3rR_AHD`);
  for (const bad of ["../../etc/passwd", "short", `${token}=`, "a".repeat(300)]) {
    assertThrows(() => keyAuthorization(bad, "x"), SidecarError, "not base64url");
  }
});

Deno.test("readProblem() keeps type, detail and one subproblem a name", () => {
  const problem = readProblem({
    type: "urn:ietf:params:acme:error:malformed",
    detail: "Some of the identifiers requested were rejected",
    status: 400,
    subproblems: [{
      type: "urn:ietf:params:acme:error:caa",
      detail: "no",
      identifier: { type: "dns", value: "a.example" },
    }],
  });
  assert(isProblem(problem, "badNonce", "malformed"));
  assertEquals(problemName(problem), "malformed");
  assertEquals(problem.subproblems.map((it) => [it.identifier, problemName(it)]), [["a.example", "caa"]]);
});

for (const json of [null, 3, "x", [], {}, { type: 3, detail: null, subproblems: "x" }, { subproblems: [null, 1] }]) {
  Deno.test(`readProblem() makes an error of ${JSON.stringify(json)} all the same`, () => {
    assertEquals(readProblem(json).type, "about:blank");
  });
}

Deno.test("describe() says message, causes and what to do, in one line", () => {
  const cause = new Error("fetch failed", { cause: new Error("connection refused") });
  const error = new SidecarError("CA_TRANSPORT", "Cannot reach ca.example", {
    cause,
    todo: "look at ACME_DIRECTORY_URL",
  });
  assertEquals(
    describe(error),
    "Cannot reach ca.example: fetch failed: connection refused (look at ACME_DIRECTORY_URL)",
  );
  assertEquals(describe("text"), "text");
});

Deno.test("withoutPem() cuts a text off where a key begins", () => {
  assertEquals(withoutPem("bad -----BEGIN PRIVATE KEY-----\nMIGH"), "bad [PEM]");
});
