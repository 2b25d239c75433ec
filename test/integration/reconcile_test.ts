import { assert, assertEquals, assertNotEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { authorizationId, deploymentId } from "../../src/ledger/records.ts";
import { type Bundle, bundlePem } from "../../src/model/certificate.ts";
import { type DnsName, parseDnsName } from "../../src/model/dns_name.ts";
import { SidecarError } from "../../src/model/errors.ts";
import type { AuthorizationRecord } from "../../src/model/records.ts";
import { bundleFile, certificateSecrets, defaultSecretName } from "../../src/model/secret_name.ts";
import type { Clock, LoadBalancer } from "../../src/ports.ts";
import { systemClock } from "../../plugin/clock.ts";
import { CALL } from "../support/fakes.ts";
import { type HaproxyOptions, PLACEHOLDER, startHaproxy, type TestHaproxy } from "../support/haproxy.ts";
import { tapSocket } from "../support/haproxy_tap.ts";
import { kontena, namesIn, ROOT_KEY } from "../support/kontena_kit.ts";
import { testPki } from "../support/pki.ts";
import { has, until } from "../support/process.ts";
import { adapterOf, clientSees, type ReconcileStage, reconcileStage } from "../support/reconcile_stage.ts";

const PKI = testPki();
const nameOf = (i: number): string => `n${i}.example.com`;
const fileOf = (bundle: Bundle): string => bundleFile(defaultSecretName(bundle.facts.names[0]!));

function filesOf(bundles: readonly Bundle[]): Readonly<Record<string, string>> {
  return Object.fromEntries(bundles.map((it) => [fileOf(it), bundlePem(it)]));
}

function test(name: string, options: HaproxyOptions, run: (haproxy: TestHaproxy) => Promise<void>): void {
  Deno.test({
    name: `${name} [needs haproxy]`,
    ignore: !has("haproxy"),
    async fn(): Promise<void> {
      await using haproxy = await startHaproxy(options);
      await run(haproxy);
    },
  });
}

/** What clients get is what the vault holds, on every name. */
async function isServed(haproxy: TestHaproxy, bundles: readonly Bundle[]): Promise<boolean> {
  const seen = await Promise.all(bundles.map((it) => clientSees(haproxy, it.facts.names[0]!)));
  return seen.every((fingerprint, i) => fingerprint === bundles[i]?.facts.fingerprint);
}

const eventsOf = ({ events }: ReconcileStage, name: string): readonly string[] =>
  events.filter((it) => it.name === name).map((it) => it.text);

const OLD = Array.from({ length: 5 }, (_, i) => PKI.issue([nameOf(i)]));

test("F-106: HAProxy restarts with old files on disk: repaired, and the CA is not asked", {
  files: filesOf(OLD),
}, async (haproxy) => {
  await using it = await reconcileStage([adapterOf(haproxy)]);
  const now = OLD.map((_, i) => PKI.issue([nameOf(i)]));
  for (const bundle of now) await it.hold(bundle, ["lb"]);
  it.start();
  await until("all are served", () => isServed(haproxy, now));

  await haproxy.kill();
  for (const [file, pem] of Object.entries(filesOf(OLD))) await Deno.writeTextFile(`${haproxy.certs}/${file}`, pem);
  await haproxy.restart();
  await until("all are served again", () => isServed(haproxy, now));

  assertEquals(it.authority.asked, []);
  assertEquals(eventsOf(it, "balancer.alarm"), []);
});

test("a file that somebody replaced, or wrote over, is put right", { files: filesOf(OLD) }, async (haproxy) => {
  await using it = await reconcileStage([adapterOf(haproxy)]);
  for (const bundle of OLD) await it.hold(bundle, ["lb"]);
  await it.look();
  const [one, two] = [OLD[1]!, OLD[2]!].map((bundle) => `${haproxy.certs}/${fileOf(bundle)}`);
  await Deno.writeTextFile(one!, bundlePem(PKI.issue([nameOf(1)])));
  await Deno.remove(two!);
  await it.look();

  assertEquals(await Deno.readTextFile(one!), bundlePem(OLD[1]!));
  assertEquals(await Deno.readTextFile(two!), bundlePem(OLD[2]!));
  assertEquals(eventsOf(it, "balancer.drift").length, 2);
});

const CHANGES: readonly (readonly [string, (path: string) => Promise<void>])[] = [
  ["written over", (path) => Deno.writeTextFile(path, bundlePem(PKI.issue([nameOf(1)])))],
  ["removed", (path) => Deno.remove(path)],
  ["replaced by a renamed one", async (path) => {
    await Deno.writeTextFile(`${path}.new`, bundlePem(PKI.issue([nameOf(1)])));
    await Deno.rename(`${path}.new`, path);
  }],
];
for (const [how, change] of CHANGES) {
  test(`a file that was ${how} is put right long before the next look`, { files: filesOf(OLD) }, async (haproxy) => {
    const { lb, asked } = watchedAdapter(adapterOf(haproxy));
    await using it = await reconcileStage([lb], { clock: RESTLESS });
    for (const bundle of OLD) await it.hold(bundle, ["lb"]);
    it.start();
    await until("all are proven and left alone", () => asked.changes > 2);
    const looks = asked.looks.length;
    const path = `${haproxy.certs}/${fileOf(OLD[1]!)}`;
    await change(path);
    await until("it is as before", async () => await Deno.readTextFile(path) === bundlePem(OLD[1]!));
    const { changes } = asked;
    await until("what we did ourselves has been passed over", () => asked.changes > changes + 2);

    // One look at that file alone; what was put back by us leads to no other.
    assertEquals(asked.looks.slice(looks), [[fileOf(OLD[1]!)]]);
    assertEquals([eventsOf(it, "balancer.drift").length, await isServed(haproxy, OLD)], [1, true]);
  });
}

test("what somebody swapped in by hand is swapped back", { files: filesOf(OLD) }, async (haproxy) => {
  await using it = await reconcileStage([adapterOf(haproxy)]);
  for (const bundle of OLD) await it.hold(bundle, ["lb"]);
  await it.look();
  const path = `${haproxy.certs}/${fileOf(OLD[3]!)}`;
  await haproxy.ask(`set ssl cert ${path} <<\n${bundlePem(PKI.issue([nameOf(3)]))}`);
  await haproxy.ask(`commit ssl cert ${path}`);
  assertEquals(await isServed(haproxy, OLD), false);
  await it.look();

  assertEquals(await isServed(haproxy, OLD), true);
});

test("what has expired in the vault is not put back over what somebody replaced it with", {}, async (haproxy) => {
  await using it = await reconcileStage([adapterOf(haproxy)]);
  const [hour, now] = [3_600_000, Date.now()];
  const expired = PKI.issue([nameOf(0)], { notBefore: new Date(now - 2 * hour), notAfter: new Date(now - hour) });
  const secretName = await it.hold(expired, ["lb"]);
  const { fingerprint } = expired.facts;
  const served = {
    balancer: "lb",
    secretName,
    fingerprint,
    at: new Date(now - hour),
    state: "served",
    shadowed: [],
  } as const;
  await it.records.deployments.put(deploymentId("lb", secretName), served, CALL);
  const path = `${haproxy.certs}/${bundleFile(secretName)}`;
  const valid = PKI.issue([nameOf(0)]);
  await Deno.writeTextFile(path, bundlePem(valid));
  await haproxy.reload();
  await it.look();

  assertEquals(await isServed(haproxy, [valid]), true);
  assertEquals(await Deno.readTextFile(path), bundlePem(valid));
});

test("F-105: a reload while a newer certificate comes: the new worker has it", {
  files: filesOf(OLD),
  fillers: 400,
}, async (haproxy) => {
  await using it = await reconcileStage([adapterOf(haproxy)]);
  for (const bundle of OLD) await it.hold(bundle, ["lb"]);
  it.start();
  await until("all are proven", () => isServed(haproxy, OLD));
  const { pid } = haproxy;
  const reloading = haproxy.reload(); // it reads our files first, and takes over when it has read the others
  const now = OLD.map((_, i) => PKI.issue([nameOf(i)]));
  for (const bundle of now) await it.hold(bundle, ["lb"]);
  await reloading;
  await until("the new worker serves all", () => isServed(haproxy, now));

  assertNotEquals(haproxy.pid, pid);
  assertEquals([it.authority.asked, eventsOf(it, "certificate.held")], [[], []]);
});

test("F-105: a swap that a reload has lost is made again", { files: filesOf(OLD) }, async (haproxy) => {
  await using it = await reconcileStage([adapterOf(haproxy)]);
  for (const bundle of OLD) await it.hold(bundle, ["lb"]);
  await it.look();
  const newer = PKI.issue([nameOf(4)]);
  await it.hold(newer, ["lb"]);
  await it.look();
  // What the new worker had read before the file was replaced: it is right on disk again, and the swap was in the other's memory.
  const path = `${haproxy.certs}/${fileOf(newer)}`;
  await Deno.writeTextFile(path, bundlePem(OLD[4]!));
  await haproxy.reload();
  await Deno.writeTextFile(path, bundlePem(newer));
  assertEquals(await clientSees(haproxy, nameOf(4)), OLD[4]!.facts.fingerprint);
  await it.look();

  assertEquals(await clientSees(haproxy, nameOf(4)), newer.facts.fingerprint);
  assertEquals(eventsOf(it, "balancer.drift").length, 1);
});

Deno.test({
  name: "F-108: five balancers, one dead: four serve, and the fifth gets the newest when it is back [needs haproxy]",
  ignore: !has("haproxy"),
  async fn(): Promise<void> {
    await using all = new AsyncDisposableStack();
    const balancers: TestHaproxy[] = [];
    for (let i = 0; i < 5; i++) balancers.push(all.use(await startHaproxy()));
    const names = balancers.map((_, i) => `lb${i}`);
    const dead = balancers[4]!;
    await dead.kill();
    await using it = await reconcileStage(balancers.map((haproxy, i) => adapterOf(haproxy, names[i])));
    it.start();
    let newest = PKI.issue([nameOf(0)]);
    for (let version = 0; version < 3; version++) {
      newest = PKI.issue([nameOf(0)]);
      await it.hold(newest, names);
      await until("four serve it", async () => {
        const served = await Promise.all(balancers.slice(0, 4).map((haproxy) => isServed(haproxy, [newest])));
        return served.every((it) => it);
      });
    }
    assertEquals(eventsOf(it, "balancer.away").length, 1);
    await dead.restart();
    await until("the fifth has proven it", async () => (await it.records.deployments.list(CALL)).length === 5);

    assert(await isServed(dead, [newest]));
    const swaps = it.events.filter((event) => event.name === "certificate.served");
    assertEquals(names.map((name) => swaps.filter((event) => event.fields?.["balancer"] === name).length), [
      3,
      3,
      3,
      3,
      1,
    ]);
  },
});

test("F-99: a balancer whose socket hangs holds up no other", {}, async (haproxy) => {
  await using other = await startHaproxy();
  await using tap = tapSocket(`${haproxy.layout.root}/tap.sock`, haproxy.socket, () => ({ do: "hang" }));
  const hanging = adapterOf(haproxy, "hanging", tap.path);
  await using it = await reconcileStage([hanging, adapterOf(other, "other")]);
  it.start();
  for (let version = 0; version < 3; version++) {
    const bundle = PKI.issue([nameOf(0)]);
    await it.hold(bundle, ["hanging", "other"]);
    await until("the other one serves it", () => isServed(other, [bundle]));
  }
  assertEquals(eventsOf(it, "certificate.held"), []); // nobody has waited for the one that hangs
});

test("an answer to tls-alpn-01 is up again after a reload, as long as the CA may ask for it", {}, async (haproxy) => {
  const lb = adapterOf(haproxy);
  await using it = await reconcileStage([lb]);
  const name = parseDnsName("new.example.com");
  const record = pendingAlpn(name, "lb");
  await it.answers.present(record, CALL);
  await it.records.authorizations.put(authorizationId(record), { ...record, presented: true }, CALL);
  await it.look();
  await haproxy.reload();
  await assertRejects(() => it.answers.settled(record, CALL), SidecarError, "does not answer tls-alpn-01");
  await it.look();
  await it.answers.settled(record, CALL);

  await it.records.authorizations.put(
    authorizationId(record),
    { ...record, presented: true, state: "validated" },
    CALL,
  );
  await haproxy.reload();
  await it.look();
  await assertRejects(() => it.answers.settled(record, CALL), SidecarError, "does not answer tls-alpn-01");
});

test("a certificate that was removed from the vault leaves HAProxy and its directory", {}, async (haproxy) => {
  await using it = await reconcileStage([adapterOf(haproxy)]);
  const bundle = PKI.issue([nameOf(0)]);
  const secretName = await it.hold(bundle, ["lb"]);
  it.start();
  await until("it is served", () => isServed(haproxy, [bundle]));
  await it.vault.remove(certificateSecrets(secretName).bundle, CALL);
  await until("it is not served any more", async () => !await isServed(haproxy, [bundle]));
  await until("it is noted", async () => (await it.records.deployments.list(CALL)).length === 0);

  assertEquals(namesIn(haproxy.certs), [PLACEHOLDER]);
});

test("a name that a newer certificate lacks is told, with what clients get for it", {}, async (haproxy) => {
  await using it = await reconcileStage([adapterOf(haproxy)]);
  const dropped = ["b.example.com", "c.example.com"];
  await it.hold(PKI.issue([nameOf(0), ...dropped]), ["lb"]);
  await it.look();
  await it.hold(PKI.issue(["c.example.com"]), ["lb"]);
  await it.hold(PKI.issue([nameOf(0)]), ["lb"]);
  await it.look();

  const texts = eventsOf(it, "certificate.name_dropped");
  assertEquals(texts.length, 2);
  assertStringIncludes(
    texts[0]!,
    "b.example.com is not in LE_CERTIFICATE_n0_example_com any more: it is answered with anoth",
  );
  assertStringIncludes(texts[1]!, "it is answered with the certificate for c.example.com");
});

kontena(
  "a file that somebody changed is put right on a Kontena Load Balancer, and removed with its bundle",
  {},
  async (kit) => {
    await using it = await reconcileStage([kit.balancer]);
    const bundle = PKI.issue([nameOf(0)]);
    const secretName = await it.hold(bundle, ["lb"]);
    const path = `${kit.certs}/${bundleFile(secretName)}`;
    const sees = (): Promise<string | undefined> => clientSees(kit.lb, nameOf(0));
    await it.look();
    assertEquals(await sees(), bundle.facts.fingerprint);
    const other = PKI.issue([nameOf(0)]);
    await Deno.writeTextFile(path, bundlePem(other));
    await kit.etcd.put(`${ROOT_KEY}/services/kontena-certificates/custom_settings`, "# rev 99");
    await until("the LB has read it", async () => await sees() === other.facts.fingerprint);
    await it.look();
    assertEquals(await sees(), bundle.facts.fingerprint);
    assertEquals(await Deno.readTextFile(path), bundlePem(bundle));

    await it.vault.remove(certificateSecrets(secretName).bundle, CALL);
    await it.look();
    assertNotEquals(await sees(), bundle.facts.fingerprint);
    assertEquals(namesIn(kit.certs), [PLACEHOLDER]);
  },
);

kontena(
  "a file that somebody changed on a Kontena Load Balancer is put right long before the next look",
  {},
  async (kit) => {
    const { lb, asked } = watchedAdapter(kit.balancer);
    await using it = await reconcileStage([lb], { clock: RESTLESS });
    const bundle = PKI.issue([nameOf(0)]);
    const path = `${kit.certs}/${bundleFile(await it.hold(bundle, ["lb"]))}`;
    it.start();
    await until("it is served", async () => await clientSees(kit.lb, nameOf(0)) === bundle.facts.fingerprint);
    await until("it is left alone", () => asked.changes > 2);
    const looks = asked.looks.length;
    for (const change of [() => Deno.writeTextFile(path, bundlePem(PKI.issue([nameOf(0)]))), () => Deno.remove(path)]) {
      await change();
      await until("it is as before", async () => await Deno.readTextFile(path) === bundlePem(bundle));
      const { changes } = asked;
      await until("what we did ourselves has been passed over", () => asked.changes > changes + 2);
    }
    assertEquals(asked.looks.slice(looks), [[fileOf(bundle)], [fileOf(bundle)]]);
    assertEquals(await clientSees(kit.lb, nameOf(0)), bundle.facts.fingerprint);
  },
);

/** Looks for changes ten times as often, and for everything no more often. */
const RESTLESS: Clock = { ...systemClock, sleep: (ms, call) => systemClock.sleep(ms / 10, call) };

/** What a balancer is asked for: the files of each look, and how often for changes. */
function watchedAdapter(
  lb: LoadBalancer,
): { readonly lb: LoadBalancer; readonly asked: { changes: number; readonly looks: (readonly string[])[] } } {
  const asked = { changes: 0, looks: [] as (readonly string[])[] };
  const changed: LoadBalancer["changed"] = async (call) => {
    const files = await lb.changed!(call);
    asked.changes++;
    return files;
  };
  const inventory: LoadBalancer["inventory"] = (question, call) => {
    asked.looks.push(question.files);
    return lb.inventory(question, call);
  };
  return { lb: { ...lb, changed, inventory }, asked };
}

/** An answer that the CA may ask for. */
function pendingAlpn(name: DnsName, balancer: string): AuthorizationRecord {
  const url = (path: string): URL => new URL(`https://ca.test/${path}`);
  return {
    directory: url("directory"),
    account: url("account/1"),
    name,
    type: "tls-alpn-01",
    balancer,
    order: url("order/1"),
    authorization: url("authorization/1"),
    challenge: url("challenge/1"),
    token: "token-1",
    keyAuthorization: "token-1.thumbprint",
    state: "requested",
    presented: false,
    createdAt: new Date(),
  };
}
