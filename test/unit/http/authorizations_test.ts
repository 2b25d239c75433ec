import { assertEquals, assertStringIncludes } from "@std/assert";
import type { AuthorizeRequest } from "../../../src/flow/service.ts";
import { parseDnsName } from "../../../src/model/dns_name.ts";
import type { AuthorizationRecord } from "../../../src/model/records.ts";
import { authorizationRecord, type TestApi, testApi } from "../../support/fake_service.ts";

// SHA-256 of "token123.thumbprint456": bd9ecf34…13565129 in hexadecimal
const CONTENT = "vZ7PNG2Zs61pgLmvfkOZmn4K1Be5pOwqauhdQBNWUSk";

const CHALLENGE = { token: "token123", uri: "https://ca.example/challenge/1", type: "dns-01" };
const RECORD = { record_name: "_acme-challenge", record_type: "TXT", record_content: CONTENT };
const EXPIRES = "2026-01-08T00:00:00.000+00:00";

function apiThatAuthorizes(
  change: Partial<AuthorizationRecord> = {},
): TestApi & { readonly asked: AuthorizeRequest[] } {
  const asked: AuthorizeRequest[] = [];
  const api = testApi({
    authorize: (request) => {
      asked.push(request);
      return Promise.resolve({ record: authorizationRecord(request.domain, { type: request.type, ...change }) });
    },
  });
  return { ...api, asked };
}

Deno.test("PUT domain authorization answers 200 in the documentation's shape, ours after it", async () => {
  const { ask, asked } = apiThatAuthorizes();
  const answer = await ask("PUT", "/v1/domain_authorizations/test/api.example.com", {
    domain: "api.example.com",
    authorization_type: "dns-01",
    lb_link: null,
  });
  assertEquals(answer.status, 200);
  assertEquals(answer.json, {
    domain: "api.example.com",
    challenge: CHALLENGE,
    authorization_type: "dns-01",
    challenge_opts: RECORD,
    status: "created",
    expires_at: EXPIRES,
  });
  assertEquals(asked, [{ domain: parseDnsName("api.example.com"), type: "dns-01" }]);
});

Deno.test("PUT domain authorization names the linked service as Kontena did", async () => {
  const { ask, asked } = apiThatAuthorizes({ balancer: "infra/lb" });
  const body = { authorization_type: "tls-alpn-01", lb_link: "infra/lb" };
  const { json } = await ask("PUT", "/v1/domain_authorizations/test/api.example.com", body);
  assertEquals(json, {
    domain: "api.example.com",
    challenge: { ...CHALLENGE, type: "tls-alpn-01" },
    authorization_type: "tls-alpn-01",
    challenge_opts: null,
    linked_service: "test/infra/lb",
    status: "created",
    expires_at: EXPIRES,
  });
  assertEquals(asked, [{ domain: parseDnsName("api.example.com"), type: "tls-alpn-01", balancer: "infra/lb" }]);
});

for (
  const [path, body, expected] of [
    ["%2A.example.com", {}, "*.example.com"],
    ["API.example.com", { domain: "api.example.com." }, "api.example.com"],
    ["b%C3%BCcher.example", { domain: "xn--bcher-kva.example" }, "xn--bcher-kva.example"],
  ] as const
) {
  Deno.test(`PUT domain authorization reads ${path} as ${expected}`, async () => {
    const { ask, asked } = apiThatAuthorizes();
    assertEquals((await ask("PUT", `/v1/domain_authorizations/test/${path}`, body)).status, 200);
    assertEquals(asked, [{ domain: parseDnsName(expected), type: "dns-01" }]);
  });
}

Deno.test("POST domain authorization answers 201 in the later shape", async () => {
  const { ask, asked } = apiThatAuthorizes({ balancer: "lb", state: "error", error: "Connection refused" });
  const answer = await ask("POST", "/v1/grids/test/domain_authorizations", {
    domain: "api.example.com",
    authorization_type: "http-01",
    linked_service: "null/lb",
  });
  assertEquals(answer.status, 201);
  assertEquals(answer.json, {
    id: "test/api.example.com",
    domain: "api.example.com",
    status: "error",
    challenge: { ...CHALLENGE, type: "http-01" },
    challenge_opts: { token: "token123", content: "token123.thumbprint456" },
    authorization_type: "http-01",
    expires_at: EXPIRES,
    linked_service: { id: "test/null/lb" },
    error: "Connection refused",
  });
  assertEquals(asked, [{ domain: parseDnsName("api.example.com"), type: "http-01", balancer: "lb" }]);
});

Deno.test("POST authorize, the oldest route, is dns-01 and answers the record", async () => {
  const { ask, asked } = apiThatAuthorizes();
  const answer = await ask("POST", "/v1/certificates/test/authorize", { domain: "api.example.com" });
  assertEquals([answer.status, answer.json], [201, RECORD]);
  assertEquals(asked, [{ domain: parseDnsName("api.example.com"), type: "dns-01" }]);
});

for (
  const [method, path, body, field, error] of [
    ["POST", "/v1/grids/test/domain_authorizations", {}, "domain", "Domain is required"],
    ["POST", "/v1/grids/test/domain_authorizations", { domain: null }, "domain", "Domain can't be nil"],
    ["POST", "/v1/grids/test/domain_authorizations", { domain: "" }, "domain", "Domain can't be blank"],
    [
      "POST",
      "/v1/grids/test/domain_authorizations",
      { domain: "a..b" },
      "domain",
      'Cannot use "a..b" as a domain name',
    ],
    ["POST", "/v1/certificates/test/authorize", {}, "domain", "Domain is required"],
    ["PUT", "/v1/domain_authorizations/test/a.example", { domain: "b.example" }, "domain", "Domain differs"],
    ["PUT", "/v1/domain_authorizations/test/a%20b", {}, "domain", 'Cannot use "a b" as a domain name'],
    [
      "PUT",
      "/v1/domain_authorizations/test/a.example",
      { authorization_type: "smtp-01" },
      "authorization_type",
      "Authorization Type isn't an option",
    ],
  ] as const
) {
  Deno.test(`${method} ${path} refuses ${JSON.stringify(body)}`, async () => {
    const answer = await testApi().ask(method, path, body);
    const { error: fields } = answer.json as { error: Record<string, string> };
    assertEquals([answer.status, Object.keys(fields)], [422, [field]]);
    assertStringIncludes(fields[field] ?? "", error);
  });
}

Deno.test("GET domain authorizations lists them in the shape of the path's generation", async () => {
  const { ask } = testApi({ authorizations: () => Promise.resolve([authorizationRecord()]) });
  const early = {
    domain: "api.example.com",
    challenge: CHALLENGE,
    authorization_type: "dns-01",
    challenge_opts: RECORD,
    status: "created",
    expires_at: EXPIRES,
  };
  const later = { id: "test/api.example.com", ...early };
  assertEquals((await ask("GET", "/v1/domain_authorizations/test")).json, { domain_authorizations: [early] });
  assertEquals((await ask("GET", "/v1/grids/test/domain_authorizations")).json, { domain_authorizations: [later] });
});

for (
  const [change, status] of [
    [{ state: "validated" }, "validated"],
    [{ state: "validated", expires: new Date("2026-01-01T00:00:00Z") }, "expired"],
    [{ state: "requested" }, "requested"],
  ] as const
) {
  Deno.test(`GET domain authorization says ${status}`, async () => {
    const { ask } = testApi({
      authorizations: () =>
        Promise.resolve([authorizationRecord("other.example"), authorizationRecord("*.a.b", change)]),
    });
    const { json } = await ask("GET", "/v1/domain_authorizations/test/%2A.A.b");
    const { id, status: found } = json as Record<string, string>;
    assertEquals([id, found], ["test/*.a.b", status]);
  });
}

Deno.test("GET domain authorization says in Kontena's words that there is none", async () => {
  const { ask } = testApi({ authorizations: () => Promise.resolve([]) });
  const answer = await ask("GET", "/v1/domain_authorizations/test/api.example.com");
  assertEquals([answer.status, answer.json], [404, { error: "Domain authorization not found)" }]);
});
