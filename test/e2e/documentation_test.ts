import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { probe } from "../../plugin/net/tls_probe.ts";
import { loopback, startAuthority, type TestAuthority } from "../ca/mod.ts";
import { type FakeDnsAnswer, fakeDnsServer } from "../support/fake_dns_server.ts";
import { CALL } from "../support/fakes.ts";
import { startHaproxy, type TestHaproxy } from "../support/haproxy.ts";
import { freePort, has } from "../support/process.ts";
import { ROOT, startSidecarProcess, type TestSidecar } from "../support/sidecar.ts";

const CREATED = "Authorization successfully created. Use the following details to create necessary validations:\n";
const POINT = "Point the public DNS A record of api.example.com to the public IP address(es) of the infra/lb\n";
const RECORD = "Record name: _acme-challenge.api.example.com\nRecord type: TXT\nRecord content: [A-Za-z0-9_-]{43}\n";

/** What a certificate that was got looks like: the documentation shortens the three names to their beginning. */
function stored(base: string): RegExp {
  return new RegExp(
    "^Certificate successfully received and stored into vault with keys:\n" +
      `${base}_PRIVATE_KEY\n${base}_CERTIFICATE\n${base}_BUNDLE\n\n` +
      ` Certificate is valid until: \\S+\nUse the ${base}_BUNDLE with Kontena loadbalancer!\n`,
  );
}

/**
 * The command blocks of Kontena's own documentation of certificates, in their order, letter by letter but for the brackets
 * around the address; between them what it tells the reader to do.
 */
const DOCUMENTATION: readonly (readonly [line: string, prints: RegExp])[] = [
  ["kontena certificate register you@example.com", /Continue\?[^]*Email registered to LetsEncrypt\n/],
  [
    "kontena certificate authorize --auth-type tls-sni-01 --lb-link infra/lb  api.example.com",
    new RegExp(`^${escape(CREATED + POINT)}$`),
  ],
  ["kontena certificate authorize --auth-type dns-01 api.example.com", new RegExp(`^${escape(CREATED)}${RECORD}$`)],
  ["kontena certificate get --secret-name SSL_CERT_LE_TEST api.example.com", stored("SSL_CERT_LE_TEST")],
  // "For each of the domains in the certificate request, it is necessary to complete the domain authorization first!"
  ["kontena certificate authorize --auth-type dns-01 example.com", /^Authorization successfully created/],
  ["kontena certificate authorize --auth-type tls-sni-01 --lb-link infra/lb www.example.com", /the infra\/lb\n$/],
  ["kontena certificate get --secret-name SSL_CERT_LE_TEST example.com www.example.com", stored("SSL_CERT_LE_TEST")],
  // "If you omit the secret-name option, Kontena automatically generates the name using the domain name."
  ["kontena certificate get api.example.com", stored("LE_CERTIFICATE_api_example_com")],
  ["kontena certificate get --cert-type cert api.example.com", stored("LE_CERTIFICATE_api_example_com")],
  ["kontena certificate get --cert-type chain api.example.com", stored("LE_CERTIFICATE_api_example_com")],
  ["kontena certificate get --cert-type fullchain api.example.com", stored("LE_CERTIFICATE_api_example_com")],
];

/** A sidecar, its balancer, its CA, and the DNS that the reader of the documentation sets records in. */
interface Scene {
  readonly sidecar: TestSidecar;
  readonly haproxy: TestHaproxy;
  readonly authority: TestAuthority;
  /** Sets the records that a command printed. */
  setRecords(printed: string): void;
  /** Types a line into a shell, in the sidecar's folder, and `y` where it asks. */
  type(line: string): Promise<{ readonly code: number; readonly out: string; readonly err: string }>;
}

function documented(name: string, run: (scene: Scene) => Promise<void>): void {
  Deno.test({ name: `${name} [needs haproxy]`, ignore: !has("haproxy"), fn: () => onStage(run) });
}

async function onStage(run: (scene: Scene) => Promise<void>): Promise<void> {
  const zone: Record<string, FakeDnsAnswer> = {};
  await using dns = await fakeDnsServer(zone);
  const challengePort = freePort();
  await using haproxy = await startHaproxy({ sidecarPort: challengePort });
  await using authority = await startAuthority({
    tlsPort: haproxy.httpsPort,
    httpPort: haproxy.httpPort,
    resolver: { ...loopback(), txt: (name) => Promise.resolve(valuesOf(zone[`${name}.`])) },
  });
  await using sidecar = await startSidecarProcess({
    challengePort,
    env: {
      ACME_DIRECTORY_URL: authority.directory.href,
      LOAD_BALANCERS: `infra/lb=${haproxy.url()}`,
      DNS_RESOLVERS: `127.0.0.1:${dns.port}`,
    },
  });
  await run({
    sidecar,
    haproxy,
    authority,
    setRecords(printed: string): void {
      for (const [, name, content = ""] of printed.matchAll(/^Record name: (\S+)\n.*\nRecord content: (\S+)$/gm)) {
        zone[`${name}.`] = { txt: [[content]] };
      }
    },
    type: (line) => shell(line, sidecar),
  });
}

async function shell(line: string, sidecar: TestSidecar): ReturnType<Scene["type"]> {
  const child = new Deno.Command("sh", {
    args: ["-c", `printf 'y\\n' | ${line}`],
    cwd: sidecar.folder,
    env: {
      PATH: `${ROOT}bin:/usr/bin:/bin`,
      DENO: Deno.execPath(),
      KONTENA_URL: `http://127.0.0.1:${sidecar.apiPort}`,
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stdout, stderr } = await child.output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

documented("the original documentation works as printed, line by line", async (scene) => {
  for (const [line, prints] of DOCUMENTATION) {
    const { code, out, err } = await scene.type(line);
    assertEquals(code, 0, `${line}\n${out}${err}`);
    assertMatch(out, prints, line);
    scene.setRecords(out);
  }

  const secrets = (await scene.type("kontena vault list -q")).out.split("\n");
  for (const base of ["SSL_CERT_LE_TEST", "LE_CERTIFICATE_api_example_com"]) {
    for (const part of ["PRIVATE_KEY", "CERTIFICATE", "BUNDLE"]) assert(secrets.includes(`${base}_${part}`), base);
  }
  assert(!secrets.some((name) => name.startsWith("LE_TLS_SNI_")), "challenge material is left");

  // "The first domain in the list becomes the common name and others are used as alternative names"
  const pem = (await scene.type("kontena vault read --value SSL_CERT_LE_TEST_CERTIFICATE")).out;
  const certificate = new X509Certificate(pem);
  assertEquals(certificate.subject, "CN=example.com");
  assertEquals(certificate.subjectAltName?.split(", ").sort(), ["DNS:example.com", "DNS:www.example.com"]);
  const served = await probe(
    { hostname: "127.0.0.1", port: scene.haproxy.httpsPort },
    { serverName: "www.example.com" },
    CALL,
  );
  assertEquals(served.serial, certificate.serialNumber.toLowerCase());
});

documented("an account key of one's own is imported by the documented line", async ({ sidecar, authority, type }) => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  await Deno.writeTextFile(
    `${sidecar.folder}/priv_key.pem`,
    String(privateKey.export({ type: "pkcs1", format: "pem" })),
  );

  const written = await type('kontena vault write LE_PRIVATE_KEY "$(cat priv_key.pem)"');
  const registered = await type("kontena certificate register you@example.com");

  assertEquals([written.code, registered.code], [0, 0], written.err + registered.err);
  assertStringIncludes(registered.out, "Email registered to LetsEncrypt");
  assert(authority.log.some((it) => it.path.includes("account")), "the CA made an account");
});

function valuesOf(answer: FakeDnsAnswer | undefined): readonly string[] {
  return answer !== undefined && typeof answer === "object" && "txt" in answer
    ? answer.txt.map((it) => it.join(""))
    : [];
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
