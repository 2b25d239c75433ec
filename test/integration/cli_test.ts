/**
 * The command line as a real process: `bin/kontena` against the API on a loopback port, over a service that answers what
 * the test says.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ACCOUNT_KEY, parseSecretName } from "../../src/model/secret_name.ts";
import { InputError, InUseError, OrderParkedError } from "../../src/model/errors.ts";
import type { CertificateService } from "../../src/flow/service.ts";
import { authorizationRecord, heldCertificate, SERVED, testApi, TOKEN } from "../support/fake_service.ts";
import { CALL } from "../support/fakes.ts";
import { testPki } from "../support/pki.ts";
import { find, freePort, has, tempDir } from "../support/process.ts";

const KONTENA = new URL("../../bin/kontena", import.meta.url).pathname;

/** SHA-256 of the fake authorization's key authorization. */
const CONTENT = "vZ7PNG2Zs61pgLmvfkOZmn4K1Be5pOwqauhdQBNWUSk";

const KEY_LINE = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
const PEM = `-----BEGIN PRIVATE KEY-----\n${KEY_LINE}\n-----END PRIVATE KEY-----`;

const SERVICE: Partial<CertificateService> = {
  registration: () =>
    Promise.resolve({
      directory: new URL("https://acme-v02.api.letsencrypt.org/directory"),
      info: {
        termsOfService: new URL("https://letsencrypt.org/terms.pdf"),
        caaIdentities: [],
        externalAccountRequired: false,
        profiles: {},
      },
    }),
  register: ({ email }) =>
    Promise.resolve({
      directory: new URL("https://acme-v02.api.letsencrypt.org/directory"),
      url: new URL("https://acme-v02.api.letsencrypt.org/acct/1"),
      thumbprint: "thumbprint456",
      email: email ?? "",
      createdAt: new Date("2026-01-01T00:00:00Z"),
    }),
  authorize: ({ domain, type, balancer }) =>
    Promise.resolve({
      record: authorizationRecord(domain, { type, ...(balancer === undefined ? {} : { balancer }) }),
    }),
  get: ({ domains, secretName }) => Promise.resolve(heldCertificate(domains, [SERVED], secretName)),
  request: ({ domains }) => Promise.resolve(heldCertificate(domains, [SERVED])),
  certificates: () => Promise.resolve([heldCertificate()]),
  certificate: (subject) => Promise.resolve(subject === "example.com" ? heldCertificate() : undefined),
  exportCertificate: (subject) =>
    Promise.resolve({
      subject: heldCertificate([subject]).record.intent.names[0],
      certificate: "CERTIFICATE\n",
      chain: "CHAIN\n",
      privateKey: "KEY\n",
    }),
  authorizations: () => Promise.resolve([authorizationRecord("api.example.com", { balancer: "lb" })]),
  importCertificate: ({ certificate, privateKey, chain }) =>
    certificate.includes("CERTIFICATE-----") && privateKey !== undefined && chain.length === 1
      ? Promise.resolve(heldCertificate(["example.com"], [SERVED]))
      : Promise.reject(new InputError("certificate", "these are not the files")),
  removeCertificate: (subject, { force }) =>
    force ? Promise.resolve(subject === "example.com") : Promise.reject(new InUseError(["infra/lb"])),
  revokeCertificate: () => Promise.resolve(heldCertificate(["example.com"], [SERVED])),
  removeAuthorization: (domain) => Promise.resolve(domain === "api.example.com"),
};

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly cwd?: string;
  readonly program?: string;
}

async function run(args: readonly string[], { env, stdin, cwd, program = KONTENA }: RunOptions = {}): Promise<Run> {
  const child = new Deno.Command(program, {
    args: [...args],
    env: { DENO: Deno.execPath(), NO_COLOR: "1", ...env },
    ...(cwd === undefined ? {} : { cwd }),
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (stdin !== undefined) {
    const writer = child.stdin.getWriter();
    // a command that does not want its input may be gone already
    await writer.write(new TextEncoder().encode(stdin)).then(() => writer.close()).catch(() => {});
  }
  const { code, stdout, stderr } = await child.output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

interface Sidecar extends AsyncDisposable, ReturnType<typeof testApi> {
  readonly url: string;
  /** Runs `bin/kontena` against it. */
  kontena(args: readonly string[], options?: RunOptions): Promise<Run>;
}

function sidecar(service: Partial<CertificateService> = SERVICE, options: Parameters<typeof testApi>[1] = {}): Sidecar {
  const api = testApi(service, options);
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, api.app.fetch);
  const url = `http://127.0.0.1:${server.addr.port}`;
  return {
    ...api,
    url,
    kontena: (args, options = {}) =>
      run(args, { ...options, env: { KONTENA_URL: url, KONTENA_TOKEN: TOKEN, KONTENA_GRID: "test", ...options.env } }),
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const CREATED = "Authorization successfully created. Use the following details to create necessary validations:\n";

function stored(base: string, names: string): string {
  return `Certificate successfully received and stored into vault with keys:
${base}_PRIVATE_KEY
${base}_CERTIFICATE
${base}_BUNDLE

 Certificate is valid until: 2026-04-01T00:00:00.000+00:00
Use the ${base}_BUNDLE with Kontena loadbalancer!
Served by infra/lb: ${names}
`;
}

for (
  const [line, out] of [
    ["certificate register --agree-tos you@example.com", "Email registered to LetsEncrypt\n"],
    [
      "certificate authorize --auth-type tls-alpn-01 --lb-link infra/lb  api.example.com",
      `${CREATED}Point the public DNS A record of api.example.com to the public IP address(es) of the infra/lb\n`,
    ],
    [
      "certificate authorize --auth-type dns-01 api.example.com",
      `${CREATED}Record name: _acme-challenge.api.example.com\nRecord type: TXT\nRecord content: ${CONTENT}\n`,
    ],
    [
      "certificate authorize --type http-01 --linked-service infra/lb api.example.com",
      `${CREATED}Point the public DNS A record of api.example.com to the public IP address(es) of the infra/lb\n`,
    ],
    [
      "certificate get --secret-name SSL_CERT_LE_TEST api.example.com",
      stored("SSL_CERT_LE_TEST", "api.example.com"),
    ],
    [
      "certificate get --secret-name SSL_CERT_LE_TEST example.com www.example.com",
      stored("SSL_CERT_LE_TEST", "example.com, www.example.com"),
    ],
    [
      "certificate get --cert-type cert my-site.co.uk",
      stored("LE_CERTIFICATE_my-site_co_uk", "my-site.co.uk"),
    ],
    [
      "certificate request example.com",
      "Certificate for example.com is valid until: 2026-04-01T00:00:00.000+00:00\nServed by infra/lb: example.com\n",
    ],
    ["certificate ls -q", "example.com\n"],
    ["certificate export --cert --chain example.com", "CERTIFICATE\nCHAIN\n"],
    [
      "certificate domain-authorization list",
      "DOMAIN           AUTHORIZATION_TYPE  STATUS\napi.example.com  dns-01              created\n",
    ],
    ["certificate domain-authorization ls -q", "api.example.com\n"],
    ["certificate domain-authorization rm --force api.example.com", ""],
    ["certificate remove --force example.com", ""],
    [
      "certificate revoke --force --reason superseded example.com",
      "Certificate for example.com is revoked (serial 0badcafe)\n" +
      "A new one is brought about by itself; until then it is still served\n",
    ],
    ["vault ls -q", ""],
    ["vault export", "--- {}\n"],
  ] as const
) {
  Deno.test(`kontena ${line} prints the original's lines`, async () => {
    await using api = sidecar();
    assertEquals(await api.kontena(line.split(/ +/)), { code: 0, out, err: "" });
  });
}

Deno.test("kontena certificate show prints the original's lines first", async () => {
  await using api = sidecar();
  const { code, out } = await api.kontena(["certificate", "show", "example.com"]);
  assertEquals(code, 0);
  assertStringIncludes(
    out,
    "test/example.com:\n  subject: example.com\n  valid until: 2026-04-01T00:00:00Z\n  alt names:\n    - www.example.com\n  auto renewable: true\n",
  );
});

Deno.test("kontena certificate register asks, and takes an answer from a pipe", async () => {
  await using api = sidecar();
  const args = ["certificate", "register", "you@example.com"];
  const terms = "By registering, you agree on Let's Encrypt Terms of Service: https://letsencrypt.org/terms.pdf\n";
  assertEquals(await api.kontena(args, { stdin: "y\n" }), {
    code: 0,
    out: `${terms}Continue? \nEmail registered to LetsEncrypt\n`,
    err: "",
  });
  const no = await api.kontena(args, { stdin: "n\n" });
  assertEquals([no.code, no.err], [1, " [error] Registration canceled!\n"]);
  const silent = await api.kontena(args);
  assertEquals(silent.code, 1);
  assertStringIncludes(silent.err, "https://letsencrypt.org/terms.pdf");
});

Deno.test("kontena vault writes, lists, reads, updates and removes", async () => {
  await using api = sidecar();
  const quiet = { code: 0, out: "", err: "" };
  assertEquals(await api.kontena(["vault", "write", "PASSWORD", "s3cret"]), quiet);
  assertEquals(await api.kontena(["vault", "write", "--silent", "PIPED"], { stdin: "a\nb\n" }), quiet);
  assertEquals(await api.kontena(["vault", "write", "PASSWORD", "again"]), {
    code: 1,
    out: "",
    err: " [error] 422 : Unprocessable Entity:\n\tname: is already taken\n",
  });
  assertEquals((await api.kontena(["vault", "list", "-q"])).out, "PASSWORD\nPIPED\n");
  assertEquals((await api.kontena(["vault", "read", "--value", "PIPED"])).out, "a\nb\n");
  assertEquals(
    (await api.kontena(["vault", "read", "PASSWORD"])).out,
    "PASSWORD:\n  created_at: 2026-01-01T00:00:00.000+00:00\n  value: s3cret\n",
  );
  assertEquals(await api.kontena(["vault", "update", "-u", "NEW", "x"]), quiet);
  assertMatch((await api.kontena(["vault", "update", "NONE", "x"])).err, /^ \[error\] 404 : Not Found:\n\tsecret: /);
  assertEquals((await api.kontena(["vault", "rm", "NEW"])).err, " [error] Command requires --force\n");
  assertEquals(await api.kontena(["vault", "rm", "--force", "NEW", "PIPED", "PASSWORD"]), quiet);
  assertEquals(await api.vault.list(CALL), []);
});

Deno.test("kontena vault export gives what vault import takes, keys of several lines among it", async () => {
  await using api = sidecar();
  using dir = tempDir();
  await api.kontena(["vault", "write", "LE_PRIVATE_KEY", PEM]);
  await api.kontena(["vault", "write", "PASSWORD", "yes: # no"]);
  for (const [options, file] of [[[], "vault.yml"], [["--json"], "vault.json"]] as const) {
    const exported = await api.kontena(["vault", "export", ...options]);
    assertEquals([exported.code, exported.err], [0, ""]);
    await Deno.writeTextFile(`${dir.path}/${file}`, exported.out);
    await api.kontena(["vault", "rm", "--force", "LE_PRIVATE_KEY", "PASSWORD"]);
    const imported = await api.kontena(["vault", "import", "--force", ...options, `${dir.path}/${file}`]);
    assertEquals(imported, { code: 0, out: "", err: "Imported 2 secrets\n" });
    assertEquals((await api.vault.read(ACCOUNT_KEY, CALL))?.value, PEM);
    assertEquals((await api.vault.read(parseSecretName("PASSWORD"), CALL))?.value, "yes: # no");
  }
  const reads = api.events.filter((event) => event.name === "secret.read");
  assertEquals(reads.length, 4);
  assert(!JSON.stringify(api.events).includes(KEY_LINE));
});

Deno.test("kontena certificate import sends the files, and shows the certificate", async () => {
  await using api = sidecar();
  using dir = tempDir();
  const { certificates: [certificate, chain = ""], keyPem } = testPki().issue(["example.com"]);
  const files = { "www.crt": certificate, "www.key": keyPem, "ca.pem": chain };
  for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${dir.path}/${name}`, text);
  const args = ["certificate", "import", "--private-key", "www.key", "--chain", "ca.pem"];
  const { code, out, err } = await api.kontena([...args, "www.crt"], { cwd: dir.path });
  assertEquals([code, err], [0, ""]);
  assertStringIncludes(out, "test/example.com:\n  subject: example.com\n");
  assertEquals(await api.kontena([...args, "none.crt"], { cwd: dir.path }), {
    code: 1,
    out: "",
    err: " [error] File not found: none.crt\n",
  });
});

Deno.test("kontena vault write takes a key of several lines as its argument", async () => {
  await using api = sidecar();
  assertEquals((await api.kontena(["vault", "write", "LE_PRIVATE_KEY", PEM])).code, 0);
  assertEquals((await api.vault.read(ACCOUNT_KEY, CALL))?.value, PEM);
});

const REFUSING = {
  checkSecret: () => Promise.reject(new InputError("value", `not a private key: ${PEM}`)), // as careless as it can be
};

for (
  const [why, args, stdin] of [
    ["refused by the API", ["vault", "write", "LE_PRIVATE_KEY", PEM], undefined],
    ["refused by the API, from a pipe", ["vault", "write", "LE_PRIVATE_KEY"], PEM],
    ["with an unknown option", ["vault", "write", "LE_PRIVATE_KEY", PEM, "--unknown"], undefined],
    ["for the name", ["vault", "write", PEM, "LE_PRIVATE_KEY"], undefined],
    ["for the name, after a newline", ["vault", "write", `\n${PEM}`, "x"], undefined],
    ["for a command", ["vault", PEM], undefined],
    ["for a group", [PEM], undefined],
    ["for an option's value", ["vault", "list", `--long=${PEM}`], undefined],
    ["for an option", ["vault", "list", `--${PEM.slice(5)}`], undefined],
    ["once too often", ["vault", "write", "LE_PRIVATE_KEY", PEM, PEM], undefined],
    ["for a domain", ["certificate", "get", PEM], undefined],
    ["for a subject, with --debug", ["certificate", "show", "-D", PEM], undefined],
    ["for a secret's name", ["certificate", "get", "--secret-name", PEM, "a.example"], undefined],
    ["for a challenge type, with --debug", ["certificate", "authorize", "--type", PEM, "a.example", "-D"], undefined],
  ] as const
) {
  Deno.test(`kontena repeats no part of a key that is ${why}`, async () => {
    await using api = sidecar(SERVICE, REFUSING);
    const { code, out, err } = await api.kontena(args, stdin === undefined ? {} : { stdin });
    assertEquals([code, out], [1, ""]);
    assert(!err.includes(KEY_LINE.slice(0, 12)), err);
    assertMatch(err, /^ \[error\] /m);
    assert(!api.events.some((event) => JSON.stringify(event).includes(KEY_LINE.slice(0, 12))));
  });
}

Deno.test("kontena with a wrong token is told so, and the token is not shown", async () => {
  await using api = sidecar();
  const { code, err } = await api.kontena(["certificate", "list"], { env: { KONTENA_TOKEN: "wrong-s3cret" } });
  assertEquals(code, 1);
  assertEquals(
    err,
    " [error] 403 : Invalid token (set KONTENA_TOKEN, or KONTENA_TOKEN_FILE to the sidecar's file data/token)\n",
  );
});

Deno.test("kontena shows what the API refuses", async () => {
  await using api = sidecar();
  const { code, out, err } = await api.kontena(["certificate", "authorize", "--auth-type", "smtp-01", "a.example"]);
  assertEquals([code, out], [1, ""]);
  assertMatch(
    err,
    /^ \[error\] 422 : Unprocessable Entity:\n\tauthorization_type: Authorization Type isn't an option: "smtp-01" \(use .*\)\n$/,
  );
});

Deno.test("kontena certificate get prints the records that have to be set, and fails", async () => {
  const parked = new OrderParkedError([
    { domain: "a.example", name: "_acme-challenge.a.example", content: "one" },
    { domain: "b.example", name: "_acme-challenge.b.example", content: "two" },
  ]);
  await using api = sidecar({ get: () => Promise.reject(parked) });
  assertEquals(await api.kontena(["certificate", "get", "a.example", "b.example"]), {
    code: 1,
    out: "Record name: _acme-challenge.a.example\nRecord type: TXT\nRecord content: one\n" +
      "Record name: _acme-challenge.b.example\nRecord type: TXT\nRecord content: two\n",
    err: " [error] 422 : Unprocessable Entity:\n\tdns_record: Expected DNS record not present for domain " +
      "a.example, b.example (set the records shown and repeat the command)\n",
  });
});

Deno.test("kontena says where nobody answers and what to do", async () => {
  const url = `http://127.0.0.1:${freePort()}`;
  const { code, err } = await run(["vault", "ls"], { env: { KONTENA_URL: url, KONTENA_TOKEN: TOKEN } });
  assertEquals(code, 1);
  assertEquals(
    err,
    ` [error] Cannot reach the sidecar at ${url}: Connection refused ` +
      `(start it with "deno task sidecar", or set KONTENA_URL to where it listens)\n`,
  );
});

Deno.test("kontena does not send its token through a proxy to this machine", async () => {
  await using api = sidecar();
  const { code } = await api.kontena(["vault", "ls"], { env: { HTTP_PROXY: `http://127.0.0.1:${freePort()}` } });
  assertEquals(code, 0);
});

Deno.test("kontena follows no redirection: the token goes to nobody else", async () => {
  const asked: string[] = [];
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, ({ url }) => {
    asked.push(new URL(url).pathname);
    return new Response(null, { status: 307, headers: { location: "/elsewhere" } });
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  const { code, err } = await run(["certificate", "ls"], { env: { KONTENA_URL: url, KONTENA_TOKEN: TOKEN } });
  assertEquals([code, asked], [1, ["/v1/grids/default/certificates"]]);
  assertStringIncludes(err, "check KONTENA_URL");
});

Deno.test("kontena finds the sidecar's token in data/token of the working directory", async () => {
  await using api = sidecar();
  using dir = tempDir();
  await Deno.mkdir(`${dir.path}/data`);
  await Deno.writeTextFile(`${dir.path}/data/token`, `${TOKEN}\n`);
  const { code, out } = await api.kontena(["certificate", "ls", "-q"], { cwd: dir.path, env: { KONTENA_TOKEN: "" } });
  assertEquals([code, out], [0, "example.com\n"]);
});

for (
  const [why, path, target] of [
    ["an absolute link", "kontena", KONTENA],
    ["a chain of relative links", "sub/link", "../kontena"],
  ] as const
) {
  Deno.test(`bin/kontena works through ${why}, from any folder`, async () => {
    await using api = sidecar();
    using dir = tempDir();
    await Deno.mkdir(`${dir.path}/sub`);
    await Deno.symlink(KONTENA, `${dir.path}/kontena`);
    if (path !== "kontena") await Deno.symlink(target, `${dir.path}/${path}`);
    const { code, out, err } = await api.kontena(["certificate", "ls", "-q"], {
      program: `${dir.path}/${path}`,
      cwd: `${dir.path}/sub`,
    });
    assertEquals([code, out, err], [0, "example.com\n", ""]);
  });
}

Deno.test("bin/kontena takes deno from the PATH where DENO is not set, else npx, else says what to install", async () => {
  using dir = tempDir();
  for (const tool of ["readlink", "dirname", "sh"]) {
    await Deno.symlink(find(tool) ?? `/bin/${tool}`, `${dir.path}/${tool}`);
  }
  const alone = { env: { DENO: "", PATH: dir.path } };
  const none = await run(["--help"], alone);
  assertEquals([none.code, none.out], [1, ""]);
  assertMatch(none.err, /^ \[error\] deno: it is not installed/);

  const script = (name: string): Promise<void> =>
    Deno.writeTextFile(`${dir.path}/${name}`, `#!/bin/sh\necho ${name} "$@"\n`, { mode: 0o755 });
  await script("npx");
  assertMatch((await run(["vault", "ls"], alone)).out, /^npx -y deno@2\.9\.6 run .*main\.ts vault ls\n$/);
  await script("deno");
  assertMatch((await run(["vault", "ls"], alone)).out, /^deno run .*main\.ts vault ls\n$/);
});

Deno.test("kontena --help needs neither token nor sidecar", async () => {
  const { code, out, err } = await run(["--help"], { env: { KONTENA_TOKEN: "" } });
  assertEquals([code, err], [0, ""]);
  assertStringIncludes(out, "Usage: kontena COMMAND");
});

Deno.test({
  name: "kontena asks on a terminal: a value unseen, a name to confirm, progress [needs bsdutils]",
  ignore: !has("script"),
  async fn(): Promise<void> {
    await using api = sidecar();
    const typed = async (line: string, keys: string): Promise<Run> =>
      await api.kontena(["-qec", `${KONTENA} ${line}`, "/dev/null"], { program: "script", stdin: keys });

    const write = await typed("vault write PASSWORD", "s3cret\r");
    assertEquals(write.code, 0);
    assertStringIncludes(write.out, "Enter value for secret 'PASSWORD': ******");
    assertStringIncludes(write.out, " [done] Writing PASSWORD to the vault");
    assertEquals((await api.vault.read(parseSecretName("PASSWORD"), CALL))?.value, "s3cret");

    const other = await typed("vault rm PASSWORD", "OTHER\r");
    assertEquals(other.code, 1);
    assertEquals((await api.vault.list(CALL)).length, 1);

    const same = await typed("vault rm PASSWORD", "PASSWORD\r");
    assertEquals(same.code, 0);
    assertStringIncludes(same.out, 'To proceed, type "PASSWORD" or re-run this command with --force option.');
    assertEquals(await api.vault.list(CALL), []);
  },
});
