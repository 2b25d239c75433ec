import { assertEquals, assertStringIncludes } from "@std/assert";
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
