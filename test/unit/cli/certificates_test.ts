import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ApiError } from "../../../plugin/cli/client.ts";
import { kontena } from "../../support/fake_kontena.ts";
import { testAuthority, testCertificate, testKeys } from "../../support/test_chain.ts";

const CA = await testAuthority("CA");
const KEYS = await testKeys();
const pem = async (options: Parameters<typeof testCertificate>[2]): Promise<string> =>
  (await testCertificate(CA, KEYS.publicKey, options)).pem;
const LEAF = await pem({ names: ["example.com", "www.example.com"] });
const NO_CN = await pem({ names: ["first.example", "second.example"], subject: "O=Nobody" });
const NO_NAME = await pem({ subject: "O=Nobody" });
const KEY = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n";

const ANSWER = {
  id: "test/example.com",
  subject: "example.com",
  valid_until: "2026-04-01T00:00:00.000+00:00",
  alt_names: ["www.example.com"],
  auto_renewable: false,
  origin: "imported",
};
const SHOWN = "test/example.com:\n  subject: example.com\n  valid until: 2026-04-01T00:00:00Z\n" +
  "  alt names:\n    - www.example.com\n  auto renewable: false\n  imported: true\n";

const FILES = { "w.crt": LEAF, "w.key": KEY, "ca.pem": CA.pem, "all.pem": KEY + CA.pem + LEAF, "no_cn.crt": NO_CN };

for (
  const [line, subject, body] of [
    ["certificate import --private-key w.key --chain ca.pem w.crt", "example.com", {
      certificate: LEAF,
      private_key: KEY,
      chain: [CA.pem],
      linked_service: [],
    }],
    ["certificate import w.crt --key w.key --chain ca.pem --chain ca.pem --linked-service infra/lb", "example.com", {
      certificate: LEAF,
      private_key: KEY,
      chain: [CA.pem, CA.pem],
      linked_service: ["infra/lb"],
    }],
    ["certificate import all.pem", "example.com", {
      certificate: FILES["all.pem"],
      private_key: null,
      chain: [],
      linked_service: [],
    }],
    ["certificate import --key w.key --subject www.example.com w.crt", "www.example.com", {
      certificate: LEAF,
      private_key: KEY,
      chain: [],
      linked_service: [],
    }],
    ["certificate import --key w.key no_cn.crt", "first.example", {
      certificate: NO_CN,
      private_key: KEY,
      chain: [],
      linked_service: [],
    }],
  ] as const
) {
  Deno.test(`"${line}" sends the files and shows the certificate`, async () => {
    const route = `v1/certificates/test/${subject}`;
    const ran = await kontena(line, { [`PUT ${route}`]: ANSWER }, {}, FILES);
    assertEquals([ran.code, ran.out, ran.err], [0, SHOWN, ""]);
    assertEquals(ran.requests, [["PUT", route, body]]);
  });
}

for (
  const [line, error] of [
    ["certificate import --key w.key none.crt", "File not found: none.crt"],
    ["certificate import --key none.key w.crt", "File not found: none.key"],
    ["certificate import --key w.key --chain none.pem w.crt", "File not found: none.pem"],
    ["certificate import --key w.key w.key", "Invalid certificate at w.key: there is no PEM certificate in it"],
    ["certificate import --key w.key broken.crt", "Invalid certificate at broken.crt: number 1 is not an X.509"],
    ["certificate import --key w.key --chain broken.crt w.crt", "Invalid certificate at broken.crt: number 1"],
    ["certificate import --key w.key no_name.crt", "No CN in certificate subject: O=Nobody"],
    ["certificate import w.crt", "The option --private-key is missing, and w.crt holds no key"],
    ["certificate import --key w.key", "CERT_FILE: no value is given"],
  ] as const
) {
  Deno.test(`"${line}" is refused before anything is sent`, async () => {
    const broken = KEY.replaceAll("PRIVATE KEY", "CERTIFICATE");
    const ran = await kontena(line, {}, {}, { ...FILES, "broken.crt": broken, "no_name.crt": NO_NAME });
    assertEquals([ran.code, ran.out, ran.requests], [1, "", []]);
    assertStringIncludes(ran.err, ` [error] ${error}`);
    assert(!ran.err.includes("MIIE"));
  });
}

for (
  const [line, request] of [
    ["certificate get example.com", "POST v1/grids/test/certificates"],
    ["certificate request example.com", "POST v1/grids/test/certificates"],
    ["certificate import all.pem", "PUT v1/certificates/test/example.com"],
  ] as const
) {
  Deno.test(`"${line}" ends with 1 if a load balancer does not serve it`, async () => {
    const held = { name: "lb", state: "held", fingerprint: "ab", reason: "no", until: "2026-01-01T01:00:00.000+00:00" };
    const ran = await kontena(line, { [request]: { ...ANSWER, load_balancers: [held] } }, {}, FILES);
    assertEquals(ran.code, 1);
    assertStringIncludes(ran.out, "Held back from lb: no");
    assertEquals(ran.err, " [error] load_balancer: not served by lb; it is in the vault, and tried again by itself\n");
  });
}

for (const line of ["certificate get example.com", "certificate request example.com"]) {
  Deno.test(`"${line}" succeeds without a second kind, and warns`, async () => {
    const second_kind = { state: "missing", key_type: "rsa-2048", reason: "no RSA today" };
    const ran = await kontena(line, { "POST v1/grids/test/certificates": { ...ANSWER, second_kind } });
    assertEquals(ran.code, 0);
    assertEquals(ran.err, "Warning: One with an rsa-2048 key beside it is not there yet: no RSA today\n");
    assert(!ran.out.includes("rsa-2048"));
  });
}

Deno.test("certificate import repeats no key that stands in the place of a file", async () => {
  const ran = await kontena(["certificate", "import", "--key", KEY, "w.crt"], {}, {}, FILES);
  assertEquals([ran.code, ran.err], [1, " [error] File not found: [PEM]\n"]);
});

const CERTIFICATE = "v1/certificates/test/example.com";
const AUTHORIZATION = "v1/domain_authorizations/test/api.example.com";
const REVOKED = { ...ANSWER, origin: "ca", auto_renewable: true, serial: "0a01" };

for (
  const [line, request, out] of [
    ["certificate remove --force example.com", ["DELETE", `${CERTIFICATE}?force=true`], ""],
    ["certificate rm --force example.com", ["DELETE", `${CERTIFICATE}?force=true`], ""],
    [
      "certificate revoke --force example.com",
      ["POST", `${CERTIFICATE}/revoke`, { reason: "unspecified" }],
      "Certificate for example.com is revoked (serial 0a01)\n" +
      "A new one is brought about by itself; until then it is still served\n",
    ],
    [
      "certificate revoke --reason cessationOfOperation --force example.com",
      ["POST", `${CERTIFICATE}/revoke`, { reason: "cessationOfOperation" }],
      "Certificate for example.com is revoked (serial 0a01)\n" +
      "It is still in the vault and served; to end that: kontena certificate remove --force example.com\n",
    ],
    ["certificate domain-authorization remove --force API.example.com", ["DELETE", AUTHORIZATION], ""],
    ["certificate domain-authorization rm --force api.example.com", ["DELETE", AUTHORIZATION], ""],
  ] as const
) {
  Deno.test(`"${line}" asks nobody`, async () => {
    const ran = await kontena(line, { [`${request[0]} ${request[1]}`]: request[0] === "POST" ? REVOKED : {} });
    assertEquals([ran.code, ran.out, ran.err], [0, out, ""]);
    assertEquals(ran.requests, [request]);
  });
}

for (
  const [line, name, request] of [
    ["certificate rm example.com", "example.com", `DELETE ${CERTIFICATE}`],
    ["certificate revoke example.com", "example.com", `POST ${CERTIFICATE}/revoke`],
    ["certificate domain-authorization rm api.example.com", "api.example.com", `DELETE ${AUTHORIZATION}`],
  ] as const
) {
  Deno.test(`"${line}" wants --force without a terminal, and the name on one`, async () => {
    const answers = { [request]: REVOKED };
    assertEquals(await kontena(line, answers), {
      code: 1,
      out: "",
      err: " [error] Command requires --force\n",
      requests: [],
    });
    const other = await kontena(line, answers, { inIsTerminal: true, input: "other" });
    assertEquals([other.code, other.requests], [1, []]);
    const same = await kontena(line, answers, { inIsTerminal: true, input: name });
    assertEquals([same.code, same.requests.length], [0, 1]);
    assertStringIncludes(
      same.err,
      `Destructive command. To proceed, type "${name}" or re-run this command with --force option.\n`,
    );
  });
}

Deno.test("certificate remove shows which balancers serve it, and how to go on", async () => {
  const inUse = new ApiError(422, { error: { certificate: "Certificate still in use in services: test/infra/lb" } });
  const ran = await kontena("certificate rm example.com", { [`DELETE ${CERTIFICATE}`]: inUse }, {
    inIsTerminal: true,
    input: "example.com",
  });
  assertEquals(ran.code, 1);
  assertStringIncludes(
    ran.err,
    " [error] 422 : Unprocessable Entity:\n\tcertificate: Certificate still in use in services: test/infra/lb\n" +
      "\t--force takes it out of the load balancers first\n",
  );
});

for (
  const line of [
    "certificate rm --force example.com",
    "certificate revoke --force example.com",
    "certificate domain-authorization rm --force api.example.com",
  ]
) {
  Deno.test(`"${line}" of what there is not says where to look`, async () => {
    const gone = new ApiError(404, { error: "Not found" });
    const ran = await kontena(line, {
      [`DELETE ${CERTIFICATE}?force=true`]: gone,
      [`POST ${CERTIFICATE}/revoke`]: gone,
      [`DELETE ${AUTHORIZATION}`]: gone,
    });
    assertEquals(ran.code, 1);
    assertStringIncludes(ran.err, " list)\n");
  });
}

Deno.test("certificate revoke refuses a reason that does not exist before anything is asked", async () => {
  const ran = await kontena("certificate revoke --force --reason boredom example.com");
  assertEquals([ran.code, ran.requests], [1, []]);
  assertStringIncludes(ran.err, " [error] --reason: Reason isn't an option");
});

const LIST = {
  "GET v1/grids/test/domain_authorizations": {
    domain_authorizations: [
      {
        id: "test/a.b",
        domain: "a.b",
        status: "validated",
        authorization_type: "http-01",
        challenge_opts: null,
        linked_service: { id: "test/null/lb" },
      },
      { id: "test/*.c.d", domain: "*.c.d", status: "expired", authorization_type: "dns-01", challenge_opts: null },
    ],
  },
};

for (
  const [line, out] of [
    [
      "certificate domain-authorization list",
      "DOMAIN  AUTHORIZATION_TYPE  STATUS\na.b     http-01             validated\n*.c.d   dns-01              expired\n",
    ],
    ["certificate domain-authorization ls -q", "a.b\n*.c.d\n"],
  ] as const
) {
  Deno.test(`"${line}" lists them`, async () => {
    const ran = await kontena(line, LIST);
    assertEquals([ran.code, ran.out], [0, out]);
  });
}

Deno.test("certificate domain-authorization alone explains its commands", async () => {
  const ran = await kontena("certificate domain-authorization");
  assertEquals(ran.code, 0);
  assertStringIncludes(ran.out, "Usage: kontena certificate domain-authorization COMMAND");
  assertStringIncludes(ran.out, "  certificate domain-authorization remove  ");
});

Deno.test("certificate show tells what was revoked", async () => {
  const answer = { ...REVOKED, revoked_at: "2026-01-01T00:00:00.000+00:00", revocation_reason: "superseded" };
  const { out } = await kontena("certificate show example.com", { [`GET ${CERTIFICATE}`]: answer });
  assertStringIncludes(out, "  revoked: 2026-01-01T00:00:00.000+00:00 (superseded)\n");
});

const STAGING = {
  name: "staging-over-production",
  found: "it is from a trial",
  todo: "set ACME_DIRECTORY_URL",
};
const AT = "2026-01-02T00:00:00.000+00:00";
const ASIDE = { at: AT, count: 2, next_order_at: AT, acceptable: true, reasons: [STAGING] };

Deno.test("certificate show tells of a newer one that is kept aside, why, and how to take it; warnings too", async () => {
  const answer = { ...ANSWER, kept_aside: ASIDE, warnings: [{ ...STAGING, name: "shorter-lifetime" }] };
  const { out } = await kontena("certificate show example.com", { [`GET ${CERTIFICATE}`]: answer });
  assertStringIncludes(
    out,
    "  warnings:\n    - it is from a trial (shorter-lifetime: set ACME_DIRECTORY_URL)\n" +
      "  a newer one is kept aside:\n    - it is from a trial (staging-over-production: set ACME_DIRECTORY_URL)\n" +
      `    - since ${AT}, the 2. in a row; the next is ordered at ${AT}, if it is due\n` +
      "    - kontena certificate accept example.com\n",
  );
  const hard = { ...ANSWER, kept_aside: { ...ASIDE, count: 1, acceptable: false } };
  const other = await kontena("certificate show example.com", { [`GET ${CERTIFICATE}`]: hard });
  assertStringIncludes(other.out, `    - since ${AT}; the next is ordered at ${AT}, if it is due\n    - it cannot be`);
});

Deno.test("certificate accept takes it, and prints who serves it and what is to be known", async () => {
  const answer = { ...ANSWER, warnings: [STAGING] };
  const ran = await kontena("certificate accept example.com", { [`POST ${CERTIFICATE}/accept`]: answer });
  assertEquals([ran.code, ran.err], [0, ""]);
  assertStringIncludes(ran.out, "Certificate for example.com,www.example.com is valid until: 2026-04-01");
  assertStringIncludes(ran.out, "\nWarning: it is from a trial (staging-over-production: set ACME_DIRECTORY_URL)\n");
});

Deno.test("certificate accept says so where nothing is kept aside", async () => {
  const gone = new ApiError(404, { error: "Not found" });
  const ran = await kontena("certificate accept example.com", { [`POST ${CERTIFICATE}/accept`]: gone });
  assertEquals([ran.code, ran.out], [1, ""]);
  assertStringIncludes(
    ran.err,
    "no certificate is kept aside for example.com (see: kontena certificate show example.com)",
  );
});

Deno.test("certificate import --force says so to the sidecar", async () => {
  const route = "PUT v1/certificates/test/example.com";
  const ran = await kontena("certificate import --force all.pem", { [route]: ANSWER }, {}, FILES);
  assertEquals(ran.code, 0);
  assertEquals((ran.requests[0]?.[2] as { readonly force?: boolean }).force, true);
});

const UNREGISTERED = new ApiError(422, { error: { le_registration: "Let's Encrypt registration missing" } });
const REGISTER = "v1/certificates/test/register";

Deno.test("certificate authorize registers on the way where a person is there, and then goes on", async () => {
  let asked = 0;
  const typed = ["you@example.com", "y"];
  const ran = await kontena(
    "certificate authorize api.example.com",
    {
      [`PUT ${AUTHORIZATION}`]: () => ++asked === 1 ? UNREGISTERED : { domain: "api.example.com", status: "created" },
      [`GET ${REGISTER}`]: {
        directory: "https://ca.test/dir",
        terms_of_service: "https://ca.test/terms",
        registered: false,
      },
      [`POST ${REGISTER}`]: {},
    },
    { inIsTerminal: true, readLine: () => Promise.resolve(typed.shift()) },
  );
  assertEquals(ran.code, 0);
  assertEquals(ran.requests.map(([method, path]) => `${method} ${path}`), [
    `PUT ${AUTHORIZATION}`,
    `GET ${REGISTER}`,
    `POST ${REGISTER}`,
    `PUT ${AUTHORIZATION}`,
  ]);
  assertEquals(ran.requests[2]?.[2], { email: "you@example.com", agree_tos: true });
  assertStringIncludes(ran.err, "Let's Encrypt registration missing, creating one.\nEmail for Let's Encrypt: ");
  assertStringIncludes(ran.out, "Terms of Service: https://ca.test/terms\nContinue? ");
});

for (
  const [why, terminal] of [["nobody is there", {}], ["nothing is typed", { inIsTerminal: true, input: " " }]] as const
) {
  Deno.test(`certificate authorize says that nobody registered where ${why}`, async () => {
    const ran = await kontena(
      "certificate authorize api.example.com",
      { [`PUT ${AUTHORIZATION}`]: UNREGISTERED },
      terminal,
    );
    assertEquals([ran.code, ran.requests.length], [1, 1]);
    assertStringIncludes(ran.err, "le_registration: Let's Encrypt registration missing");
  });
}
