import { generateKeyPairSync } from "node:crypto";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Random, seeded } from "../ca/random.ts";
import { startAuthority } from "../ca/mod.ts";
import { startHaproxy, type TestHaproxy } from "../support/haproxy.ts";
import { freePort, has, tempDir } from "../support/process.ts";
import { watchArguments } from "../support/process_arguments.ts";
import { leaks, type Secret, secretKey, secretText } from "../support/secret_marks.ts";
import { ROOT, runKontena, startSidecarProcess, type TestSidecar } from "../support/sidecar.ts";

const SEED = "secrets 1";
const LIVES = 6;
const TELLING = `${ROOT}test/support/telling_sidecar.ts`;
const NAMES = ["a.example.com", "b.example.com", "c.example.com", "d.example.com"] as const;

const TOKEN = "7c1QkX0fJtB2mZ9wLr5vHs8yUe3aNd6g";
const VAULT_KEY = "pW4 xG7 tR1 bM8 kD5 sV2 hC9 fY6 nL3 qJ0 zA";
const HMAC_KEY = "kVb1c0nN5wQ8rT2yU6iO9pA3sD7fG4hJ0kL1zX5cV8bN2mQ6";
/** What a person puts where it does not belong: his own command line shows it, and nothing else may. */
const WRONG_TOKEN = "Zq8Wm3Rt6Yv1Bn5Cx9Lk2Jh7Gf4Ds0Pa";
const MISPLACED = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey
  .export({ type: "sec1", format: "pem" }).toString(); // its secret part comes early

/** What goes wrong at the CA: how often follows from the seed. */
const FAULTS = [
  ...[
    "server-error",
    "html",
    "truncated",
    "reset-before",
    "reset-after",
    "json",
    "odd-problem",
    "problem",
    "odd-nonce",
  ],
  ...["bad-nonce", "no-nonce", "long-headers", "content-type", "location", "directory-without", "validation-fails"],
  ...["key-change-refused", "order-invalid", "order-gone", "other-key", "other-names", "chain", "pem", "expired"],
];

const PRIVATE_KEY = /-----BEGIN (\w+ )?PRIVATE KEY-----[^-]+-----END (\w+ )?PRIVATE KEY-----/g;

/** All that was written, by where. */
type Shown = Map<string, string>;

Deno.test({
  name: "no secret is seen in anything that a run full of faults, kills and mistakes writes [needs haproxy]",
  ignore: !has("haproxy"),
  async fn(): Promise<void> {
    const shown: Shown = new Map();
    const secrets = await chaos(shown);
    const mistakes = [...secretKey("misplaced key", MISPLACED), secretText("wrong token", WRONG_TOKEN)];
    const { arguments: argv = "", ...written } = Object.fromEntries(shown);
    for (const kind of [/^LE_PRIVATE_KEY$/, /^\.order-key\./, /_BUNDLE$/]) {
      assert(secrets.some(({ what }) => kind.test(what)), `there was a key ${kind}: ${secrets.map((it) => it.what)}`);
    }
    assertEquals(leaks(secrets, shown), [], `seed ${SEED}`);
    assertEquals(leaks(mistakes, new Map(Object.entries(written))), [], `seed ${SEED}`);
    for (const program of [TELLING, "plugin/cli/main.ts", "haproxy"]) assertStringIncludes(argv, program);
  },
});

/** Plays it. @returns Every secret that there was. */
async function chaos(shown: Shown): Promise<readonly Secret[]> {
  const random = seeded(SEED);
  await using haproxy = await startHaproxy();
  const { httpPort, httpsPort: tlsPort } = haproxy;
  const externalAccounts = { "kid-1": HMAC_KEY };
  const chaotic = { seed: SEED, tls: true, controlPort: 0, externalAccounts } as const;
  await using authority = await startAuthority({ like: "boulder", httpPort, tlsPort, ...chaotic });
  using folder = tempDir();
  await Deno.writeTextFile(`${folder.path}/ca.pem`, authority.tlsRootPem ?? "");
  const world: World = { shown, random, haproxy, control: authority.control!, folder: folder.path };
  const env = {
    ACME_DIRECTORY_URL: authority.directory.href,
    ACME_CA_FILE: `${folder.path}/ca.pem`,
    ACME_AGREE_TOS: "true",
    ACME_EAB_KID: "kid-1",
    ACME_EAB_HMAC_KEY: HMAC_KEY,
    CERTIFICATES: NAMES[0],
    LOAD_BALANCERS: `infra/lb=${haproxy.url()}`,
    API_TOKEN: TOKEN,
    VAULT_KEY,
    LOG_LEVEL: "debug",
    SEALED: `${folder.path}/sealed`,
  };
  const ports = { apiPort: freePort(), challengePort: haproxy.layout.sidecarPort };
  {
    await using processes = watchArguments();
    for (let life = 0; life < LIVES; life++) {
      const format = life % 2 === 0 ? "json" : "text";
      const options = { env: { ...env, LOG_FORMAT: format }, folder: folder.path, program: TELLING, ...ports };
      await using sidecar = await startSidecarProcess(options);
      for (let round = 0; round < 2; round++) await playRound(world, sidecar);
      if (life === LIVES - 1) await heal(world, sidecar);
      if (life % 3 === 1) await killed(world, sidecar);
      else assertEquals(await sidecar.stop(), 0, sidecar.process.output());
      add(shown, `log as ${format}`, sidecar.process.output());
    }
    add(shown, "arguments", [...processes.seen].join("\n"));
  }
  const sealed = (await Deno.readTextFile(env.SEALED)).trim().split("\n").map((it) => JSON.parse(it));
  return [
    secretText("token", TOKEN),
    secretText("vault key", VAULT_KEY),
    secretText("MAC key", HMAC_KEY),
    { what: "MAC key", bytes: Uint8Array.fromBase64(HMAC_KEY, { alphabet: "base64url" }) },
    ...sealed.flatMap(({ name, value }) =>
      (String(value).match(PRIVATE_KEY) ?? []).flatMap((it) => secretKey(name, it))
    ),
  ];
}

interface World {
  readonly shown: Shown;
  readonly random: Random;
  readonly haproxy: TestHaproxy;
  readonly control: URL;
  readonly folder: string;
}

function add(shown: Shown, where: string, text: string): void {
  shown.set(where, `${shown.get(where) ?? ""}${text}\n`);
}

/** Something breaks, somebody works, somebody makes mistakes, and somebody looks. */
async function playRound({ shown, random, haproxy, control, folder }: World, sidecar: TestSidecar): Promise<void> {
  const set = faultsAt(control);
  await set("DELETE");
  for (const fault of random.shuffled(FAULTS).slice(0, 3)) await set("POST", `${fault}?chance=0.4&times=2`);
  const broken = random.chance(0.4);
  if (broken) await haproxy.kill();
  const [one = NAMES[0], two = NAMES[1]] = random.shuffled(NAMES);
  const commands = random.shuffled<readonly string[]>([
    ["certificate", "request", "-D", one],
    ["certificate", "authorize", "-D", "--auth-type", "http-01", "--lb-link", "infra/lb", two],
    ["certificate", "get", "-D", two],
    ["certificate", "account", "rollover"],
    ["certificate", "register", "-D", "--agree-tos", "you@example.com"],
    ["certificate", "list"],
    ["certificate", "explain", one],
    ["certificate", "show", NAMES[0]],
    ["certificate", "export", "--certificate", NAMES[0]],
    ["lb", "check", "infra/lb"],
  ]).slice(0, 3);
  const run = async (args: readonly string[]): Promise<void> => {
    const { stdout, stderr } = await sidecar.kontena(...args);
    add(shown, `kontena ${args.slice(0, 2).join(" ")}`, stdout + stderr);
  };
  await Promise.all(commands.map(run));
  if (broken) await haproxy.restart();
  await Promise.all([
    ...random.shuffled(mistakenRequests()).map(async ([path, init]) => {
      add(shown, "answers to mistakes", (await sidecar.ask(path, init)).text);
    }),
    mistakenImport(sidecar, folder).then((text) => add(shown, "kontena certificate import", text)),
    ...["/metrics", "/ready", "/health", ...READ].map(async (path) => {
      add(shown, path, (await sidecar.ask(path)).text);
    }),
  ]);
}

const CERTIFICATES = "/v1/certificates/default";
const READ = [
  `/v1/grids/default/certificates`,
  `/v1/grids/default/domain_authorizations`,
  `/v1/grids/default/secrets`,
  `/v1/grids/default/load_balancers`,
  `${CERTIFICATES}/account`,
  `${CERTIFICATES}/register`,
  ...NAMES.map((name) => `${CERTIFICATES}/${name}/explain`),
];

/** A key where none belongs, and a token that is none of ours. */
function mistakenRequests(): readonly (readonly [path: string, init: RequestInit])[] {
  const key = encodeURIComponent(MISPLACED);
  const json = (method: string, body: unknown): RequestInit => ({ method, body: JSON.stringify(body) });
  return [
    [`/v1/grids/default/certificates?subject=${key}`, {}],
    [`${CERTIFICATES}/${key}`, {}],
    [`${CERTIFICATES}/${key}/explain`, {}],
    [`/v1/certificates/${key}/account`, {}],
    [`/v1/secrets/default/${key}`, {}],
    [`/v1/domain_authorizations/default/${key}`, json("PUT", { authorization_type: "http-01" })],
    [`/v1/grids/default/certificates`, json("POST", { domains: [MISPLACED] })],
    [`/v1/grids/default/certificates`, json("POST", { domains: [NAMES[0]], secret_name: MISPLACED })],
    [`/v1/grids/default/certificates`, json("POST", { domains: [NAMES[0]], key_type: MISPLACED, [MISPLACED]: 1 })],
    [`/v1/grids/default/certificates`, { method: "POST", body: MISPLACED }],
    [`/v1/grids/default/secrets`, json("POST", { name: MISPLACED, value: "x" })],
    [`/v1/grids/default/secrets`, json("POST", { name: "a b", value: MISPLACED })],
    [`${CERTIFICATES}/account`, json("PUT", { email: MISPLACED })],
    [`${CERTIFICATES}/${NAMES[0]}`, json("PUT", { certificate: MISPLACED, private_key: MISPLACED })],
    [`${CERTIFICATES}/account`, { headers: { authorization: `Bearer ${WRONG_TOKEN}` } }],
    [`${CERTIFICATES}/account?token=${WRONG_TOKEN}`, { headers: { authorization: `Basic ${btoa(WRONG_TOKEN)}` } }],
    [`/v1/nothing/${WRONG_TOKEN}`, {}],
  ];
}

/** Key and certificate that do not belong together, from files and from arguments; and a command with another's token. */
async function mistakenImport(sidecar: TestSidecar, folder: string): Promise<string> {
  const key = `${folder}/misplaced.key`;
  await Deno.writeTextFile(key, MISPLACED);
  const env = { KONTENA_URL: `http://127.0.0.1:${sidecar.apiPort}`, KONTENA_TOKEN: WRONG_TOKEN };
  const outcomes = await Promise.all([
    sidecar.kontena("certificate", "import", "-D", "--private-key", key, `${folder}/ca.pem`),
    sidecar.kontena("vault", "write", MISPLACED, MISPLACED),
    runKontena(["certificate", "get", "-D", MISPLACED], { cwd: folder, env }),
  ]);
  return outcomes.map(({ stdout, stderr }) => stdout + stderr).join("\n");
}

/** The CA is well again: there is something to be seen of certificates in use. */
async function heal({ shown, control }: World, sidecar: TestSidecar): Promise<void> {
  await faultsAt(control)("DELETE");
  for (const name of NAMES) {
    const { stdout, stderr } = await sidecar.kontena("certificate", "request", name);
    add(shown, "kontena certificate request", stdout + stderr);
  }
  for (const path of ["/metrics", "/ready", ...READ]) add(shown, path, (await sidecar.ask(path)).text);
}

/** The control port: DELETE clears, POST sets. */
function faultsAt(control: URL): (method: string, body?: string) => Promise<void> {
  return async (method, body) => {
    const init = { method, ...body === undefined ? {} : { body } };
    const response = await fetch(new URL("/faults", control), init);
    const text = await response.text();
    assert(response.ok, text);
  };
}

/** In the middle of work. */
async function killed({ shown }: World, sidecar: TestSidecar): Promise<void> {
  const lost = sidecar.kontena("certificate", "request", "-D", NAMES[3]);
  await sidecar.ask("/ready");
  sidecar.process.kill("SIGKILL");
  const { stdout, stderr } = await lost;
  add(shown, "kontena certificate request", stdout + stderr);
  await sidecar.process.exit;
}
