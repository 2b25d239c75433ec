import { assertEquals } from "@std/assert";
import { failureOf, notFound } from "../../../plugin/http/errors.ts";
import { AcmeProblemError, InputError, OrderParkedError, SidecarError } from "../../../src/model/errors.ts";

const NOW = new Date("2026-01-01T00:00:00Z");

Deno.test("failureOf() reports a wrong argument under its field, with what to do", () => {
  const failure = failureOf(new InputError("domain", 'Cannot use "a"', "write it like www.example.com"), NOW);
  assertEquals(failure, {
    status: 422,
    body: { error: { domain: 'Cannot use "a" (write it like www.example.com)' }, code: "INPUT" },
    headers: {},
  });
});

for (
  const [code, status] of [
    ["NOT_FOUND", 404],
    ["VAULT_UNAVAILABLE", 503],
    ["VAULT_KEY", 503],
  ] as const
) {
  Deno.test(`failureOf() answers ${code} with ${status} and a plain text`, () => {
    const failure = failureOf(new SidecarError(code, "It is away", { cause: new Error("disk full") }), NOW);
    assertEquals([failure.status, failure.body], [status, { error: "It is away: disk full", code }]);
  });
}

Deno.test("failureOf() says when to try again", () => {
  const retryAt = new Date("2026-01-01T01:00:00.500Z");
  const failure = failureOf(new SidecarError("CA_TRANSPORT", "The CA is away", { retryAt }), NOW);
  assertEquals(failure.status, 422);
  assertEquals(failure.headers, { "retry-after": "3601" });
  assertEquals(failure.body["retry_at"], "2026-01-01T01:00:00.500Z");
});

Deno.test("failureOf() never sends a caller back in time", () => {
  const retryAt = new Date("2025-12-31T00:00:00Z");
  assertEquals(failureOf(new SidecarError("CA_TRANSPORT", "x", { retryAt }), NOW).headers, { "retry-after": "0" });
});

Deno.test("failureOf() lists the records that an order waits for", () => {
  const error = new OrderParkedError([{ domain: "a.example", name: "_acme-challenge.a.example", content: "abc" }]);
  assertEquals(failureOf(error, NOW).body, {
    error: {
      dns_record: "Expected DNS record not present for domain a.example (set the records shown and repeat the command)",
    },
    code: "ORDER_PARKED",
    records: [{
      domain: "a.example",
      record_name: "_acme-challenge.a.example",
      record_type: "TXT",
      record_content: "abc",
    }],
  });
});

Deno.test("failureOf() keeps the CA's own words, and those about each name", () => {
  const problem = {
    type: "urn:ietf:params:acme:error:rejectedIdentifier",
    detail: "The server will not issue for the identifier",
    subproblems: [{ type: "about:blank", identifier: "a.example", detail: "blocked", subproblems: [] }],
  };
  assertEquals(failureOf(new AcmeProblemError(problem), NOW).body, {
    error: { acme_client: "The server will not issue for the identifier; a.example: blocked" },
    code: "CA_PROBLEM",
    problem,
  });
});

Deno.test("failureOf() cuts a PEM text off", () => {
  const error = new InputError("name", "Cannot use \n-----BEGIN RSA PRIVATE KEY-----\nMIIE", "x");
  assertEquals(failureOf(error, NOW).body["error"], { name: "Cannot use \n[PEM]" });
});

for (const error of [new TypeError("secret"), "text", undefined, new DOMException("gone", "AbortError")]) {
  Deno.test(`failureOf() says nothing about ${String(error)}`, () => {
    assertEquals(failureOf(error, NOW), { status: 500, body: { message: "Internal server error" }, headers: {} });
  });
}

Deno.test("notFound() is Kontena's 404", () => {
  assertEquals(failureOf(notFound(), NOW), { status: 404, body: { error: "Not found" }, headers: {} });
});
