import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { TestHaproxy } from "../support/haproxy.ts";
import { freePort, tempDir } from "../support/process.ts";
import {
  type ApiAnswer,
  dumpOf,
  launchSidecar,
  type Outcome,
  runKontena,
  startSidecarProcess,
  type TestSidecar,
} from "../support/sidecar.ts";
import { e2e, madeBy, startStage } from "../support/stage.ts";

/** One command, and all of its error: the field, what was found, what to do. */
type Row = readonly [args: readonly string[], error: RegExp];

const NAME = (found: string): RegExp =>
  new RegExp(`^DOMAIN: Cannot use ${found} \\(write it like www\\.example\\.com\\)$`);
const PLAIN = "only letters, digits, hyphens and dots are possible";
const LISTED = /Linked service not found: "nobody" \(name one of infra\/lb, edge\)$/;

const COMMANDS: readonly Row[] = [
  [["authorize", "../x"], NAME(`"\\.\\./x" as a domain name: ${PLAIN}`)],
  [["authorize", "a b.example.com"], NAME(`"a b\\.example\\.com" as a domain name: ${PLAIN}`)],
  [["get", "a\nb.example.com"], NAME(`"a\\\\nb\\.example\\.com" as a domain name: ${PLAIN}`)],
  [["request", "a".repeat(300)], NAME('"a{77}\\.\\.\\." as a domain name: it is 300 characters long, the most is 253')],
  [["request", "ok.example.com", "a..b"], NAME('"a\\.\\.b" as a domain name: a label is empty')],
  [
    ["get", "a.*.example.com"],
    NAME('"a\\.\\*\\.example\\.com" as a domain name: "\\*" can only be the whole first label'),
  ],
  [
    ["authorize", "--auth-type", "http-01", "--lb-link", "infra/lb", "*.example.com"],
    /^authorization_type: http-01 cannot prove the wildcard \*\.example\.com \(use dns-01\)$/,
  ],
  [
    ["request", "--linked-service", "infra/lb", "*.example.com"],
    /^challenge: No automatic challenge can prove \*\.example\.com \(run kontena certificate authorize --auth-type dns-01 /,
  ],
  [
    ["authorize", "--auth-type", "tls-sni-09", "a.example.com"],
    /^authorization_type: Authorization Type isn't an option: "tls-sni-09" \(use http-01, dns-01, tls-alpn-01, tls-sni-01\)$/,
  ],
  [
    ["authorize", "--auth-type", "tls-alpn-01", "a.example.com"],
    /^linked_service: --linked-service is required with --type=tls-alpn-01 \(name one of infra\/lb, edge\)$/,
  ],
  [
    ["request", "a.example.com"],
    /^linked_service: Several load balancers are configured \(name one of infra\/lb, edge\)$/,
  ],
  [["request", "--linked-service", "nobody", "a.example.com"], LISTED],
  [["authorize", "--auth-type", "http-01", "--lb-link", "nobody", "a.example.com"], LISTED],
  [
    ["get", "a.example.com"],
    /^authorization: Domain authorization not found for domain a\.example\.com \(run kontena certificate authorize a\.ex/,
  ],
  [
    ["get", "--secret-name", "SSL_example.com", "a.example.com"],
    /^secret_name: Name isn't in the right format: "SSL_example\.com" \(use letters, digits, _ and -, /,
  ],
  [
    ["get", "--cert-type", "all", "a.example.com"],
    /^cert_type: Cert Type isn't an option: "all" \(use fullchain, chain or cert\)$/,
  ],
  [
    ["request", "--key-type", "rsa-1024", "--linked-service", "infra/lb", "a.example.com"],
    /^key_type: "rsa-1024" is not a key type \(use ec-256, ec-384, /,
  ],
  [
    ["request", "--linked-service", "edge", "a.example.com"],
    /^load_balancers: Load balancer edge: its store \S+\/none does not exist \(make it, /,
  ],
  [
    ["authorize", "--auth-type", "tls-alpn-01", "--lb-link", "edge", "a.example.com"],
    /^load_balancers: Load balancer edge: its store \S+\/none does not exist/,
  ],
];

const VAULT: readonly Row[] = [
  [
    ["write", "SSL_CERT_example.com", "x"],
    /^NAME: Name isn't in the right format: "SSL_CERT_example\.com" \(use letters/,
  ],
  [["read", "../x"], /^NAME: Name isn't in the right format: "\.\.\/x" \(use letters/],
  [["write", "EMPTY", " "], /^value: Value can't be blank \(give a value of one visible character or more\)$/],
];

e2e("bad input to a command is one clear error, exit 1, and changes nothing", async () => {
  await using stage = await startStage();
  const env = { ...stage.env, LOAD_BALANCERS: `infra/lb=${stage.haproxy.url()} edge=${brokenUrl(stage.haproxy)}` };
  await using sidecar = await startSidecarProcess({ ...stage, env });
  await sidecar.ok("certificate", "register", "--agree-tos", "you@example.com");
  const rows = [
    ...COMMANDS.map(([args, error]): Row => [["certificate", ...args], error]),
    ...VAULT.map(([args, error]): Row => [["vault", ...args], error]),
  ];

  const before = dumpOf(sidecar.folder);
  for (const [args, error] of rows) {
    assertError(await sidecar.kontena(...args), error, args.join(" "));
    assertEquals(dumpOf(sidecar.folder), before, args.join(" "));
  }
  assertEquals(await madeBy(stage.pebble), { orders: 0, certificates: 0 });

  await refusesStrangers(sidecar);
  assertEquals(dumpOf(sidecar.folder), before);

  const converted = await sidecar.kontena("certificate", "authorize", "Bücher.example");
  assertStringIncludes(converted.stdout, "Record name: _acme-challenge.xn--bcher-kva.example\n");
  assertEquals(converted.stderr, "Bücher.example is written xn--bcher-kva.example in DNS and in the certificate\n");
});

Deno.test("a directory URL that is none is one clear error, and changes nothing", async () => {
  let answer = (): Response => new Response();
  const listen = { hostname: "127.0.0.1", port: 0, onListen: (): void => {} };
  await using server = Deno.serve(listen, () => answer());
  const at = `127.0.0.1:${server.addr.port}`;
  await using sidecar = await startSidecarProcess({ env: { ACME_DIRECTORY_URL: `http://${at}/dir` } });

  const html = (): Response => new Response("<html>Hello</html>", { headers: { "content-type": "text/html" } });
  const foreign = (): Response => Response.json(directoryOf("https://other.example"));
  const partial = (): Response => Response.json({ newNonce: `http://${at}/nonce` });
  await sidecar.ok("vault", "list"); // it listens before it has opened its vault
  const before = dumpOf(sidecar.folder);
  for (
    const [what, error] of [
      [html, /: Cannot read the directory: \S+ answered 200 with text\/html, not JSON \(check ACME_DIRECTORY_URL, /],
      [
        foreign,
        /: Cannot follow "newNonce": it is on other\.example, the CA's directory on \S+ \(add other\.example to /,
      ],
      [partial, /: Cannot read the directory: "newAccount" is missing, not a string \(check ACME_DIRECTORY_URL\)$/],
    ] as const
  ) {
    answer = what;
    const outcome = await sidecar.kontena("certificate", "register", "--agree-tos", "you@example.com");
    assertError(outcome, new RegExp(`^acme_directory_url${error.source}`), error.source);
    assertEquals(dumpOf(sidecar.folder), before, error.source);
  }
});

Deno.test("a sidecar that cannot open its vault ends with 1 and one clear line, and changes nothing", async () => {
  const env = { ACME_DIRECTORY_URL: `http://127.0.0.1:${freePort()}/dir` };
  await using first = await startSidecarProcess({ env });
  await first.ok("vault", "write", "PASSWORD", "correct horse battery staple");
  const { folder } = first;
  const vault = `${folder}/data/vault.db`;

  await using second = launchSidecar({ env, folder });
  assertEquals(await second.exit, 1);
  assertMatch(
    lastLine(second.output()),
    new RegExp(`^Cannot start: VAULT_URL: .*${vault} is in use by another process`),
  );

  assertEquals(await first.stop(), 0);
  const before = await Deno.readFile(vault);
  await using wrongKey = launchSidecar({
    env: { ...env, VAULT_KEY: "another text of more than 32 characters" },
    folder,
  });
  assertEquals(await wrongKey.exit, 1);
  assertMatch(
    lastLine(wrongKey.output()),
    /^Cannot start: Cannot open the vault \S+: VAULT_KEY is not the one that it was made with: .*\(set VAULT_KEY to /,
  );
  assert(!wrongKey.output().includes("another text"));
  assertEquals(await Deno.readFile(vault), before);
});

Deno.test("all faults of a configuration are told at once, and no secret among them", async () => {
  using folder = tempDir();
  await using sidecar = launchSidecar({
    folder: folder.path,
    env: {
      ACME_DIRECTORY_URL: "ftp://ca.example",
      API_TOKEN: "short-token",
      CERTIFICATES: "a..b",
      CHALLENGE: "tls-sni-09",
      KEY_TYPE: "rsa-1024",
      LOAD_BALANCERS: "lb",
      VAULT_KEY: "short-vault-key",
    },
  });

  assertEquals(await sidecar.exit, 1);

  const [head, ...faults] = sidecar.output().trim().split("\n");
  assertEquals(head, "Cannot read the configuration:");
  assertEquals(
    faults.map((fault) => fault.trim().split(":")[0]).sort(),
    ["ACME_DIRECTORY_URL", "API_TOKEN", "CERTIFICATES", "CHALLENGE", "KEY_TYPE", "LOAD_BALANCERS", "VAULT_KEY"],
  );
  assert(!/short-(token|vault)/.test(sidecar.output()));
});

/** Exit 1, nothing on standard output, and one error that says all. */
function assertError({ code, stdout, stderr }: Outcome, error: RegExp, what: string): void {
  const [, text = ""] = /^ \[error\] (?:422 : Unprocessable Entity:\n\t)?([^\n]+)\n$/.exec(stderr) ?? [];
  assertEquals([code, stdout], [1, ""], what);
  assertMatch(text, error, `${what}: ${stderr}`);
}

/** The API to those without the token, and to those who do not speak its language. */
async function refusesStrangers(sidecar: TestSidecar): Promise<void> {
  const post = (body: string): Promise<ApiAnswer> =>
    sidecar.ask("/v1/grids/default/certificates", { method: "POST", body });
  assertEquals(await post("{nope"), { status: 400, text: '{"error":"Invalid json"}' });
  assertEquals(await post('{"domains":"a.example.com"}'), {
    status: 422,
    text: '{"error":{"domains":"Domains isn\'t an array"},"code":"INPUT"}',
  });
  assertMatch((await post('{"domains":["../x"]}')).text, /^\{"error":\{"domains":"Cannot use .*write it like www/);

  const token = "not-the-token-of-this-sidecar";
  const options = {
    cwd: sidecar.folder,
    env: { KONTENA_URL: `http://127.0.0.1:${sidecar.apiPort}`, KONTENA_TOKEN: token },
  };
  const { code, stderr } = await runKontena(["vault", "list"], options);
  assertEquals(code, 1);
  assertMatch(stderr, /^ \[error\] 403 : Invalid token \(set KONTENA_TOKEN, or /);
  assert(!stderr.includes(token));
}

function brokenUrl(haproxy: TestHaproxy): string {
  return haproxy.url({ certs: `${haproxy.layout.root}/none.list`, store: `${haproxy.layout.root}/none` });
}

function directoryOf(host: string): Record<string, string> {
  const names = ["newNonce", "newAccount", "newOrder", "revokeCert", "keyChange"];
  return Object.fromEntries(names.map((name) => [name, `${host}/${name}`]));
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}
