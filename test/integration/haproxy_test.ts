import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type Bundle, bundlePem } from "../../src/model/certificate.ts";
import { parseDnsName } from "../../src/model/dns_name.ts";
import { type ErrorCode, SidecarError } from "../../src/model/errors.ts";
import type { AlpnAnswering, Call, Event, LoadBalancer } from "../../src/ports.ts";
import { haproxyBalancer } from "../../plugin/haproxy/balancer.ts";
import { parseHaproxy } from "../../plugin/haproxy/url.ts";
import { ProbeError } from "../../plugin/net/probe_error.ts";
import { probe } from "../../plugin/net/tls_probe.ts";
import { fakeClock } from "../support/fake_clock.ts";
import { CALL } from "../support/fakes.ts";
import { type HaproxyOptions, PLACEHOLDER, startHaproxy, type TestHaproxy } from "../support/haproxy.ts";
import { type TapAnswer, tapSocket } from "../support/haproxy_tap.ts";
import { challengeCertificate, testPki, withKeyOf } from "../support/pki.ts";
import { freePort, has } from "../support/process.ts";

const PKI = testPki();
const NAME = parseDnsName("a.example.com");
const FILE = "LE_CERTIFICATE_a_example_com.pem";
const issue = (...names: readonly string[]): Bundle => PKI.issue([names[0] ?? NAME, ...names.slice(1)]);

interface Kit {
  readonly haproxy: TestHaproxy;
  readonly lb: LoadBalancer;
  readonly events: readonly Event[];
  /** Another adapter for the same HAProxy: with changed parameters, or over another socket. */
  other(changes?: Readonly<Record<string, string>>, socket?: string): LoadBalancer;
}

function test(name: string, options: HaproxyOptions, run: (kit: Kit) => Promise<void>): void {
  Deno.test({
    name: `${name} [needs haproxy]`,
    ignore: !has("haproxy"),
    async fn(): Promise<void> {
      await using haproxy = await startHaproxy(options);
      const events: Event[] = [];
      const clock = {
        ...fakeClock(),
        sleep: (ms: number, _: Call) => new Promise<void>((done) => setTimeout(done, ms)),
      };
      const other: Kit["other"] = (changes = {}, socket = haproxy.socket) => {
        const url = haproxy.url(changes).replace(haproxy.socket, socket);
        return haproxyBalancer(parseHaproxy("lb", url), { clock, events: { emit: (it) => events.push(it) } });
      };
      await run({ haproxy, lb: other(), events, other });
    },
  });
}

/** An adapter whose commands pass a tap. */
async function tapped(
  { haproxy, other }: Kit,
  before: (command: string) => Promise<TapAnswer> | TapAnswer,
  run: (lb: LoadBalancer) => Promise<void>,
): Promise<readonly string[]> {
  await using tap = tapSocket(`${haproxy.layout.root}/tap.sock`, haproxy.socket, before);
  await run(other({}, tap.path));
  return tap.commands;
}

/** Does something the first time a command begins like that. */
function once(
  start: string,
  run: () => Promise<TapAnswer | void> | TapAnswer | void,
): (command: string) => Promise<TapAnswer> {
  let done = false;
  return async (command) => {
    if (done || !command.startsWith(start)) return undefined;
    done = true;
    return await run() ?? undefined;
  };
}

async function fingerprintOf(haproxy: TestHaproxy, name: string = NAME): Promise<string> {
  return (await probe({ hostname: "127.0.0.1", port: haproxy.httpsPort }, { serverName: name }, CALL)).fingerprint;
}

async function rejection(run: () => Promise<unknown>, code: ErrorCode, part = ""): Promise<SidecarError> {
  const error = await assertRejects(run, SidecarError, part);
  assertEquals(error.code, code, error.message);
  assertEquals(/[A-Za-z0-9+]{48}/.test(error.message), false, "a PEM is quoted");
  return error;
}

const read = (path: string): string | undefined => {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
};

/** What must be so after everything: no transaction, nothing staged, a configuration that HAProxy takes. */
async function atRest(haproxy: TestHaproxy): Promise<void> {
  assertEquals((await haproxy.ask("show ssl cert")).includes("# transaction"), false);
  assertEquals((await haproxy.check()).code, 0);
  for (const folder of [haproxy.certs, haproxy.layout.root]) assertEquals(entries(`${folder}/.staging`), []);
}

function entries(path: string): readonly string[] {
  try {
    return [...Deno.readDirSync(path)].map((entry) => entry.name);
  } catch {
    return []; // there is no such folder
  }
}

// --- replacing and adding ------------------------------------------------------------------------------------------------

const OLD = issue(NAME);
const WITH_OLD: HaproxyOptions = { files: { [FILE]: bundlePem(OLD) } };

test("swap() replaces a certificate in memory and on disk", WITH_OLD, async ({ haproxy, lb, events }) => {
  const bundle = PKI.issue([NAME], { serial: "0badcafe" });
  assertEquals(await lb.swap({ file: FILE, bundle }, CALL), { kind: "replaced", shadowed: [] });
  assertEquals(await fingerprintOf(haproxy), bundle.facts.fingerprint);
  assertStringIncludes(await haproxy.ask(`show ssl cert ${haproxy.certs}/${FILE}`), "Serial: 0BADCAFE");
  assertEquals(read(`${haproxy.certs}/${FILE}`), bundlePem(bundle));
  assertEquals(((await Deno.stat(`${haproxy.certs}/${FILE}`)).mode ?? 0) & 0o777, 0o640);
  assertEquals(events, []);
  await atRest(haproxy);
  await haproxy.reload();
  assertEquals(await fingerprintOf(haproxy), bundle.facts.fingerprint);
});

test("swap() leaves a connection alone that is open", WITH_OLD, async ({ haproxy, lb }) => {
  const plain = await Deno.connect({ hostname: "127.0.0.1", port: haproxy.httpsPort });
  using connection = await Deno.startTls(plain, { hostname: NAME, caCerts: [PKI.rootPem] });
  const get = async (): Promise<string> => {
    await connection.write(new TextEncoder().encode(`GET / HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`));
    const buffer = new Uint8Array(4_096);
    return new TextDecoder().decode(buffer.subarray(0, await connection.read(buffer) ?? 0));
  };
  assertStringIncludes(await get(), "200 OK");
  assertEquals((await lb.swap({ file: FILE, bundle: issue(NAME) }, CALL)).kind, "replaced");
  assertStringIncludes(await get(), `hello from ${haproxy.pid}`);
});

test("swap() sends nothing where the bundle is served already", WITH_OLD, async (kit) => {
  const commands = await tapped(kit, () => undefined, async (lb) => {
    assertEquals(await lb.swap({ file: FILE, bundle: OLD }, CALL), { kind: "unchanged", shadowed: [] });
  });
  assertEquals(commands.filter((it) => !it.startsWith("show ")), []);
});

test("swap() mends a file that differs from what is served, and the reverse", WITH_OLD, async ({ haproxy, lb }) => {
  await Deno.writeTextFile(`${haproxy.certs}/${FILE}`, bundlePem(issue(NAME)));
  assertEquals((await lb.swap({ file: FILE, bundle: OLD }, CALL)).kind, "replaced");
  assertEquals(read(`${haproxy.certs}/${FILE}`), bundlePem(OLD));
  const next = issue(NAME);
  await Deno.writeTextFile(`${haproxy.certs}/${FILE}`, bundlePem(next));
  assertEquals((await lb.swap({ file: FILE, bundle: next }, CALL)).kind, "replaced");
  assertEquals(await fingerprintOf(haproxy), next.facts.fingerprint);
});

for (const mode of ["directory", "crt-list"] as const) {
  test(`swap() adds a new name (${mode}), and remove() takes it away`, { mode }, async ({ haproxy, lb, events }) => {
    const bundle = issue(NAME, "*.b.example.com");
    assertEquals(await lb.swap({ file: FILE, bundle }, CALL), { kind: "added", shadowed: [] });
    assertEquals(await fingerprintOf(haproxy, "x.b.example.com"), bundle.facts.fingerprint);
    await atRest(haproxy);
    await haproxy.reload();
    assertEquals(await fingerprintOf(haproxy), bundle.facts.fingerprint);
    const next = issue(NAME);
    assertEquals((await lb.swap({ file: FILE, bundle: next }, CALL)).kind, "replaced");
    if (mode === "crt-list") assertEquals(read(haproxy.list)?.split(FILE).length, 2);
    await lb.remove(FILE, CALL);
    await lb.remove(FILE, CALL);
    assertEquals(await fingerprintOf(haproxy) === next.facts.fingerprint, false);
    assertEquals([read(`${haproxy.certs}/${FILE}`), read(haproxy.list)?.includes(FILE) ?? false], [undefined, false]);
    assertEquals((await haproxy.ask("show ssl cert")).includes(FILE), false);
    assertEquals(events, []);
    await atRest(haproxy);
  });
}

test("swap() proves an RSA certificate beside an ECDSA one for the same name", WITH_OLD, async ({ haproxy, lb }) => {
  const bundle = PKI.issue([NAME], { key: "rsa-2048" });
  assertEquals(await lb.swap({ file: "rsa.pem", bundle }, CALL), { kind: "added", shadowed: [] });
  assertEquals(await fingerprintOf(haproxy), OLD.facts.fingerprint);
});

test("two swaps on one socket at once both succeed", WITH_OLD, async ({ haproxy, lb, other }) => {
  const [a, b] = [issue(NAME), issue("b.example.com")];
  const reports = await Promise.all([
    lb.swap({ file: FILE, bundle: a }, CALL),
    other().swap({ file: "LE_b.pem", bundle: b }, CALL),
  ]);
  assertEquals(reports.map((it) => it.kind), ["replaced", "added"]);
  assertEquals(await fingerprintOf(haproxy), a.facts.fingerprint);
  assertEquals(await fingerprintOf(haproxy, "b.example.com"), b.facts.fingerprint);
  await atRest(haproxy);
});

test("swap() finds the files of a balancer that sees them elsewhere", {}, async ({ haproxy, other }) => {
  const { root } = haproxy.layout;
  await Deno.mkdir(`${root}/ours`);
  await Deno.symlink(`${root}/certs`, `${root}/ours/certs`);
  const bundle = issue(NAME);
  for (const [i, lbRoot] of [root, `${root}/certs`].entries()) {
    const lb = other({ certs: `${root}/ours/certs`, "lb-root": lbRoot });
    assertEquals((await lb.swap({ file: FILE, bundle }, CALL)).kind, i === 0 ? "added" : "unchanged");
  }
});

test("swap() proves through a bind that wants a PROXY header", WITH_OLD, async ({ haproxy, other }) => {
  const lb = other({ probe: `127.0.0.1:${haproxy.layout.proxyPort}`, "probe-proxy": "v2" });
  assertEquals((await lb.swap({ file: FILE, bundle: issue(NAME) }, CALL)).kind, "replaced");
});

test("state() and served() tell what runs and what is served", WITH_OLD, async ({ haproxy, lb }) => {
  const state = await lb.state(CALL);
  assertEquals([state.pid, (state.version?.split(".").length ?? 0) >= 2], [haproxy.pid, true]);
  const [first, second] = await lb.served([NAME, parseDnsName("*.unknown.example.com")], CALL);
  const { fingerprint, serial, notAfter } = OLD.facts;
  assertEquals(first, { name: NAME, fingerprint, serial, notAfter });
  assertEquals(second?.fingerprint === OLD.facts.fingerprint, false);
});

// --- other people's files ------------------------------------------------------------------------------------------------

const OTHERS: HaproxyOptions = { files: { "01-other.pem": bundlePem(issue(NAME)) } };

test("swap() reports a name that another file answers", OTHERS, async ({ haproxy, lb }) => {
  const by = `${haproxy.certs}/01-other.pem`;
  const bundle = issue(NAME, "b.example.com");
  assertEquals(await lb.swap({ file: FILE, bundle }, CALL), { kind: "added", shadowed: [{ name: NAME, by }] });
  const all = issue(NAME);
  assertEquals(await lb.swap({ file: FILE, bundle: all }, CALL), { kind: "replaced", shadowed: [{ name: NAME, by }] });
  assertEquals(await lb.swap({ file: FILE, bundle: all }, CALL), { kind: "unchanged", shadowed: [{ name: NAME, by }] });
  await atRest(haproxy);
});

const ZZ: HaproxyOptions = { files: { "zz-default.pem": bundlePem(issue("zz.example.com")) } };

test("swap() warns of a file that would become the default certificate", ZZ, async ({ haproxy, lb, events }) => {
  await lb.swap({ file: "LE_a.pem", bundle: issue(NAME) }, CALL);
  assertEquals(events, []); // the placeholder sorts first
  await lb.swap({ file: "-a.pem", bundle: issue("b.example.com") }, CALL);
  assertEquals(events.map((it) => [it.level, it.name, it.fields?.["displaced"]]), [
    ["warn", "balancer.default_changes", PLACEHOLDER],
  ]);
  await atRest(haproxy);
});

test("swap() refuses a file that would displace the default certificate named", ZZ, async ({ haproxy, other }) => {
  const lb = other({ default: PLACEHOLDER });
  await rejection(() => lb.swap({ file: "-a.pem", bundle: issue(NAME) }, CALL), "BALANCER_CONFIG", PLACEHOLDER);
  assertEquals(read(`${haproxy.certs}/-a.pem`), undefined);
  assertEquals((await lb.swap({ file: FILE, bundle: issue(NAME) }, CALL)).kind, "added");
});

test("remove() leaves the default certificate, which HAProxy does not give up", WITH_OLD, async ({ haproxy, lb }) => {
  await rejection(() => lb.remove(PLACEHOLDER, CALL), "SWAP_REJECTED", "used as default certificate");
  assertEquals(read(`${haproxy.certs}/${PLACEHOLDER}`) === undefined, false);
});

// --- refused before anything is sent -------------------------------------------------------------------------------------

async function untouched({ haproxy }: Kit): Promise<void> {
  assertEquals(await fingerprintOf(haproxy), OLD.facts.fingerprint);
  assertEquals(read(`${haproxy.certs}/${FILE}`), bundlePem(OLD));
  assertStringIncludes(await haproxy.ask("show info"), `\nPid: ${haproxy.pid}\n`);
  await atRest(haproxy);
}

test("swap() refuses a bundle of 17 KB, which HAProxy would not survive", WITH_OLD, async (kit) => {
  const bundle = PKI.issue([NAME], { padding: 11_600 });
  assertEquals(bundlePem(bundle).length > 16_384, true);
  const commands = await tapped(kit, () => undefined, async (lb) => {
    await rejection(() => lb.swap({ file: FILE, bundle }, CALL), "SWAP_REJECTED", "too large for the runtime socket");
  });
  assertEquals(commands.filter((it) => !it.startsWith("show ")), []);
  await untouched(kit);
});

test("swap() takes a bundle just below the limit", WITH_OLD, async ({ haproxy, lb }) => {
  const size = (padding: number): number => bundlePem(PKI.issue([NAME], { padding })).length;
  const perByte = (size(10_000) - size(9_000)) / 1_000;
  const padding = 9_000 +
    Math.floor((15_999 - 30 - `set ssl cert ${haproxy.certs}/${FILE} <<\n\n`.length - size(9_000)) / perByte);
  const bundle = PKI.issue([NAME], { padding });
  assertEquals((await lb.swap({ file: FILE, bundle }, CALL)).kind, "replaced");
});

test("swap() refuses a bundle with a blank line, whose rest would be run as commands", WITH_OLD, async (kit) => {
  const bundle = issue(NAME);
  const [leaf] = bundle.certificates;
  const bad: Bundle = { ...bundle, certificates: [`${leaf}\n`, "shutdown frontend https\n"] };
  const commands = await tapped(kit, () => undefined, async (lb) => {
    await rejection(() => lb.swap({ file: FILE, bundle: bad }, CALL), "CERTIFICATE_REJECTED", "not a line of PEM");
  });
  assertEquals(commands, []);
  await untouched(kit);
});

test("swap() changes nothing where the probe address does not answer", WITH_OLD, async (kit) => {
  const lb = kit.other({ probe: `127.0.0.1:${freePort()}` });
  const error = await rejection(() => lb.swap({ file: FILE, bundle: issue(NAME) }, CALL), "BALANCER_UNREACHABLE");
  assertEquals([error instanceof ProbeError, kit.events], [true, []]);
  await untouched(kit);
});

for (
  const [what, changes, part] of [
    ["a directory that does not exist", { certs: "/nowhere/certs" }, "/nowhere/certs does not exist"],
    [
      "a crt-list that does not exist",
      { certs: "/nowhere/c.list", store: "/tmp" },
      "its crt-list /nowhere/c.list does not exist",
    ],
    ["a directory that HAProxy does not load", { certs: "/usr/share" }, "HAProxy does not load /usr/share; it loads "],
  ] as const
) {
  test(`swap() says that its certificates are in ${what}`, WITH_OLD, async (kit) => {
    const bundle = issue("c.example.com");
    await rejection(() => kit.other(changes).swap({ file: "LE_c.pem", bundle }, CALL), "BALANCER_CONFIG", part);
    await untouched(kit);
  });
}

test("swap() says that a crt-list needs store=", { mode: "crt-list" }, async ({ haproxy }) => {
  const url = haproxy.url().replace(/&store=[^&]*/, "");
  const lb = haproxyBalancer(parseHaproxy("lb", url), { clock: fakeClock(), events: { emit(): void {} } });
  const error = await rejection(
    () => lb.swap({ file: FILE, bundle: issue(NAME) }, CALL),
    "BALANCER_CONFIG",
    "is a file",
  );
  assertStringIncludes(error.todo ?? "", "store=");
});

test("swap() says that the socket's level is too low", WITH_OLD, async (kit) => {
  const lb = kit.other({}, `${kit.haproxy.layout.root}/operator.sock`);
  const error = await rejection(
    () => lb.swap({ file: FILE, bundle: issue(NAME) }, CALL),
    "BALANCER_UNREACHABLE",
    "Permission denied",
  );
  assertStringIncludes(error.todo ?? "", "level admin");
  await untouched(kit);
});

// --- put back ------------------------------------------------------------------------------------------------------------

test("swap() puts the former certificate back if another balancer answers the probe", WITH_OLD, async (kit) => {
  await using elsewhere = await startHaproxy();
  const lb = kit.other({ probe: `127.0.0.1:${elsewhere.httpsPort}` });
  await rejection(
    () => lb.swap({ file: FILE, bundle: issue(NAME) }, CALL),
    "SWAP_REJECTED",
    "is answered by another certificate",
  );
  assertEquals(kit.events.map((it) => [it.level, it.name]), [["warn", "balancer.put_back"]]);
  await untouched(kit);
});

for (const mode of ["directory", "crt-list"] as const) {
  test(`swap() takes a new certificate away again if it is not served (${mode})`, { mode }, async (kit) => {
    await using elsewhere = await startHaproxy();
    const { haproxy } = kit;
    const list = read(haproxy.list);
    const lb = kit.other({ probe: `127.0.0.1:${elsewhere.httpsPort}` });
    await rejection(() => lb.swap({ file: FILE, bundle: issue(NAME) }, CALL), "SWAP_REJECTED", "put back");
    assertEquals((await haproxy.ask("show ssl cert")).includes(FILE), false);
    assertEquals([read(`${haproxy.certs}/${FILE}`), read(haproxy.list)], [undefined, list]);
    await atRest(haproxy);
  });
}

test("swap() puts back a bundle that is not for the names it is said to be for", WITH_OLD, async (kit) => {
  const bundle = { ...issue("other.example.com"), facts: { ...issue("other.example.com").facts, names: [NAME] } };
  await rejection(() => kit.lb.swap({ file: FILE, bundle }, CALL), "SWAP_REJECTED", "placeholder.invalid");
  await untouched(kit);
});

test("swap() puts back what HAProxy does not commit", WITH_OLD, async (kit) => {
  const bundle = withKeyOf(issue(NAME), issue(NAME));
  await rejection(
    () => kit.lb.swap({ file: FILE, bundle }, CALL),
    "SWAP_REJECTED",
    "inconsistencies between private key",
  );
  await untouched(kit);
});

test("swap() takes a new name away again that HAProxy does not commit", {}, async ({ haproxy, lb }) => {
  const bundle = withKeyOf(issue(NAME), issue(NAME));
  await rejection(() => lb.swap({ file: FILE, bundle }, CALL), "SWAP_REJECTED", "inconsistencies between private key");
  assertEquals([(await haproxy.ask("show ssl cert")).includes(FILE), read(`${haproxy.certs}/${FILE}`)], [
    false,
    undefined,
  ]);
  await atRest(haproxy);
});

test("swap() writes no file that HAProxy cannot parse", WITH_OLD, async (kit) => {
  const bundle = issue(NAME);
  const garbage = "-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n";
  const bad: Bundle = { ...bundle, certificates: [bundle.certificates[0], garbage] };
  const commands = await tapped(kit, () => undefined, async (lb) => {
    await rejection(() => lb.swap({ file: FILE, bundle: bad }, CALL), "SWAP_REJECTED", "unable to load");
  });
  assertEquals(commands.some((it) => it.startsWith("commit")), false);
  await untouched(kit);
});

test("swap() puts back when the caller gives up, and rejects with the reason", WITH_OLD, async (kit) => {
  const control = new AbortController();
  const stop = once("commit ssl cert", () => {
    control.abort(new SyntaxError("stop"));
    return { do: "hang" };
  });
  await tapped(kit, stop, async (lb) => {
    await assertRejects(() => lb.swap({ file: FILE, bundle: issue(NAME) }, control), SyntaxError, "stop");
    await untouched(kit);
  });
});

// --- transactions --------------------------------------------------------------------------------------------------------

const TWO: HaproxyOptions = { files: { [FILE]: bundlePem(OLD), "filler-0.pem": bundlePem(issue("n0.filler.test")) } };
const set = (haproxy: TestHaproxy, file: string, bundle: Bundle): Promise<string> =>
  haproxy.ask(`set ssl cert ${haproxy.certs}/${file} <<\n${bundlePem(bundle)}`);

test(
  "swap() aborts an unfinished change of its own, left over by a process that died",
  TWO,
  async ({ haproxy, lb, events }) => {
    assertStringIncludes(await set(haproxy, "LE_CERTIFICATE_b.pem", issue(NAME)), "not referenced");
    assertStringIncludes(await set(haproxy, FILE, issue(NAME)), "Transaction created");
    const bundle = issue(NAME);
    assertEquals((await lb.swap({ file: FILE, bundle }, CALL)).kind, "replaced");
    assertEquals(events.map((it) => [it.level, it.name]), [["info", "balancer.transaction_aborted"]]);
    assertEquals(await fingerprintOf(haproxy), bundle.facts.fingerprint);
    await atRest(haproxy);
  },
);

test("swap() gives another client's change 30 s, then aborts it", TWO, async ({ haproxy }) => {
  const clock = fakeClock();
  const events: Event[] = [];
  const parts = { clock, events: { emit: (it: Event) => events.push(it) } };
  const lb = haproxyBalancer(parseHaproxy("lb", haproxy.url()), parts);
  assertStringIncludes(await set(haproxy, "filler-0.pem", issue("n0.filler.test")), "Transaction created");
  const report = await clock.run(lb.swap({ file: FILE, bundle: issue(NAME) }, CALL));
  assertEquals(report.kind, "replaced");
  assertEquals(clock.now().getTime() - fakeClock().now().getTime() >= 30_000, true);
  assertEquals(events.map((it) => [it.level, it.name]), [["warn", "balancer.transaction_aborted"]]);
  await atRest(haproxy);
});

test("swap() lets another client finish its change", TWO, async ({ haproxy, lb, events }) => {
  const theirs = issue("n0.filler.test");
  await set(haproxy, "filler-0.pem", theirs);
  const swapping = lb.swap({ file: FILE, bundle: issue(NAME) }, CALL);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assertStringIncludes(await haproxy.ask(`commit ssl cert ${haproxy.certs}/filler-0.pem`), "Success!");
  assertEquals([(await swapping).kind, events], ["replaced", []]);
  assertEquals(await fingerprintOf(haproxy, "n0.filler.test"), theirs.facts.fingerprint);
});

test("swap() never puts its certificate under another file, as HAProxy 2.6 would", TWO, async (kit) => {
  const { haproxy } = kit;
  const filler = await fingerprintOf(haproxy, "n0.filler.test");
  const bundle = issue(NAME);
  const between = once("set ssl cert", async () => void await set(haproxy, "filler-0.pem", issue("n0.filler.test")));
  const commands = await tapped(kit, between, async (lb) => {
    assertEquals((await lb.swap({ file: FILE, bundle }, CALL)).kind, "replaced");
  });
  assertEquals(commands.filter((it) => it.startsWith("set")).length, 2);
  assertStringIncludes(await haproxy.ask(`commit ssl cert ${haproxy.certs}/filler-0.pem`), "No ongoing transaction");
  assertEquals(await fingerprintOf(haproxy, "n0.filler.test"), filler);
  assertEquals(await fingerprintOf(haproxy), bundle.facts.fingerprint);
  await atRest(haproxy);
});

test("swap() believes no reply that names another file", WITH_OLD, async (kit) => {
  const lie = (command: string): TapAnswer => {
    if (command.startsWith("commit")) return "Committing /other.pem\nSuccess!\n\n";
    return undefined;
  };
  await tapped(kit, lie, async (lb) => {
    await rejection(() => lb.swap({ file: FILE, bundle: issue(NAME) }, CALL), "SWAP_REJECTED", "could not be put back");
  });
  assertEquals(kit.events.map((it) => it.name), ["balancer.put_back_failed"]);
  assertEquals(read(`${kit.haproxy.certs}/${FILE}`), bundlePem(OLD));
});

// --- reloads and deaths --------------------------------------------------------------------------------------------------

test("swap() goes on with the new worker after a reload before commit", WITH_OLD, async (kit) => {
  const { haproxy, events } = kit;
  const bundle = issue(NAME);
  await tapped(kit, once("commit ssl cert", () => haproxy.reload()), async (lb) => {
    assertEquals((await lb.swap({ file: FILE, bundle }, CALL)).kind, "replaced");
  });
  assertEquals(events.map((it) => it.name), ["balancer.reloaded"]);
  assertEquals(await fingerprintOf(haproxy), bundle.facts.fingerprint);
  await atRest(haproxy);
});

test("swap() goes on with the new worker where the old one dropped a command", WITH_OLD, async (kit) => {
  const bundle = issue(NAME);
  const dropped = once("commit ssl cert", async () => {
    await kit.haproxy.reload();
    return { do: "close" };
  });
  await tapped(kit, dropped, async (lb) => {
    assertEquals((await lb.swap({ file: FILE, bundle }, CALL)).kind, "replaced");
  });
  assertEquals(await fingerprintOf(kit.haproxy), bundle.facts.fingerprint);
});

test("swap() is done again for a new worker that loaded the former file", WITH_OLD, async (kit) => {
  const { haproxy } = kit;
  const bundle = issue(NAME);
  let committed = 0;
  const lost = async (command: string): Promise<TapAnswer> => {
    if (command.startsWith("commit")) committed++;
    if (command !== "show info" || committed !== 1) return undefined;
    committed++;
    await Deno.writeTextFile(`${haproxy.certs}/${FILE}`, bundlePem(OLD));
    await haproxy.reload();
    return undefined;
  };
  await tapped(kit, lost, async (lb) => {
    assertEquals((await lb.swap({ file: FILE, bundle }, CALL)).kind, "replaced");
  });
  assertEquals(committed, 3);
  assertEquals(await fingerprintOf(haproxy), bundle.facts.fingerprint);
  assertEquals(read(`${haproxy.certs}/${FILE}`), bundlePem(bundle));
});

test("swap() gives up on a balancer that is reloaded all the time", WITH_OLD, async (kit) => {
  let swapping = false;
  const always = async (command: string): Promise<TapAnswer> => {
    if (command === "show info" && swapping) await kit.haproxy.reload();
    swapping = true;
    return undefined;
  };
  await tapped(kit, always, async (lb) => {
    await rejection(() => lb.swap({ file: FILE, bundle: issue(NAME) }, CALL), "SWAP_REJECTED", "in each of 3 attempts");
  });
  await untouched(kit);
});

test("swap() leaves the former file when HAProxy dies, and works after its restart", WITH_OLD, async (kit) => {
  const { haproxy } = kit;
  await tapped(kit, once("commit ssl cert", () => haproxy.kill()), async (lb) => {
    await rejection(() => lb.swap({ file: FILE, bundle: issue(NAME) }, CALL), "BALANCER_UNREACHABLE");
  });
  await haproxy.restart();
  await untouched(kit);
  assertEquals((await kit.lb.swap({ file: FILE, bundle: issue(NAME) }, CALL)).kind, "replaced");
});

for (
  const steps of [["new"], ["new", "set"], ["new", "set", "commit"], ["new", "set", "file"], [
    "new",
    "set",
    "file",
    "commit",
  ]]
) {
  test(`swap() recovers what a process left that was killed after ${steps.join(", ")}`, {}, async ({ haproxy, lb }) => {
    const [path, bundle, next] = [`${haproxy.certs}/${FILE}`, issue(NAME), issue(NAME)];
    for (const step of steps) {
      if (step === "file") await Deno.writeTextFile(path, bundlePem(bundle));
      else if (step === "set") await set(haproxy, FILE, bundle);
      else await haproxy.ask(`${step} ssl cert ${path}`);
    }
    assertEquals((await lb.swap({ file: FILE, bundle: next }, CALL)).kind, "added");
    assertEquals(await fingerprintOf(haproxy), next.facts.fingerprint);
    await atRest(haproxy);
  });
}

// --- challenges ----------------------------------------------------------------------------------------------------------

function alpnOf(lb: LoadBalancer): AlpnAnswering {
  if (lb.alpn === undefined) throw new Error("it cannot answer tls-alpn-01");
  return lb.alpn;
}

test("alpn answers a challenge beside production on the same port", WITH_OLD, async ({ haproxy, lb }) => {
  const alpn = alpnOf(lb);
  const files = entries(haproxy.layout.root).length;
  const [first, second] = [challengeCertificate(NAME, "one.x"), challengeCertificate(NAME, "two.x")];
  await rejection(() => alpn.prove(first, CALL), "CHALLENGE_NOT_READY", "no certificate for a.example.com");
  await alpn.answer(first, CALL);
  await alpn.answer(first, CALL);
  await alpn.prove(first, CALL);
  assertEquals((await haproxy.ask(`show ssl crt-list -n ${haproxy.challenges}`)).split("/acme-").length - 1, 1);
  assertEquals(await fingerprintOf(haproxy), OLD.facts.fingerprint);
  await rejection(() => alpn.prove(second, CALL), "CHALLENGE_NOT_READY", "another certificate answers");
  await alpn.answer(second, CALL);
  await alpn.prove(second, CALL);
  await haproxy.reload();
  await rejection(() => alpn.prove(second, CALL), "CHALLENGE_NOT_READY");
  await alpn.answer(second, CALL);
  await alpn.prove(second, CALL);
  await alpn.withdraw(NAME, CALL);
  await alpn.withdraw(NAME, CALL);
  await rejection(() => alpn.prove(second, CALL), "CHALLENGE_NOT_READY");
  assertEquals((await haproxy.ask("show ssl cert")).includes("acme-"), false);
  assertEquals(entries(haproxy.layout.root).length, files);
  await atRest(haproxy);
});

test("alpn answers many names at once", {}, async ({ haproxy, lb }) => {
  const alpn = alpnOf(lb);
  const all = [..."abcdefgh"].map((letter) => challengeCertificate(`${letter}.example.com`, "x.y"));
  await Promise.all(all.map((it) => alpn.answer(it, CALL)));
  await Promise.all(all.map((it) => alpn.prove(it, CALL)));
  await Promise.all(all.map((it) => alpn.withdraw(it.name, CALL)));
  assertEquals(await haproxy.ask(`show ssl crt-list -n ${haproxy.challenges}`), `# ${haproxy.challenges}\n\n`);
});

test("alpn says that HAProxy does not load the list of challenges", {}, async ({ other }) => {
  const alpn = alpnOf(other({ challenges: "/nowhere/other.list" }));
  const run = (): Promise<void> => alpn.answer(challengeCertificate(NAME, "x.y"), CALL);
  await rejection(run, "BALANCER_CONFIG", "HAProxy does not load /nowhere/other.list");
});

test("http asks the balancer's plain face", {}, async ({ haproxy, lb }) => {
  await using _server = Deno.serve(
    { hostname: "127.0.0.1", port: haproxy.layout.sidecarPort, onListen(): void {} },
    (request) => new Response(`${request.headers.get("host")} ${new URL(request.url).pathname}`),
  );
  const path = "/.well-known/acme-challenge/token";
  assertEquals(await lb.http?.(NAME, path, CALL), { status: 200, body: `${NAME} ${path}` });
  assertEquals((await lb.http?.(NAME, "/", CALL))?.status, 301);
});

Deno.test("haproxyBalancer() has only the abilities that its URL names", () => {
  const config = parseHaproxy("lb", "haproxy+unix:///s?certs=/certs&probe=lb:443");
  const lb = haproxyBalancer(config, { clock: fakeClock(), events: { emit(): void {} } });
  assertEquals([lb.name, lb.alpn, lb.http], ["lb", undefined, undefined]);
});
