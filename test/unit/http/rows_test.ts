/**
 * The API as the original's clients of all generations call it: one row a route, its status and its keys in their order.
 */
import { assert, assertEquals } from "@std/assert";
import * as v from "valibot";
import { routesOf } from "../../../plugin/http/api.ts";
import type { CertificateService } from "../../../src/flow/service.ts";
import { parseDnsName } from "../../../src/model/dns_name.ts";
import { InUseError } from "../../../src/model/errors.ts";
import { parseSecretName } from "../../../src/model/secret_name.ts";
import { CALL } from "../../support/fakes.ts";
import { apiOptions, authorizationRecord, heldCertificate, SERVED, testApi } from "../../support/fake_service.ts";

const SERVICE: Partial<CertificateService> = {
  registration: () =>
    Promise.resolve({
      directory: new URL("https://ca.example/directory"),
      info: { caaIdentities: [], externalAccountRequired: false, profiles: {} },
    }),
  register: () => Promise.resolve(undefined as never),
  authorize: ({ domain, type }) => Promise.resolve({ record: authorizationRecord(domain, { type, balancer: "lb" }) }),
  authorizations: () => Promise.resolve([authorizationRecord("api.example.com", { balancer: "infra/lb" })]),
  get: ({ domains, secretName }) => Promise.resolve(heldCertificate(domains, [SERVED], secretName)),
  request: ({ domains }) => Promise.resolve(heldCertificate(domains, [SERVED])),
  certificates: () => Promise.resolve([heldCertificate()]),
  certificate: (subject) => Promise.resolve(subject === "example.com" ? heldCertificate() : undefined),
  exportCertificate: (subject) =>
    Promise.resolve({ subject: parseDnsName(subject), certificate: "C", chain: "", privateKey: "K" }),
  importCertificate: () => Promise.resolve(heldCertificate(undefined, [SERVED])),
  removeCertificate: (subject, { force }) =>
    subject === "used.example.com" && !force
      ? Promise.reject(new InUseError(["infra/lb", "edge"]))
      : Promise.resolve(subject !== "none.example.com"),
  acceptCertificate: (subject) => Promise.resolve(subject === "example.com" ? heldCertificate() : undefined),
  revokeCertificate: (subject) => Promise.resolve(subject === "example.com" ? heldCertificate() : undefined),
  removeAuthorization: (domain) => Promise.resolve(domain === "api.example.com"),
};

const OURS = "not_before issuer serial fingerprint key_type origin secrets load_balancers";
const CERTIFICATE = `id subject valid_until alt_names auto_renewable ${OURS}`;
const STORED = "id created_at updated_at domain valid_until alt_names certificate_type private_key_secret " +
  `certificate_secret certificate_bundle_secret ${OURS}`;
const AUTHORIZATION = "id domain status challenge challenge_opts authorization_type expires_at linked_service";
const EARLY = "domain challenge authorization_type challenge_opts linked_service status expires_at";
const SECRET = "id name created_at updated_at services";

const BALANCER = "id name kind state version pid challenges certificates";

const DOMAIN = { domain: "api.example.com" };
const DNS = { ...DOMAIN, authorization_type: "dns-01", lb_link: null };
const HTTP = { ...DOMAIN, authorization_type: "http-01", linked_service: "null/lb" };
const TWO = { domains: ["example.com", "www.example.com"] };
const NAMED = { ...TWO, secret_name: "SSL_CERT_LE_TEST" };
const FILES = { certificate: "C", private_key: "K", chain: ["B", "A"] };

/** The keys of an answer; of a list, behind its name, those of its first item; or the whole of a short one. */
type Expected = string | Readonly<Record<string, string>> | { readonly exactly: unknown };

for (
  const [method, path, body, status, expected] of [
    ["POST", "/v1/certificates/test/register", { email: "you@example.com" }, 201, ""],
    ["POST", "/v1/certificates/test/authorize", DOMAIN, 201, "record_name record_type record_content"],
    ["POST", "/v1/certificates/test/certificate", NAMED, 201, {
      exactly: ["SSL_CERT_LE_TEST_PRIVATE_KEY", "SSL_CERT_LE_TEST_CERTIFICATE", "SSL_CERT_LE_TEST_BUNDLE"],
    }],
    ["POST", "/v1/certificates/test/certificate", { ...NAMED, cert_type: "cert" }, 201, {
      exactly: ["SSL_CERT_LE_TEST_PRIVATE_KEY", "SSL_CERT_LE_TEST_CERTIFICATE", "SSL_CERT_LE_TEST_BUNDLE"],
    }],
    ["GET", "/v1/domain_authorizations/test", undefined, 200, { domain_authorizations: EARLY }],
    ["PUT", "/v1/domain_authorizations/test/api.example.com", DNS, 200, EARLY],
    ["GET", "/v1/domain_authorizations/test/api.example.com", undefined, 200, AUTHORIZATION],
    ["DELETE", "/v1/domain_authorizations/test/api.example.com", undefined, 200, ""],
    ["GET", "/v1/grids/test/domain_authorizations", undefined, 200, { domain_authorizations: AUTHORIZATION }],
    ["POST", "/v1/grids/test/domain_authorizations", HTTP, 201, AUTHORIZATION],
    ["POST", "/v1/grids/test/domain_authorizations", DOMAIN, 201, AUTHORIZATION],
    ["POST", "/v1/grids/test/certificates", { ...NAMED, cert_type: "fullchain" }, 201, STORED],
    ["POST", "/v1/grids/test/certificates", TWO, 201, CERTIFICATE],
    ["GET", "/v1/grids/test/certificates", undefined, 200, { certificates: CERTIFICATE }],
    ["GET", "/v1/certificates/test/example.com", undefined, 200, CERTIFICATE],
    ["GET", "/v1/certificates/test/example.com/export", undefined, 200, "id subject certificate chain private_key"],
    ["PUT", "/v1/certificates/test/example.com", FILES, 201, CERTIFICATE],
    ["DELETE", "/v1/certificates/test/example.com", undefined, 200, ""],
    ["DELETE", "/v1/certificates/test/used.example.com?force=true", undefined, 200, ""],
    ["PUT", "/v1/certificates/test/example.com", { ...FILES, force: true }, 201, CERTIFICATE],
    ["POST", "/v1/certificates/test/example.com/accept", {}, 200, CERTIFICATE],
    ["POST", "/v1/certificates/test/example.com/revoke", { reason: "superseded" }, 200, CERTIFICATE],
    ["GET", "/v1/certificates/test/register", undefined, 200, {
      exactly: {
        directory: "https://ca.example/directory",
        terms_of_service: null,
        external_account_required: false,
        registered: false,
      },
    }],
    ["GET", "/v1/grids/test/load_balancers", undefined, 200, { load_balancers: BALANCER }],
    ["GET", "/v1/load_balancers/test/infra%2Flb", undefined, 200, BALANCER],
    ["GET", "/v1/load_balancers/test/null%2Fedge", undefined, 200, {
      exactly: {
        id: "test/null/edge",
        name: "edge",
        kind: "kontena",
        state: "away",
        reason: "etcd does not answer",
        todo: "check that etcd runs",
        challenges: ["http-01"],
        certificates: [],
      },
    }],
    ["GET", "/v1/load_balancers/test/infra%2Flb/config", undefined, 200, {
      exactly: { id: "test/infra/lb", name: "infra/lb", config: "# infra/lb\n" },
    }],
    ["POST", "/v1/load_balancers/test/infra%2Flb/check", undefined, 200, "id name ok parts"],
    ["POST", "/v1/load_balancers/test/edge/check", undefined, 200, {
      exactly: {
        id: "test/null/edge",
        name: "edge",
        ok: false,
        parts: [
          { part: "runtime socket", state: "ok", found: "HAProxy answers" },
          { part: "TLS", state: "missing", found: "no answer", todo: "mend it" },
          { part: "http-01 route", state: "untried", found: "http= is not set", todo: "set it" },
        ],
      },
    }],
    ["GET", "/v1/grids/test/secrets", undefined, 200, { secrets: SECRET }],
    ["POST", "/v1/grids/test/secrets", { name: "NEW", value: "x" }, 201, SECRET],
    ["GET", "/v1/secrets/test/OLD", undefined, 200, `${SECRET} value`],
    ["PUT", "/v1/secrets/test/OLD", { name: "OLD", value: "x" }, 200, SECRET],
    ["PUT", "/v1/secrets/test/NEW", { name: "NEW", value: "x", upsert: true }, 201, SECRET],
    ["PUT", "/v1/grids/test/secrets/OLD", { name: "OLD", value: "x" }, 200, SECRET],
    ["DELETE", "/v1/secrets/test/OLD", undefined, 200, ""],
    ["GET", "/ready", undefined, 200, "ready missing"],
  ] as const satisfies readonly (readonly [string, string, unknown, number, Expected])[]
) {
  Deno.test(`${method} ${path} ${JSON.stringify(body) ?? ""} answers ${status}`, async () => {
    const { ask, vault } = testApi(SERVICE);
    await vault.write([{ name: parseSecretName("OLD"), value: "s3cret" }], CALL);
    const answer = await ask(method, path, body);
    assertEquals(answer.status, status, answer.text);
    checkKeys(answer.json, expected);
    checkSchema(method, path, status, answer.json);
  });
}

function checkKeys(json: unknown, expected: Expected): void {
  if (typeof expected === "string") return assertEquals(keysOf(json), expected);
  if ("exactly" in expected) return assertEquals(json, expected.exactly);
  for (const [name, keys] of Object.entries(expected)) {
    assertEquals(Object.keys(json as object), [name]);
    const [item] = (json as Record<string, readonly unknown[]>)[name] ?? [];
    assertEquals(keysOf(item), keys);
  }
}

function keysOf(json: unknown): string {
  return Object.keys(json as object).join(" ");
}

/** What the document says of the answer is true. */
function checkSchema(method: string, path: string, status: number, json: unknown): void {
  const parts = path.replace(/\?.*/, "").split("/");
  const fits = (pattern: string): boolean => {
    const wanted = pattern.split("/");
    return wanted.length === parts.length && wanted.every((part, i) => part.startsWith(":") || part === parts[i]);
  };
  const route = routesOf(apiOptions()).find((it) => it.method === method.toLowerCase() && fits(it.path));
  const schema = route?.answers[status]?.schema;
  assert(schema !== undefined, `${method} ${path} has no schema for ${status}`);
  const result = v.safeParse(schema, json);
  assert(result.success, JSON.stringify(result.issues?.map((issue) => [v.getDotPath(issue), issue.message])));
}

for (
  const [method, path, body, status, json] of [
    ["GET", "/v1/domain_authorizations/test/b.example.com", undefined, 404, {
      error: "Domain authorization not found)",
    }],
    ["DELETE", "/v1/domain_authorizations/test/b.example.com", undefined, 404, {
      error: "Domain authorization not found)",
    }],
    ["GET", "/v1/certificates/test/none.example.com", undefined, 404, { error: "Not found" }],
    ["DELETE", "/v1/certificates/test/none.example.com", undefined, 404, { error: "Not found" }],
    ["POST", "/v1/certificates/test/none.example.com/accept", {}, 404, { error: "Not found" }],
    ["POST", "/v1/certificates/test/none.example.com/revoke", {}, 404, { error: "Not found" }],
    ["DELETE", "/v1/certificates/test/used.example.com", undefined, 422, {
      error: { certificate: "Certificate still in use in services: test/infra/lb,test/null/edge" },
      code: "CONFLICT",
    }],
    ["DELETE", "/v1/certificates/test/used.example.com?force=false", undefined, 422, {
      error: { certificate: "Certificate still in use in services: test/infra/lb,test/null/edge" },
      code: "CONFLICT",
    }],
    ["PUT", "/v1/certificates/test/example.com", {}, 422, {
      error: { certificate: "Certificate is required" },
      code: "INPUT",
    }],
    ["PUT", "/v1/certificates/test/example.com", { certificate: null, private_key: "" }, 422, {
      error: { certificate: "Certificate can't be nil", private_key: "Private Key can't be blank" },
      code: "INPUT",
    }],
    ["PUT", "/v1/certificates/test/example.com", { certificate: "C", private_key: "K", chain: "A" }, 422, {
      error: { chain: "Chain isn't an array" },
      code: "INPUT",
    }],
    ["PUT", "/v1/certificates/test/example.com", "{", 400, { error: "Invalid json" }],
    ["POST", "/v1/certificates/test/example.com/revoke", { reason: "boredom" }, 422, {
      error: {
        reason: `Reason isn't an option: "boredom" (use unspecified, keyCompromise, superseded, cessationOfOperation)`,
      },
      code: "INPUT",
    }],
    ["PUT", "/v1/secrets/test/NEW", { name: "NEW", value: "x" }, 404, undefined],
    ["GET", "/v1/load_balancers/test/none", undefined, 404, { error: "Not found" }],
    ["GET", "/v1/load_balancers/test/infra%2Fnone/config", undefined, 404, { error: "Not found" }],
    ["POST", "/v1/load_balancers/test/none/check", undefined, 404, { error: "Not found" }],
    ["GET", "/v1/load_balancers/other/edge", undefined, 404, { error: "Not found" }],
    ["DELETE", "/v1/certificates/other/example.com", undefined, 404, { error: "Not found" }],
  ] as const
) {
  Deno.test(`${method} ${path} ${JSON.stringify(body) ?? ""} is refused with ${status}`, async () => {
    const answer = await testApi(SERVICE).ask(method, path, body);
    assertEquals([answer.status, answer.json], [status, json]);
  });
}

for (
  const [body, expected] of [
    [FILES, { certificate: "C", privateKey: "K", chain: ["B", "A"] }],
    [{ certificate: "C", private_key: null, chain: null }, { certificate: "C", chain: [] }],
    [{ ...FILES, linked_service: ["null/lb", "infra/lb"] }, {
      certificate: "C",
      privateKey: "K",
      chain: ["B", "A"],
      balancers: ["lb", "infra/lb"],
    }],
  ] as const
) {
  Deno.test(`PUT certificate imports ${JSON.stringify(body)}`, async () => {
    const asked: unknown[] = [];
    const { ask } = testApi({
      importCertificate: (request) => {
        asked.push(request);
        return Promise.resolve(heldCertificate());
      },
    });
    assertEquals((await ask("PUT", "/v1/certificates/test/Example.com", body)).status, 201);
    assertEquals(asked, [{ subject: "example.com", ...expected }]);
  });
}
