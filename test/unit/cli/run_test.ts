import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ApiError } from "../../../plugin/cli/client.ts";
import { kontena } from "../../support/fake_kontena.ts";

const LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory";
const TERMS = "https://ca.example/terms";

const REGISTER = "v1/certificates/test/register";

function registration(directory: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    [`GET ${REGISTER}`]: { directory, terms_of_service: TERMS, registered: false, ...more },
    [`POST ${REGISTER}`]: {},
  };
}

const SENT = ["POST", REGISTER, { email: "you@example.com", agree_tos: true }] as const;

for (const email of ["you@example.com", "<you@example.com>", "mailto:you@example.com"]) {
  Deno.test(`register --agree-tos asks nothing of ${email}`, async () => {
    const ran = await kontena(`certificate register --agree-tos ${email}`, registration(LETS_ENCRYPT));
    assertEquals([ran.code, ran.out, ran.err], [0, "Email registered to LetsEncrypt\n", ""]);
    assertEquals(ran.requests.at(-1), SENT);
  });
}

for (const input of ["y", "yes", "YES "]) {
  Deno.test(`register shows the terms and takes "${input}"`, async () => {
    const ran = await kontena("certificate register you@example.com", registration(LETS_ENCRYPT), { input });
    assertEquals(
      [ran.code, ran.out],
      [
        0,
        `By registering, you agree on Let's Encrypt Terms of Service: ${TERMS}\nContinue? \nEmail registered to LetsEncrypt\n`,
      ],
    );
    assertEquals(ran.requests.at(-1), SENT);
  });
}

Deno.test("register names another CA by its host", async () => {
  const directory = "https://127.0.0.1:14000/dir";
  const ran = await kontena("certificate register you@example.com", registration(directory), { input: "y" });
  assertStringIncludes(ran.out, `By registering, you agree on 127.0.0.1:14000 Terms of Service: ${TERMS}\n`);
  assertStringIncludes(
    ran.out,
    "Email registered to LetsEncrypt\n The CA is 127.0.0.1:14000: https://127.0.0.1:14000/dir\n",
  );
});

Deno.test("register does nothing after a no", async () => {
  const ran = await kontena("certificate register you@example.com", registration(LETS_ENCRYPT), { input: "n" });
  assertEquals([ran.code, ran.err, ran.requests.length], [1, " [error] Registration canceled!\n", 1]);
});

Deno.test("register without an answer ends with the URL of the terms", async () => {
  const ran = await kontena("certificate register you@example.com", registration(LETS_ENCRYPT));
  assertEquals([ran.code, ran.requests.length], [1, 1]);
  assertStringIncludes(ran.err, TERMS);
  assertStringIncludes(ran.err, "--agree-tos");
});

for (const more of [{ registered: true }, { terms_of_service: null }]) {
  Deno.test(`register asks nothing where there is nothing to agree: ${JSON.stringify(more)}`, async () => {
    const ran = await kontena("certificate register you@example.com", registration(LETS_ENCRYPT, more));
    assertEquals([ran.code, ran.out], [0, "Email registered to LetsEncrypt\n"]);
  });
}

const AUTHORIZATION = {
  domain: "api.example.com",
  authorization_type: "dns-01",
  challenge_opts: { record_name: "_acme-challenge", record_type: "TXT", record_content: "jEeBHU0" },
  status: "created",
  expires_at: "2026-01-08T00:00:00.000+00:00",
};

for (
  const [line, type, link] of [
    ["certificate authorize api.example.com", "dns-01", null],
    ["certificate authorize --auth-type dns-01 api.example.com", "dns-01", null],
    ["certificate authorize --auth-type tls-sni-01 --lb-link infra/lb  api.example.com", "tls-sni-01", "infra/lb"],
    ["certificate authorize api.example.com --type http-01 --linked-service infra/lb", "http-01", "infra/lb"],
  ] as const
) {
  Deno.test(`"${line}" asks for ${type} by ${link}`, async () => {
    const route = "v1/domain_authorizations/test/api.example.com";
    const ran = await kontena(line, { [`PUT ${route}`]: AUTHORIZATION });
    assertEquals(ran.requests, [[
      "PUT",
      route,
      { domain: "api.example.com", authorization_type: type, lb_link: link },
    ]]);
    assertStringIncludes(ran.out, "Record name: _acme-challenge.api.example.com\nRecord type: TXT\n");
  });
}

Deno.test("authorize takes the star off the record's name, and shows how a Unicode name is written", async () => {
  const domain = "*.xn--bcher-kva.example";
  const route = `PUT v1/domain_authorizations/test/${domain}`;
  const ran = await kontena("certificate authorize *.bücher.example", { [route]: { ...AUTHORIZATION, domain } });
  assertStringIncludes(ran.out, "Record name: _acme-challenge.xn--bcher-kva.example\n");
  assertEquals(ran.err, `*.bücher.example is written ${domain} in DNS and in the certificate\n`);
});

Deno.test("authorize says until when a domain is authorized already", async () => {
  const route = "PUT v1/domain_authorizations/test/api.example.com";
  const ran = await kontena("certificate authorize api.example.com", {
    [route]: { ...AUTHORIZATION, status: "validated" },
  });
  assertEquals([ran.code, ran.out], [0, ""]);
  assertStringIncludes(ran.err, "already authorized until 2026-01-08T00:00:00.000+00:00");
});

const CERTIFICATE = {
  domain: "example.com",
  valid_until: "2026-04-01T00:00:00.000+00:00",
  alt_names: [],
  auto_renewable: true,
  secrets: ["X_PRIVATE_KEY", "X_CERTIFICATE", "X_BUNDLE"],
  load_balancers: [],
};
const CERTIFICATES = "v1/grids/test/certificates";

for (
  const [line, body] of [
    ["certificate get my-site.co.uk www.my-site.co.uk", {
      domains: ["my-site.co.uk", "www.my-site.co.uk"],
      secret_name: "LE_CERTIFICATE_my-site_co_uk",
      cert_type: "fullchain",
      key_type: null,
    }],
    ["certificate get *.example.com", {
      domains: ["*.example.com"],
      secret_name: "LE_CERTIFICATE_STAR_example_com",
      cert_type: "fullchain",
      key_type: null,
    }],
    ["certificate get --secret-name S --cert-type cert --key-type rsa-2048 a.b a.b", {
      domains: ["a.b"],
      secret_name: "S",
      cert_type: "cert",
      key_type: "rsa-2048",
    }],
    ["certificate request --linked-service infra/lb a.b --linked-service edge", {
      domains: ["a.b"],
      key_type: null,
      linked_service: ["infra/lb", "edge"],
    }],
    ["certificate request --now a.b", { domains: ["a.b"], key_type: null, linked_service: [], now: true }],
    ["certificate get --secret-name S --now a.b", {
      domains: ["a.b"],
      secret_name: "S",
      cert_type: "fullchain",
      key_type: null,
      now: true,
    }],
  ] as const
) {
  Deno.test(`"${line}" sends what it says`, async () => {
    const ran = await kontena(line, { [`POST ${CERTIFICATES}`]: CERTIFICATE });
    assertEquals([ran.code, ran.requests], [0, [["POST", CERTIFICATES, body]]]);
  });
}

Deno.test("get prints the records that have to be set first, and fails", async () => {
  const record = { domain: "a.b", record_name: "_acme-challenge.a.b", record_type: "TXT", record_content: "abc" };
  const parked = new ApiError(422, { error: { dns_record: "Expected DNS record not present" }, records: [record] });
  const ran = await kontena("certificate get a.b", { [`POST ${CERTIFICATES}`]: parked });
  assertEquals(ran, {
    code: 1,
    out: "Record name: _acme-challenge.a.b\nRecord type: TXT\nRecord content: abc\n",
    err: " [error] 422 : Unprocessable Entity:\n\tdns_record: Expected DNS record not present\n",
    requests: ran.requests,
  });
});

for (
  const [line, field] of [
    ["certificate get a..b", "DOMAIN"],
    ["certificate get", "DOMAIN"],
    ["certificate request ../x", "DOMAIN"],
    ["certificate authorize a*.b", "DOMAIN"],
    ["certificate get *.b.c a.b.c", "DOMAIN"],
    ["certificate get --foo=bar a.b", "--foo"],
    ["certificate authorize a.b c.d", "arguments"],
    ["certificate register", "EMAIL"],
    ["certificate lst", "command"],
    ["foo", "command"],
    ["vault read a.b", "NAME"],
  ] as const
) {
  Deno.test(`"${line}" is refused before anything is sent`, async () => {
    const ran = await kontena(line);
    assertEquals([ran.code, ran.out, ran.requests], [1, "", []]);
    assert(ran.err.startsWith(` [error] ${field}: `), ran.err);
    assertEquals(ran.err.trimEnd().split("\n").length, 1);
  });
}

Deno.test("list prints a table, or with -q the subjects", async () => {
  const answers = { [`GET ${CERTIFICATES}`]: { certificates: [{ ...CERTIFICATE, subject: "example.com" }] } };
  const table = "SUBJECT        EXPIRATION  AUTO_RENEWABLE?\n⊛ example.com  90 days     true\n";
  assertEquals((await kontena("certificate list", answers)).out, table);
  assertEquals((await kontena("certificate ls", answers, { colours: true })).out, table);
  assertEquals((await kontena("certificate list -q", answers)).out, "example.com\n");
  const coloured = await kontena("certificate list", answers, { colours: true, outIsTerminal: true });
  assertStringIncludes(coloured.out, "\x1b[32m⊛\x1b[0m example.com");
});

const PARTS = { certificate: "CERTIFICATE\n", chain: "CHAIN\n", private_key: "KEY" };

for (
  const [options, out] of [
    ["", "CERTIFICATE\nCHAIN\nKEY\n"],
    ["--certificate", "CERTIFICATE\n"],
    ["--cert --chain", "CERTIFICATE\nCHAIN\n"],
    ["--key --chain", "CHAIN\nKEY\n"],
    ["--private-key", "KEY\n"],
  ] as const
) {
  Deno.test(`export ${options} prints ${JSON.stringify(out)}`, async () => {
    const route = "GET v1/certificates/test/example.com/export";
    assertEquals((await kontena(`certificate export example.com ${options}`.trim(), { [route]: PARTS })).out, out);
  });
}

for (const command of ["show", "export"]) {
  Deno.test(`${command} says which certificate there is not`, async () => {
    const route = `GET v1/certificates/test/a.b${command === "export" ? "/export" : ""}`;
    const ran = await kontena(`certificate ${command} a.b`, { [route]: new ApiError(404, { error: "Not found" }) });
    assertEquals(ran.code, 1);
    assertEquals(
      ran.err,
      " [error] 404 : Not found:\n\tsubject: there is no certificate for a.b (see: kontena certificate list)\n",
    );
  });
}

const SECRETS = "v1/grids/test/secrets";
const PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----";

for (
  const [args, terminal, value] of [
    [["vault", "write", "A", "s3cret"], {}, "s3cret"],
    [["vault", "write", "A", PEM], {}, PEM],
    [["vault", "write", "--silent", "A"], { input: "from\na pipe\n" }, "from\na pipe\n"],
    [["vault", "write", "A"], { inIsTerminal: true, input: "typed" }, "typed"],
  ] as const
) {
  Deno.test(`${JSON.stringify(args)} writes ${JSON.stringify(value)}`, async () => {
    const ran = await kontena(args, { [`POST ${SECRETS}`]: {} }, terminal);
    assertEquals([ran.code, ran.out], [0, ""]);
    assertEquals(ran.requests, [["POST", SECRETS, { name: "A", value }]]);
    assertEquals(ran.err, "inIsTerminal" in terminal ? "Enter value for secret 'A': " : "");
  });
}

for (const args of [["vault", "write", PEM, "A"], ["vault", PEM], [PEM], ["vault", "write", "A", PEM, "--foo"]]) {
  Deno.test(`a key in the wrong place is never repeated: ${args.length} arguments`, async () => {
    const ran = await kontena(args);
    assertEquals([ran.code, ran.requests, /MIIE|BEGIN/.test(ran.out + ran.err)], [1, [], false]);
  });
}

for (const args of [["vault", "S3cret!"], ["S3cret!"]]) {
  Deno.test(`what is no command's name is not repeated: ${args.length} words`, async () => {
    const { code, err } = await kontena(args);
    assertEquals([code, err.includes("S3cret")], [1, false]);
  });
}

Deno.test("vault write asks nobody who gave up", async () => {
  const ran = await kontena("vault write A", {}, { inIsTerminal: true });
  assertEquals([ran.code, ran.requests], [1, []]);
});

for (const [option, upsert] of [["", false], ["-u", true], ["--upsert", true]] as const) {
  Deno.test(`vault update ${option} sends upsert ${upsert}`, async () => {
    const ran = await kontena(`vault update A x ${option}`.trim(), { "PUT v1/secrets/test/A": {} });
    assertEquals(ran.requests, [["PUT", "v1/secrets/test/A", { name: "A", value: "x", upsert }]]);
  });
}

Deno.test("vault read prints the secret, or with --value its value", async () => {
  const answers = { "GET v1/secrets/test/A": { name: "A", created_at: "T", updated_at: null, value: "x\ny" } };
  assertEquals((await kontena("vault read A", answers)).out, "A:\n  created_at: T\n  value: x\ny\n");
  assertEquals((await kontena("vault read --value A", answers)).out, "x\ny\n");
});

Deno.test("vault list is sorted, with full dates where it is not a terminal", async () => {
  const at = "2025-12-31T23:00:00.000+00:00";
  const secrets = ["B", "A"].map((name) => ({ name, created_at: at, updated_at: null }));
  const answers = { [`GET ${SECRETS}`]: { secrets } };
  assertEquals((await kontena("vault ls -q", answers)).out, "A\nB\n");
  assertStringIncludes((await kontena("vault list", answers)).out, at);
  assertStringIncludes((await kontena("vault list --no-long", answers)).out, "1 hour ago");
  assertStringIncludes((await kontena("vault list", answers, { outIsTerminal: true })).out, "1 hour ago");
  assertStringIncludes((await kontena("vault list -l", answers, { outIsTerminal: true })).out, at);
});

const DELETED = { "DELETE v1/secrets/test/A": {}, "DELETE v1/secrets/test/B": {} };

Deno.test("vault rm wants --force without a terminal", async () => {
  const ran = await kontena("vault rm A", DELETED);
  assertEquals([ran.code, ran.err, ran.requests], [1, " [error] Command requires --force\n", []]);
});

Deno.test("vault rm --force removes each", async () => {
  const ran = await kontena("vault rm --force A B", DELETED);
  assertEquals([ran.code, ran.requests.length], [0, 2]);
});

for (const [input, code, requests] of [["A", 0, 1], ["B", 1, 0], [undefined, 1, 0]] as const) {
  Deno.test(`vault rm lets a person re-type the name: ${input}`, async () => {
    const terminal = { inIsTerminal: true, ...(input === undefined ? {} : { input }) };
    const ran = await kontena("vault remove A", DELETED, terminal);
    assertEquals([ran.code, ran.requests.length], [code, requests]);
    assertStringIncludes(
      ran.err,
      'Destructive command. To proceed, type "A" or re-run this command with --force option.\n',
    );
  });
}

for (
  const [line, part] of [
    ["--help", "Usage: kontena COMMAND"],
    ["help", "Usage: kontena COMMAND"],
    ["vault", "Usage: kontena vault COMMAND"],
    ["certificate --help", "Usage: kontena certificate COMMAND"],
    ["certificate get --help", "Usage: kontena certificate get"],
    ["--help vault rm", "Usage: kontena vault remove"],
  ] as const
) {
  Deno.test(`"${line}" explains`, async () => {
    const ran = await kontena(line);
    assertEquals([ran.code, ran.err, ran.requests], [0, "", []]);
    assertStringIncludes(ran.out, part);
  });
}

Deno.test("--grid goes into the path", async () => {
  const ran = await kontena("--grid g certificate list -q", { "GET v1/grids/g/certificates": { certificates: [] } });
  assertEquals(ran.code, 0);
});

Deno.test("--debug shows where an unexpected error came from", async () => {
  const ran = await kontena("certificate list -D", { [`GET ${CERTIFICATES}`]: new RangeError("odd") });
  assertStringIncludes(ran.err, " [error] odd\n");
  assertStringIncludes(ran.err, "RangeError: odd\n    at ");
});
