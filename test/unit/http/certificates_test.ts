import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { HeldCertificate, IssueRequest, RegisterRequest, Registration } from "../../../src/flow/service.ts";
import { parseDnsName } from "../../../src/model/dns_name.ts";
import type { DeploymentRecord } from "../../../src/model/records.ts";
import { parseSecretName } from "../../../src/model/secret_name.ts";
import { FINGERPRINT, heldCertificate, SERVED, testApi } from "../../support/fake_service.ts";

const REGISTRATION: Registration = {
  directory: new URL("https://ca.example/directory"),
  info: {
    termsOfService: new URL("https://ca.example/terms"),
    caaIdentities: [],
    externalAccountRequired: false,
    profiles: {},
  },
};

const OURS = {
  not_before: "2026-01-01T00:00:00.000+00:00",
  issuer: "CN=Test CA",
  serial: "0badcafe",
  fingerprint: FINGERPRINT,
  key_type: "ec-256",
  origin: "ca",
  secrets: [
    "LE_CERTIFICATE_example_com_PRIVATE_KEY",
    "LE_CERTIFICATE_example_com_CERTIFICATE",
    "LE_CERTIFICATE_example_com_BUNDLE",
  ],
  load_balancers: [],
};

const CERTIFICATE = {
  id: "test/example.com",
  subject: "example.com",
  valid_until: "2026-04-01T00:00:00.000+00:00",
  alt_names: ["www.example.com"],
  auto_renewable: true,
  ...OURS,
};

const ACCOUNT = {
  directory: REGISTRATION.directory,
  url: new URL("https://ca.example/account/1"),
  thumbprint: "thumbprint456",
  email: "you@example.com",
  createdAt: new Date("2026-01-01T00:00:00Z"),
};

for (
  const [body, expected] of [
    [{ email: "you@example.com" }, { email: "you@example.com", agreeTos: true }],
    [{ email: " you@example.com ", agree_tos: true }, { email: "you@example.com", agreeTos: true }],
    [{ email: "you@example.com", agree_tos: false }, { email: "you@example.com", agreeTos: false }],
  ] as const
) {
  Deno.test(`POST register takes ${JSON.stringify(body)}`, async () => {
    const requests: RegisterRequest[] = [];
    const { ask } = testApi({
      register: (request) => {
        requests.push(request);
        return Promise.resolve(ACCOUNT);
      },
    });
    const answer = await ask("POST", "/v1/certificates/test/register", body);
    assertEquals([answer.status, answer.json], [201, {}]);
    assertEquals(requests, [expected]);
  });
}

for (
  const [body, error] of [
    [{}, "Email is required"],
    [{ email: null }, "Email can't be nil"],
    [{ email: " " }, "Email can't be blank"],
    [{ email: "you" }, "Email isn't in the right format"],
    [{ email: 7 }, "Email isn't a string"],
  ] as const
) {
  Deno.test(`POST register refuses ${JSON.stringify(body)}`, async () => {
    const answer = await testApi().ask("POST", "/v1/certificates/test/register", body);
    assertEquals([answer.status, answer.json], [422, { error: { email: error }, code: "INPUT" }]);
  });
}

Deno.test("GET register shows the CA's terms, and is no certificate's name", async () => {
  const { ask } = testApi({ registration: () => Promise.resolve(REGISTRATION) });
  assertEquals((await ask("GET", "/v1/certificates/test/register")).json, {
    directory: "https://ca.example/directory",
    terms_of_service: "https://ca.example/terms",
    external_account_required: false,
    registered: false,
  });
});

Deno.test("GET register shows the account that there is", async () => {
  const { ask } = testApi({ registration: () => Promise.resolve({ ...REGISTRATION, account: ACCOUNT }) });
  const { json } = await ask("GET", "/v1/certificates/test/register");
  assertEquals(json, {
    directory: "https://ca.example/directory",
    terms_of_service: "https://ca.example/terms",
    external_account_required: false,
    registered: true,
    email: "you@example.com",
  });
});

Deno.test("POST certificates with a secret's name gets, and answers in the documentation's shape", async () => {
  const requests: IssueRequest[] = [];
  const { ask } = testApi({
    get: (request) => {
      requests.push(request);
      return Promise.resolve(heldCertificate(["example.com", "www.example.com"], [], "SSL_CERT_LE_TEST"));
    },
  });
  const answer = await ask("POST", "/v1/grids/test/certificates", {
    domains: ["example.com", "www.example.com"],
    secret_name: "SSL_CERT_LE_TEST",
    cert_type: "chain",
    key_type: "rsa-2048",
  });
  const secrets = ["PRIVATE_KEY", "CERTIFICATE", "BUNDLE"].map((part) => `SSL_CERT_LE_TEST_${part}`);
  assertEquals(answer.status, 201);
  assertEquals(answer.json, {
    id: "test/example.com",
    created_at: "2026-01-01T00:00:05.000+00:00",
    updated_at: "2026-01-01T00:00:05.000+00:00",
    domain: "example.com",
    valid_until: "2026-04-01T00:00:00.000+00:00",
    alt_names: ["www.example.com"],
    certificate_type: "fullchain",
    private_key_secret: secrets[0],
    certificate_secret: secrets[1],
    certificate_bundle_secret: secrets[2],
    ...OURS,
    secrets,
  });
  assertEquals(requests, [{
    domains: [parseDnsName("example.com"), parseDnsName("www.example.com")],
    secretName: parseSecretName("SSL_CERT_LE_TEST"),
    certType: "chain",
    keyType: "rsa-2048",
  }]);
});

for (
  const [link, balancers] of [
    [undefined, undefined],
    ["infra/lb", ["infra/lb"]],
    ["null/lb", ["lb"]],
    [["infra/lb", "edge"], ["infra/lb", "edge"]],
    [[], undefined],
  ] as const
) {
  Deno.test(`POST certificates without a secret's name requests, linked to ${JSON.stringify(link)}`, async () => {
    const requests: IssueRequest[] = [];
    const { ask } = testApi({
      request: (request) => {
        requests.push(request);
        return Promise.resolve(heldCertificate());
      },
    });
    const body = { domains: ["example.com"], secret_name: null, linked_service: link };
    const answer = await ask("POST", "/v1/grids/test/certificates", body);
    assertEquals([answer.status, answer.json], [201, CERTIFICATE]);
    const domains = [parseDnsName("example.com")] as const;
    assertEquals(requests, [balancers === undefined ? { domains } : { domains, balancers }]);
  });
}

Deno.test("POST certificate, the oldest route, gets and answers the secrets' names", async () => {
  const { ask } = testApi({ get: () => Promise.resolve(heldCertificate()) });
  const body = { domains: ["example.com"], secret_name: "LE_CERTIFICATE_example_com" };
  const answer = await ask("POST", "/v1/certificates/test/certificate", body);
  assertEquals([answer.status, answer.json], [201, OURS.secrets]);
});

for (
  const [body, field, error] of [
    [{}, "domains", "Domains is required"],
    [{ domains: [] }, "domains", "Domains can't be blank"],
    [{ domains: "example.com" }, "domains", "Domains isn't an array"],
    [{ domains: [""] }, "domains", "Domains can't be blank"],
    [{ domains: ["../x"] }, "domains", 'Cannot use "../x" as a domain name'],
    [{ domains: ["a.example"], secret_name: "a.b" }, "secret_name", "Name isn't in the right format"],
    [{ domains: ["a.example"], secret_name: "A", cert_type: "leaf" }, "cert_type", "Cert Type isn't an option"],
    [{ domains: ["a.example"], key_type: "rsa-1024" }, "key_type", '"rsa-1024" is not a key type'],
    [{ domains: ["a.example"], now: "yes" }, "now", "Now isn't true or false"],
    [{ domains: ["a.example"], linked_service: 1 }, "linked_service", "Linked Service isn't a string"],
  ] as const
) {
  Deno.test(`POST certificates refuses ${JSON.stringify(body)}`, async () => {
    const answer = await testApi().ask("POST", "/v1/grids/test/certificates", body);
    const { error: fields } = answer.json as { error: Record<string, string> };
    assertEquals([answer.status, Object.keys(fields)], [422, [field]]);
    assertStringIncludes(fields[field] ?? "", error);
  });
}

for (const [now, expected] of [[true, true], [false, false], [null, undefined]] as const) {
  Deno.test(`POST certificates with now: ${now} ${expected === true ? "insists" : "does not insist"}`, async () => {
    const requests: IssueRequest[] = [];
    const take = (request: IssueRequest): Promise<HeldCertificate> => {
      requests.push(request);
      return Promise.resolve(heldCertificate(["a.example"]));
    };
    const { ask } = testApi({ get: take, request: take });
    await ask("POST", "/v1/grids/test/certificates", { domains: ["a.example"], now });
    await ask("POST", "/v1/grids/test/certificates", { domains: ["a.example"], secret_name: "A", now });
    assertEquals(requests.map((it) => it.now), [expected, expected]);
  });
}

Deno.test("GET certificates lists them", async () => {
  const { ask } = testApi({ certificates: () => Promise.resolve([heldCertificate()]) });
  assertEquals((await ask("GET", "/v1/grids/test/certificates")).json, { certificates: [CERTIFICATE] });
});

Deno.test("GET certificates shows a second kind below its first, and not as one of its own", async () => {
  const first = heldCertificate();
  const secretName = parseSecretName(`${first.record.intent.secretName}_RSA`);
  const intent = { ...first.record.intent, secretName, keyType: "rsa-2048", twinOf: first.record.intent.secretName };
  const certificate = { ...first, record: { ...first.record, intent } } as HeldCertificate;
  const { ask } = testApi({
    certificates: () =>
      Promise.resolve([{ ...first, twin: { state: "held", certificate, reason: "no" } }, certificate]),
  });
  const secrets = OURS.secrets.map((name) => name.replace("example_com_", "example_com_RSA_"));
  assertEquals((await ask("GET", "/v1/grids/test/certificates")).json, {
    certificates: [{
      ...CERTIFICATE,
      second_kind: {
        state: "held",
        valid_until: CERTIFICATE.valid_until,
        ...OURS,
        key_type: "rsa-2048",
        secrets,
        reason: "no",
      },
    }],
  });
});

Deno.test("GET certificate tells why its second kind is missing, and until when", async () => {
  const until = new Date("2026-01-01T01:00:00Z");
  const twin = { state: "missing", keyType: "rsa-2048", reason: "no RSA today", until } as const;
  const { ask } = testApi({ certificate: () => Promise.resolve({ ...heldCertificate(), twin }) });
  assertEquals((await ask("GET", "/v1/certificates/test/example.com")).json, {
    ...CERTIFICATE,
    second_kind: {
      state: "missing",
      key_type: "rsa-2048",
      reason: "no RSA today",
      until: "2026-01-01T01:00:00.000+00:00",
    },
  });
});

Deno.test("GET certificate tells what the balancers do", async () => {
  const shadowed = [{ name: parseDnsName("www.example.com"), by: "old.pem" }];
  const held: DeploymentRecord = {
    balancer: "edge",
    secretName: SERVED.secretName,
    fingerprint: FINGERPRINT,
    at: SERVED.at,
    state: "held",
    reason: "the probe saw another certificate",
    until: new Date("2026-01-01T01:00:00Z"),
    refused: [FINGERPRINT],
    standIn: { fingerprint: "old", at: new Date("2026-01-01T00:30:00Z"), shadowed },
  };
  const deployments: readonly DeploymentRecord[] = [{ ...SERVED, state: "served", shadowed }, held];
  const { ask } = testApi({ certificate: () => Promise.resolve(heldCertificate(undefined, deployments)) });
  assertEquals((await ask("GET", "/v1/certificates/test/example.com")).json, {
    ...CERTIFICATE,
    load_balancers: [
      { name: "infra/lb", state: "served", fingerprint: FINGERPRINT, names: ["example.com"], shadowed },
      {
        name: "edge",
        state: "held",
        fingerprint: FINGERPRINT,
        reason: "the probe saw another certificate",
        until: "2026-01-01T01:00:00.000+00:00",
        stand_in: { fingerprint: "old", at: "2026-01-01T00:30:00.000+00:00", shadowed },
      },
    ],
  });
});

for (
  const [path, subject] of [
    ["Example.COM", "example.com"],
    ["%2A.example.com", "*.example.com"],
    ["*.example.com", "*.example.com"],
    ["b%C3%BCcher.example", "xn--bcher-kva.example"],
    ["%2E%2E%2Fx", "../x"],
  ] as const
) {
  Deno.test(`GET certificate looks for ${subject} at ${path}, and may not find it`, async () => {
    const asked: string[] = [];
    const { ask } = testApi({
      certificate: (subject) => {
        asked.push(subject);
        return Promise.resolve(undefined);
      },
    });
    const answer = await ask("GET", `/v1/certificates/test/${path}`);
    assertEquals([answer.status, answer.json], [404, { error: "Not found" }]);
    assertEquals(asked, [subject]);
  });
}

Deno.test("GET export gives the parts and leaves an event without them", async () => {
  const parts = { certificate: "CERTIFICATE", chain: "CHAIN", privateKey: "KEY" };
  const { ask, events } = testApi({
    exportCertificate: (subject) => Promise.resolve({ subject: parseDnsName(subject), ...parts }),
  });
  assertEquals((await ask("GET", "/v1/certificates/test/example.com/export")).json, {
    id: "test/example.com",
    subject: "example.com",
    certificate: "CERTIFICATE",
    chain: "CHAIN",
    private_key: "KEY",
  });
  assertEquals(events, [{
    level: "info",
    name: "certificate.exported",
    text: "Certificate example.com was exported with its key",
    fields: { subject: "example.com" },
  }]);
});

Deno.test("GET export of what there is not leaves no event", async () => {
  const { ask, events } = testApi({ exportCertificate: () => Promise.resolve(undefined) });
  assertEquals((await ask("GET", "/v1/certificates/test/example.com/export")).status, 404);
  assertEquals(events, []);
});

Deno.test("GET explain says how it stands, and 404 where nothing is known", async () => {
  const explained = { subject: parseDnsName("a.example.com"), held: "Held.", served: [], next: "It is renewed." };
  const { ask } = testApi({
    explainCertificate: (subject) => Promise.resolve(subject === "a.example.com" ? explained : undefined),
  });
  assertEquals((await ask("GET", "/v1/certificates/test/a.example.com/explain")).json, {
    id: "test/a.example.com",
    ...explained,
  });
  assertEquals((await ask("GET", "/v1/certificates/test/b.example.com/explain")).status, 404);
});

Deno.test("a certificate shows a newer one that is kept aside, and what is to be known of it", async () => {
  const { record, ...held } = heldCertificate();
  assert(record.origin === "ca");
  const found = { name: "ends-earlier", found: "it ends at noon" } as const;
  const { intent, facts, directory, account, order, storedAt: at } = record;
  const until = new Date("2026-01-02T00:00:00Z");
  const aside = {
    intent,
    facts,
    directory,
    account,
    order,
    at,
    until,
    count: 1,
    reasons: [found] as const,
    warnings: [],
  };
  const { ask } = testApi({
    certificate: () => Promise.resolve({ ...held, record: { ...record, warnings: [found] }, aside }),
  });
  const { json } = await ask("GET", "/v1/certificates/test/example.com");
  const told = { ...found, todo: "wait: another one is asked for by itself before the one in use ends" };
  assertEquals(json, {
    ...CERTIFICATE,
    warnings: [told],
    kept_aside: {
      at: "2026-01-01T00:00:05.000+00:00",
      count: 1,
      next_order_at: "2026-01-02T00:00:00.000+00:00",
      acceptable: true,
      reasons: [told],
      issuer: "CN=Test CA",
      serial: "0badcafe",
      fingerprint: FINGERPRINT,
      valid_until: "2026-04-01T00:00:00.000+00:00",
    },
  });
});
