import { assert, assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { isRepeatable, refusal } from "../../../src/acme/refusal.ts";
import type { Answer } from "../../../src/acme/transport.ts";
import { AcmeProblemError, RateLimitedError } from "../../../src/model/errors.ts";

const at = new Date("2026-11-23T12:00:00Z");

function answer(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const type = { "content-type": "application/problem+json" };
  return { url: new URL("https://ca.example/x"), status, headers: new Headers({ ...type, ...headers }), text, at };
}

// RFC 8555 §6.7.1, its example.
const SUBPROBLEMS = {
  type: "urn:ietf:params:acme:error:malformed",
  detail: "Some of the identifiers requested were rejected",
  subproblems: [
    {
      type: "urn:ietf:params:acme:error:malformed",
      detail: 'Invalid underscore in DNS name "_example.org"',
      identifier: { type: "dns", value: "_example.org" },
    },
    {
      type: "urn:ietf:params:acme:error:rejectedIdentifier",
      detail: 'This CA will not issue for "example.net"',
      identifier: { type: "dns", value: "example.net" },
    },
  ],
};

Deno.test("refusal() keeps the CA's own words and each name's", () => {
  const error = refusal(answer(403, SUBPROBLEMS), "create the order");
  assertInstanceOf(error, AcmeProblemError);
  assertEquals(error.message, SUBPROBLEMS.detail);
  assertEquals(error.code, "CA_PROBLEM");
  assertEquals(error.field, "acme_client");
  assertEquals(error.problem.subproblems.map((it) => it.identifier), ["_example.org", "example.net"]);
});

for (
  const [retryAfter, date, expected, why] of [
    ["3600", undefined, "2026-11-23T13:00:00.000Z", "seconds"],
    ["Mon, 23 Nov 2026 13:00:00 GMT", undefined, "2026-11-23T13:00:00.000Z", "a date"],
    ["Mon, 23 Nov 2026 03:10:00 GMT", "Mon, 23 Nov 2026 03:00:00 GMT", "2026-11-23T12:10:00.000Z", "the CA's clock"],
    ["Mon, 23 Nov 2020 12:00:00 GMT", undefined, "2026-11-23T12:00:00.000Z", "a date gone by"],
    ["999999999999", undefined, "2026-12-23T12:00:00.000Z", "far too long"],
    ["-5", undefined, undefined, "a negative number"],
    ["soon", undefined, undefined, "nonsense"],
  ] as const
) {
  const headers: Record<string, string> = { "retry-after": retryAfter, ...(date === undefined ? {} : { date }) };
  Deno.test(`refusal() says when to try again: ${why}`, () => {
    const limited = { type: "urn:ietf:params:acme:error:rateLimited", detail: "too many" };
    const problem = refusal(answer(429, limited, headers), "create the order");
    assertEquals(problem.retryAt?.toISOString(), expected);
    assertStringIncludes(problem.todo ?? "", expected ?? "");
    const page = refusal(answer(429, "<html>", { "content-type": "text/html", ...headers }), "create the order");
    assertEquals(page.retryAt?.toISOString(), expected);
  });
}

for (
  const [type, rest, headers, part] of [
    ["rateLimited", {}, { link: '<https://ca.example/limits>;rel="help"' }, "see https://ca.example/limits"],
    [
      "userActionRequired",
      { instance: "https://ca.example/act" },
      {},
      "a person has to act at the CA; see https://ca.ex",
    ],
    ["userActionRequired", {}, { link: "</terms/2>;rel=terms-of-service" }, "see https://ca.example/terms/2"],
    ["externalAccountRequired", {}, {}, "ACME_EAB_KID and ACME_EAB_HMAC_KEY"],
    ["accountDoesNotExist", {}, {}, "register"],
  ] as const
) {
  Deno.test(`refusal() tells what to do about ${type}: ${part}`, () => {
    const body = { type: `urn:ietf:params:acme:error:${type}`, detail: "no", ...rest };
    assertStringIncludes(refusal(answer(403, body, headers as Record<string, string>), "x").todo ?? "", part);
  });
}

Deno.test("refusal() shows no address that a browser should not open", () => {
  const body = { type: "urn:ietf:params:acme:error:userActionRequired", instance: "javascript:alert(1)" };
  const { todo } = refusal(answer(403, body, { link: '<file:///etc/passwd>;rel="help"' }), "x");
  assertEquals(todo, "a person has to act at the CA");
});

for (
  const [status, headers, body, part] of [
    [502, { "content-type": "text/html" }, "", "Cannot create the order: ca.example answered 502 with text/html"],
    [500, { "content-type": "application/problem+json" }, "{", "answered 500"],
    [400, { "content-type": "application/json" }, "{}", "answered 400"],
  ] as const
) {
  Deno.test(`refusal() names ${status} where nobody says why: ${headers["content-type"]} ${body}`, () => {
    const error = refusal(answer(status, body, headers), "create the order");
    assertEquals(error.code, "CA_TRANSPORT");
    assertStringIncludes(error.message, part);
  });
}

Deno.test("refusal() takes 429 with a web page for a limit (F-08)", () => {
  const error = refusal(answer(429, "", { "content-type": "text/html" }), "create the order");
  assertInstanceOf(error, RateLimitedError);
  assertEquals([error.code, error.status, error.field], ["RATE_LIMITED", 429, "acme_client"]);
});

for (const status of [301, 302, 303, 307, 308]) {
  Deno.test(`refusal() says that ${status} is not followed`, () => {
    const headers = { "content-type": "text/html", location: "/elsewhere" };
    const error = refusal(answer(status, "", headers), "create the order");
    assertEquals(error.code, "CA_ANSWER");
    assertStringIncludes(error.message, "https://ca.example/elsewhere, which is not followed");
    assert(!isRepeatable(error));
  });
}

for (
  const [status, headers, expected] of [
    [500, {}, true],
    [503, {}, true],
    [503, { "retry-after": "120" }, false],
    [429, {}, false],
    [404, {}, false],
  ] as const
) {
  Deno.test(`isRepeatable() is ${expected} for ${status} ${JSON.stringify(headers)}`, () => {
    const page = answer(status, "", { "content-type": "text/html", ...headers as Record<string, string> });
    const document = answer(status, { type: "x", detail: "x", status }, headers as Record<string, string>);
    assertEquals(isRepeatable(refusal(page, "x")), expected);
    assertEquals(isRepeatable(refusal(document, "x")), expected);
  });
}
