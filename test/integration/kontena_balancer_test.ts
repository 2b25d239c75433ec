import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { type Bundle, bundlePem } from "../../src/model/certificate.ts";
import { parseDnsName } from "../../src/model/dns_name.ts";
import { type ErrorCode, SidecarError } from "../../src/model/errors.ts";
import type { LoadBalancer } from "../../src/ports.ts";
import { http01Solver } from "../../src/challenge/http01.ts";
import { sniChallengeCertificate } from "../../src/x509/sni_challenge_certificate.ts";
import { PLACEHOLDER } from "../../plugin/certs/placeholder.ts";
import { sniFile } from "../../plugin/certs/sni_file.ts";
import { systemClock } from "../../plugin/clock.ts";
import { kontenaBalancer } from "../../plugin/kontena/balancer.ts";
import { parseKontena } from "../../plugin/kontena/url.ts";
import { plainGet } from "../../plugin/net/plain_get.ts";
import { probe } from "../../plugin/net/tls_probe.ts";
import { startEtcd } from "../support/etcd.ts";
import { CALL, memoryAnswers } from "../support/fakes.ts";
import { kontena, type KontenaKit, namesIn, ROOT_KEY } from "../support/kontena_kit.ts";
import { testPki, withKeyOf } from "../support/pki.ts";
import { freePort, has, tempDir, until } from "../support/process.ts";

const PKI = testPki();
const NAME = parseDnsName("a.example.com");
const FILE = "LE_CERTIFICATE_a_example_com.pem";
const REVISION = `${ROOT_KEY}/services/kontena-certificates/custom_settings`;
const ROUTE = `${ROOT_KEY}/services/0-kontena-certificates-http-01`;
const issue = (...names: readonly string[]): Bundle => PKI.issue([names[0] ?? NAME, ...names.slice(1)]);

async function fingerprintOf({ lb }: KontenaKit, serverName: string = NAME): Promise<string> {
  return (await probe({ hostname: "127.0.0.1", port: lb.httpsPort }, { serverName }, CALL)).fingerprint;
}

async function rejection(run: () => Promise<unknown>, code: ErrorCode, part: string): Promise<SidecarError> {
  const error = await assertRejects(run, SidecarError, part);
  assertEquals(error.code, code, error.message);
  return error;
}

kontena("swap() adds, replaces and leaves alone, by file and revision, and proves it", {}, async (kit) => {
  const { balancer, certs, etcd, lb } = kit;
  const [first, second] = [issue(), issue(NAME, "b.example.com")];
  assertEquals(await balancer.swap({ file: FILE, bundle: first }, CALL), { kind: "added", shadowed: [] });
  assertEquals(await fingerprintOf(kit), first.facts.fingerprint);
  assertEquals(await etcd.get(REVISION), "# rev 1");
  assertEquals(await balancer.swap({ file: FILE, bundle: second }, CALL), { kind: "replaced", shadowed: [] });
  assertEquals(await fingerprintOf(kit, "b.example.com"), second.facts.fingerprint);
  const { pid } = lb;
  assertEquals(await balancer.swap({ file: FILE, bundle: second }, CALL), { kind: "unchanged", shadowed: [] });
  assertEquals([await etcd.get(REVISION), lb.pid], ["# rev 2", pid]);
  assertEquals(namesIn(certs), [PLACEHOLDER, FILE]);
  assertEquals(await Deno.readTextFile(`${certs}/${FILE}`), bundlePem(second));
  assertEquals(((await Deno.stat(`${certs}/${FILE}`)).mode ?? 0) & 0o777, 0o640);
});

kontena("swap() is served by an LB that polls each second within 5 s", { pollMs: 1_000 }, async (kit) => {
  const begin = performance.now();
  await kit.balancer.swap({ file: FILE, bundle: issue() }, CALL);
  await kit.balancer.swap({ file: FILE, bundle: issue() }, CALL);
  assert(performance.now() - begin < 10_000);
});

kontena("swap() puts back what HAProxy refuses, and the LB follows again", {}, async (kit) => {
  const { balancer, certs, lb, events } = kit;
  const [good, better] = [issue(), issue()];
  await balancer.swap({ file: FILE, bundle: good }, CALL);
  const error = await rejection(
    () => balancer.swap({ file: FILE, bundle: withKeyOf(better, issue()) }, CALL),
    "SWAP_REJECTED",
    "the former file was put back: load balancer lb stays with its last configuration",
  );
  assertStringIncludes(error.todo ?? "", "its log");
  assertEquals(lb.refusals > 0, true, "HAProxy was asked");
  assertEquals(await fingerprintOf(kit), good.facts.fingerprint);
  assertEquals(await Deno.readTextFile(`${certs}/${FILE}`), bundlePem(good));
  assertEquals(namesIn(certs), [PLACEHOLDER, FILE]);
  assertEquals(events.some((it) => it.name === "balancer.put_back"), true);
  assertEquals((await balancer.swap({ file: FILE, bundle: better }, CALL)).kind, "replaced");
});

kontena("swap() takes away again what was not there before", {}, async (kit) => {
  const bad = withKeyOf(issue(), issue());
  await rejection(() => kit.balancer.swap({ file: FILE, bundle: bad }, CALL), "SWAP_REJECTED", "put back");
  assertEquals(namesIn(kit.certs), [PLACEHOLDER]);
});

kontena("swap() names the foreign file because of which the LB refuses everything", {}, async (kit) => {
  await Deno.writeTextFile(`${kit.certs}/site.pem`, "no certificate\n");
  const error = await rejection(
    () => kit.balancer.swap({ file: FILE, bundle: issue() }, CALL),
    "SWAP_REJECTED",
    `${kit.certs}/site.pem holds no certificate`,
  );
  assertEquals(error.todo, "remove or mend that file");
  await Deno.remove(`${kit.certs}/site.pem`);
  assertEquals((await kit.balancer.swap({ file: FILE, bundle: issue() }, CALL)).kind, "added");
});

kontena("swap() names the key that freezes the LB", {}, async (kit) => {
  await kit.etcd.put(`${ROOT_KEY}/tcp-services/db/health_check_uri`, "/health");
  const error = await rejection(
    () => kit.balancer.swap({ file: FILE, bundle: issue() }, CALL),
    "SWAP_REJECTED",
    `the key ${ROOT_KEY}/tcp-services/db/health_check_uri`,
  );
  assertEquals(error.todo, "remove that key from etcd");
});

kontena(
  "swap() says that nothing serves TLS where it is not switched on",
  { env: {}, ready: false },
  async ({ balancer }) => {
    const error = await rejection(
      () => balancer.swap({ file: FILE, bundle: issue() }, CALL),
      "SWAP_REJECTED",
      "does not serve TLS on 127.0.0.1:",
    );
    assertStringIncludes(error.todo ?? "", "SSL_CERT_");
  },
);

kontena("swap() reports what another file answers, and leaves that alone", {}, async (kit) => {
  const foreign = issue(NAME);
  await Deno.writeTextFile(`${kit.certs}/10-site.pem`, bundlePem(foreign));
  await kit.etcd.put(`${ROOT_KEY}/services/x/custom_settings`, "# again");
  await until("the foreign file", async () => await fingerprintOf(kit) === foreign.facts.fingerprint);
  const { shadowed } = await kit.balancer.swap({ file: FILE, bundle: issue(NAME, "b.example.com") }, CALL);
  assertEquals(shadowed, [{ name: NAME, by: `${kit.certs}/10-site.pem` }]);
});

kontena("swap() begins nothing while etcd is away, and goes on when it is back", {}, async (kit) => {
  await kit.etcd.stop();
  await rejection(() => kit.balancer.swap({ file: FILE, bundle: issue() }, CALL), "BALANCER_UNREACHABLE", "etcd at");
  assertEquals(namesIn(kit.certs), [PLACEHOLDER]);
  await fingerprintOf(kit); // what was served is served
  await kit.etcd.restart();
  assertEquals((await kit.balancer.swap({ file: FILE, bundle: issue() }, CALL)).kind, "added");
});

kontena("swap() ends at once on abort and leaves the former file", {}, async (kit) => {
  const [first, second] = [issue(), issue()];
  await kit.balancer.swap({ file: FILE, bundle: first }, CALL);
  const control = new AbortController();
  const revision = await kit.etcd.get(REVISION);
  const swapping = kit.balancer.swap({ file: FILE, bundle: withKeyOf(second, issue()) }, control);
  await until("the revision", async () => await kit.etcd.get(REVISION) !== revision);
  const begin = performance.now();
  control.abort(new Error("stop"));
  await assertRejects(() => swapping, Error, "stop");
  assert(performance.now() - begin < 1_000);
  assertEquals(await Deno.readTextFile(`${kit.certs}/${FILE}`), bundlePem(first));
  assertEquals(namesIn(kit.certs), [PLACEHOLDER, FILE]);
});

kontena("swap() goes on where a killed process stopped, and puts back what it had replaced", {}, async (kit) => {
  const [first, second] = [issue(), issue()];
  await kit.balancer.swap({ file: FILE, bundle: first }, CALL);
  // Killed after the rename and before the revision: the new file is there, nobody has looked at it.
  await Deno.writeTextFile(`${kit.certs}/.former/${FILE}`, bundlePem(first));
  await Deno.writeTextFile(`${kit.certs}/${FILE}`, bundlePem(second));
  assertEquals((await kit.balancer.swap({ file: FILE, bundle: second }, CALL)).kind, "replaced");
  assertEquals(await fingerprintOf(kit), second.facts.fingerprint);
  // The same with one that HAProxy refuses: the former file comes back, although the process that replaced it is gone.
  const bad = withKeyOf(issue(), issue());
  await Deno.writeTextFile(`${kit.certs}/.former/${FILE}`, bundlePem(second));
  await Deno.writeTextFile(`${kit.certs}/${FILE}`, bundlePem(bad));
  await rejection(() => kit.balancer.swap({ file: FILE, bundle: bad }, CALL), "SWAP_REJECTED", "put back");
  assertEquals(await Deno.readTextFile(`${kit.certs}/${FILE}`), bundlePem(second));
  assertEquals(namesIn(kit.certs), [PLACEHOLDER, FILE]);
});

kontena("swap() one after the other serves every certificate", {}, async (kit) => {
  const names = ["a", "b", "c"].map((it) => `${it}.turn.example.com`);
  const bundles = names.map((name) => issue(name));
  await Promise.all(bundles.map((bundle, i) => kit.balancer.swap({ file: `LE_CERTIFICATE_${i}.pem`, bundle }, CALL)));
  const served = await kit.balancer.served(names.map((name) => parseDnsName(name)), CALL);
  assertEquals(served.map((it) => it.fingerprint), bundles.map((it) => it.facts.fingerprint));
});

kontena("remove() stops serving; the last file gives way to a placeholder, and the revision goes", {}, async (kit) => {
  const { balancer, certs, etcd, lb } = kit;
  await balancer.swap({ file: FILE, bundle: issue() }, CALL);
  await Deno.remove(`${certs}/${PLACEHOLDER}`);
  await balancer.remove(FILE, CALL);
  assertEquals(namesIn(certs), [PLACEHOLDER]);
  assertEquals(await etcd.keys(ROOT_KEY), []);
  const [served] = await balancer.served([NAME], CALL);
  assertEquals(served?.fingerprint === undefined, false, "the placeholder answers");
  const { pid } = lb;
  await balancer.remove(FILE, CALL);
  assertEquals(lb.pid, pid);
});

kontena("a twin of the other kind is looked for by clients that take only that kind", {}, async (kit) => {
  const { balancer, certs, lb } = kit;
  const twin = FILE.replace(".pem", "_RSA.pem");
  const issueRsa = (): Bundle => PKI.issue([NAME], { key: "rsa-2048" });
  const [ecdsa, former, rsa, next] = [issue(), issueRsa(), issueRsa(), issueRsa()];
  const fingerprint = (signatures: "ecdsa" | "rsa"): Promise<string> =>
    probe({ hostname: "127.0.0.1", port: lb.httpsPort }, { serverName: NAME, signatures }, CALL)
      .then((it) => it.fingerprint, () => "nobody");
  await balancer.swap({ file: FILE, bundle: ecdsa }, CALL);
  assertEquals(await balancer.swap({ file: twin, bundle: rsa }, CALL), { kind: "added", shadowed: [] });
  assertEquals([await fingerprint("ecdsa"), await fingerprint("rsa")], [ecdsa, rsa].map((it) => it.facts.fingerprint));
  // Killed after the proof: what is on disk is served, and is what has to come back.
  await Deno.writeTextFile(`${certs}/.former/${twin}`, bundlePem(former));
  const bad = withKeyOf(next, former);
  await rejection(() => balancer.swap({ file: twin, bundle: bad }, CALL), "SWAP_REJECTED", "put back");
  assertEquals(await Deno.readTextFile(`${certs}/${twin}`), bundlePem(rsa));
  await until("the twin again", async () => await fingerprint("rsa") === rsa.facts.fingerprint);

  await balancer.remove(twin, CALL);

  assertEquals([await fingerprint("ecdsa"), await fingerprint("rsa")], [ecdsa.facts.fingerprint, "nobody"]);
});

kontena("remove() keeps the revision as long as another certificate of ours is there", {}, async (kit) => {
  await kit.balancer.swap({ file: FILE, bundle: issue() }, CALL);
  await kit.balancer.swap({ file: "LE_CERTIFICATE_b.pem", bundle: issue("b.example.com") }, CALL);
  await kit.balancer.remove(FILE, CALL);
  assertEquals(await kit.etcd.get(REVISION), "# rev 3");
  assertEquals(namesIn(kit.certs), [PLACEHOLDER, "LE_CERTIFICATE_b.pem"]);
});

kontena(
  "sni.answer() serves a challenge certificate under its own name only, sorted last, until withdrawn",
  {},
  async (kit) => {
    const { balancer, certs, etcd } = kit;
    const before = await fingerprintOf(kit, "unknown.example.com");
    const certificate = await sniChallengeCertificate(NAME, "token.thumbprint", new Date());
    await balancer.sni?.answer(certificate, CALL);
    assertEquals(await fingerprintOf(kit, certificate.serverName), certificate.fingerprint);
    assertEquals(await fingerprintOf(kit, "unknown.example.com"), before, "the default certificate is the same");
    assertEquals(namesIn(certs).at(-1), sniFile(NAME));
    await balancer.sni?.withdraw(NAME, CALL);
    await balancer.sni?.withdraw(NAME, CALL);
    assertEquals(namesIn(certs), [PLACEHOLDER]);
    assertEquals(await etcd.keys(ROOT_KEY), []);
    await until("it is gone", async () => await fingerprintOf(kit, certificate.serverName) === before);
  },
);

kontena(
  "routes.open() sends a name's challenges to the sidecar before every other service of that name",
  {},
  async (kit) => {
    const answers = answering("the answer");
    const site = answering("the site");
    await using _servers = { [Symbol.asyncDispose]: () => Promise.all([answers.close(), site.close()]).then(() => {}) };
    const { etcd, lb, other } = kit;
    const balancer = other({ answer: `localhost:${answers.port}` });
    const service = `${ROOT_KEY}/services/a-site`;
    await etcd.put(`${service}/upstreams/one`, `127.0.0.1:${site.port}`);
    await etcd.put(`${service}/virtual_path`, "/.well-known/");
    await etcd.put(`${service}/virtual_hosts`, NAME);
    const foreign = await etcd.keys(service);
    const get = async (host: string, path = "/.well-known/acme-challenge/TOKEN"): Promise<string> =>
      (await plainGet({ hostname: "127.0.0.1", port: lb.httpPort }, host, path, CALL)).body;
    await until("the site", async () => (await get(NAME)).startsWith("the site"));
    await balancer.routes?.open(NAME, CALL);
    await balancer.routes?.open(parseDnsName("b.example.com"), CALL);
    await balancer.routes?.open(NAME, CALL);
    await until("the route", async () => await get("b.example.com") === "the answer /.well-known/acme-challenge/TOKEN");
    assertEquals(await get(NAME), "the answer /.well-known/acme-challenge/TOKEN", "with its whole path");
    assertMatch(await get(NAME, "/.well-known/other"), /^the site/);
    assertEquals(await etcd.get(`${ROUTE}/virtual_hosts`), "a.example.com,b.example.com");
    await balancer.routes?.close(NAME, CALL);
    assertEquals(await etcd.get(`${ROUTE}/virtual_hosts`), "b.example.com");
    await balancer.routes?.close(parseDnsName("b.example.com"), CALL);
    await balancer.routes?.close(NAME, CALL);
    assertEquals(await etcd.keys(ROOT_KEY), foreign, "ours is gone, others' keys are as they were");
    await until("the site again", async () => (await get(NAME)).startsWith("the site"));
  },
);

const OWN_ANSWERS = { SSL_CERT_SIDECAR: "see the shared directory", ACME_CHALLENGE_old: "old.thumbprint" };

kontena(
  "an LB that answers challenges from its own environment is told before the CA is",
  { env: OWN_ANSWERS },
  async (kit) => {
    const { balancer, etcd } = kit;
    const answers = memoryAnswers();
    const solver = http01Solver({ answers, balancers: new Map([["lb", balancer]]), clock: systemClock });
    const answer = {
      type: "http-01",
      name: NAME,
      token: "TOKEN",
      keyAuthorization: "TOKEN.x",
      balancer: "lb",
    } as const;
    const presented = await solver.present(answer, CALL);
    const error = await rejection(() => presented.settled(CALL), "CHALLENGE_NOT_READY", "it answers with status 404");
    assertStringIncludes(error.todo ?? "", "ACME_CHALLENGE_*");
    await presented[Symbol.asyncDispose]();
    assertEquals([answers.published.size, await etcd.keys(ROOT_KEY)], [0, []]);
  },
);

kontena("routes.open() writes nothing where answer= cannot be looked up", {}, async ({ etcd, other }) => {
  const balancer = other({ answer: "nowhere.invalid:80" });
  await rejection(
    async () => await balancer.routes?.open(NAME, CALL),
    "BALANCER_CONFIG",
    "answer= names nowhere.invalid, which cannot be looked up",
  );
  assertEquals(await etcd.keys(ROOT_KEY), []);
});

kontena(
  "swap() goes over the runtime socket where that is shared, at once and without a reload",
  { socket: true },
  async (kit) => {
    const { balancer, etcd, lb } = kit;
    const [first, second] = [issue(), issue()];
    const { pid } = lb;
    assertEquals((await balancer.swap({ file: FILE, bundle: first }, CALL)).kind, "added");
    assertEquals((await balancer.swap({ file: FILE, bundle: second }, CALL)).kind, "replaced");
    assertEquals(await fingerprintOf(kit), second.facts.fingerprint);
    assertEquals([lb.pid, await etcd.get(REVISION)], [pid, undefined]);
    // A reload of somebody else's reads the files.
    await etcd.put(`${ROOT_KEY}/services/x/custom_settings`, "# again");
    await until("a new process", () => lb.pid !== pid);
    assertEquals(await fingerprintOf(kit), second.facts.fingerprint);
    await until("the new process on the socket", async () => (await balancer.state(CALL)).pid === lb.pid);
    const certificate = await sniChallengeCertificate(NAME, "token.thumbprint", new Date());
    await balancer.sni?.answer(certificate, CALL);
    assertEquals(await fingerprintOf(kit, certificate.serverName), certificate.fingerprint);
    await balancer.sni?.withdraw(NAME, CALL);
    await balancer.remove(FILE, CALL);
    assertEquals(namesIn(kit.certs), [PLACEHOLDER]);
  },
);

kontena("swap() goes by file and reload where the runtime socket is not there", {}, async ({ other, certs }) => {
  const balancer = other({ socket: `${certs}/no.sock` });
  assertEquals((await balancer.swap({ file: FILE, bundle: issue() }, CALL)).kind, "added");
});

Deno.test({
  name: "state() says that an etcd does not offer the v2 API, and how to switch it on [needs etcd]",
  ignore: !has("etcd", "haproxy"),
  async fn(): Promise<void> {
    await using etcd = await startEtcd({ v2: false });
    using folder = tempDir();
    const error = await rejection(
      () => adapterFor(etcd.endpoint, folder.path).state(CALL),
      "BALANCER_CONFIG",
      "does not offer the v2 API",
    );
    assertStringIncludes(error.todo ?? "", "--enable-v2");
  },
});

Deno.test("state() says that etcd is away, that the directory is not there, and makes the placeholder", async () => {
  using folder = tempDir();
  const address = `127.0.0.1:${freePort()}`;
  await rejection(() => adapterFor(address, folder.path).state(CALL), "BALANCER_UNREACHABLE", `etcd at ${address}`);
  assertEquals(namesIn(folder.path), [PLACEHOLDER]);
  await rejection(
    () => adapterFor(address, `${folder.path}/none`).state(CALL),
    "BALANCER_CONFIG",
    `its certificate directory ${folder.path}/none does not exist`,
  );
});

/** A web server that says who it is and what it was asked for. */
function answering(text: string): { readonly port: number; close(): Promise<void> } {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => new Response(`${text} ${new URL(request.url).pathname}`),
  );
  return { port: server.addr.port, close: () => server.shutdown() };
}

function adapterFor(etcd: string, certs: string): LoadBalancer {
  const url = `kontena+etcd://${etcd}/infra/lb?certs=${certs}&probe=127.0.0.1:1&answer=127.0.0.1:2`;
  return kontenaBalancer(parseKontena("lb", url), { clock: systemClock, events: { emit: () => {} } });
}
