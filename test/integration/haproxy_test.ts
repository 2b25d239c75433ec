import { assertEquals, assertStringIncludes } from "@std/assert";
import { bundlePem } from "../../src/model/certificate.ts";
import { parseDnsName } from "../../src/model/dns_name.ts";
import type { AlpnAnswering, LoadBalancer } from "../../src/ports.ts";
import { haproxyBalancer } from "../../plugin/haproxy/balancer.ts";
import { parseHaproxy } from "../../plugin/haproxy/url.ts";
import { fakeClock } from "../support/fake_clock.ts";
import { ProbeError } from "../../plugin/net/probe_error.ts";
import { CALL } from "../support/fakes.ts";
import {
  atRest,
  entries,
  FILE,
  fingerprintOf,
  issue,
  NAME,
  OLD,
  PKI,
  read,
  rejection,
  tapped,
  test,
  untouched,
  WITH_OLD,
} from "../support/haproxy_kit.ts";
import { challengeCertificate } from "../support/pki.ts";
import { freePort } from "../support/process.ts";

// --- replacing and adding ------------------------------------------------------------------------------------------------

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

// --- refused before anything is sent -------------------------------------------------------------------------------------

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
