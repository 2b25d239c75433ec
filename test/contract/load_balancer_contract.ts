import { assert, assertEquals, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { type Bundle, bundlePem } from "../../src/model/certificate.ts";
import { type DnsName, parseDnsName } from "../../src/model/dns_name.ts";
import { SidecarError } from "../../src/model/errors.ts";
import { given } from "../../src/model/shape.ts";
import type { LoadBalancer } from "../../src/ports.ts";
import { sniChallengeCertificate } from "../../src/x509/sni_challenge_certificate.ts";
import { CALL } from "../support/fakes.ts";
import { testPki, withKeyOf } from "../support/pki.ts";
import { has, until } from "../support/process.ts";

/** A running balancer, and what the contract does to it behind its adapter's back. */
export interface Stand extends AsyncDisposable {
  readonly balancer: LoadBalancer;
  /** The folder of its PEM files. */
  readonly certs: string;
  /** Starts it anew with what is on disk; absent where nothing of that can be seen from outside. */
  readonly restart?: () => Promise<void>;
}

const PKI = testPki();
const DEFAULT = parseDnsName("nobody-has-this.example.net");

/** What every load balancer promises; each adapter's test calls this once. `open` starts one that serves nothing of ours. */
export function loadBalancerContract(adapter: string, programs: readonly string[], open: () => Promise<Stand>): void {
  Deno.test({
    name: `${adapter} keeps the contract of a load balancer [needs ${programs.join(", ")}]`,
    ignore: !has(...programs),
    async fn(t): Promise<void> {
      await using stand = await open();
      for (const [what, promise] of Object.entries(PROMISES)) await t.step(what, () => promise(stand));
    },
  });
}

/** In turn on one balancer, each with names of its own. */
const PROMISES: Readonly<Record<string, (stand: Stand) => Promise<void>>> = {
  "state() tells what it knows, a second time too": async ({ balancer }) => {
    assertEquals(await balancer.state(CALL), await balancer.state(CALL));
  },

  "swap() adds, leaves alone and replaces, and each time what it says is served": async ({ balancer, certs }) => {
    const [first, second] = [issue("swap"), issue("swap", "more.swap")];
    assertEquals(await balancer.swap(of(first), CALL), { kind: "added", shadowed: [] });
    assertEquals(await seen(balancer, first), [first.facts.fingerprint]);
    const sign = await balancer.sign(CALL);
    assertEquals(await balancer.swap(of(first), CALL), { kind: "unchanged", shadowed: [] });
    assertEquals(await balancer.sign(CALL), sign, "nothing was done");
    assertEquals(await balancer.swap(of(second), CALL), { kind: "replaced", shadowed: [] });
    assertEquals(await seen(balancer, second), [second, second].map((it) => it.facts.fingerprint));
    assertEquals(await Deno.readTextFile(`${certs}/${of(second).file}`), bundlePem(second));
  },

  "swap() of what cannot be served goes on with the former, and quotes none of it": async ({ balancer, certs }) => {
    const good = issue("refused");
    await balancer.swap(of(good), CALL);
    const bad = withKeyOf(issue("refused"), issue("refused"));
    const error = await assertRejects(() => balancer.swap(of(bad), CALL), SidecarError);
    assertEquals([error.code, /[A-Za-z0-9+/]{48}/.test(error.message)], ["SWAP_REJECTED", false], error.message);
    assertEquals(await seen(balancer, good), [good.facts.fingerprint]);
    assertEquals(await Deno.readTextFile(`${certs}/${of(good).file}`), bundlePem(good));
  },

  "swaps at once are carried out in turn, and all are served": async ({ balancer }) => {
    const bundles = ["a.turn", "b.turn", "c.turn"].map((name) => issue(name));
    await Promise.all(bundles.map((it) => balancer.swap(of(it), CALL)));
    const names = bundles.flatMap((it) => it.facts.names);
    const served = await balancer.served(names, CALL);
    assertEquals(
      served.map((it) => [it.name, it.fingerprint]),
      bundles.map((it, i) => [names[i], it.facts.fingerprint]),
    );
  },

  "a wildcard is served to the names below it": async ({ balancer }) => {
    const bundle = issue("*.wild");
    await balancer.swap(of(bundle), CALL);
    const below = await balancer.served([nameOf("deep.wild")], CALL);
    assertEquals(below.map((it) => it.serial), [bundle.facts.serial]);
  },

  "two kinds of key for one name are served each to its clients": async ({ balancer }) => {
    const name = nameOf("twin");
    const pair = [PKI.issue([name]), PKI.issue([name], { key: "rsa-2048" })];
    for (const [i, bundle] of pair.entries()) {
      const report = await balancer.swap({ file: `LE_CERTIFICATE_twin_${i}.pem`, bundle }, CALL);
      assertEquals(report, { kind: "added", shadowed: [] });
    }
    for (const [i, family] of (["EC", "RSA"] as const).entries()) {
      const [served] = await balancer.served([name], { ...CALL, family });
      assertEquals(served?.fingerprint, pair[i]?.facts.fingerprint, family);
    }
  },

  "inventory() tells what lies on disk, and what is loaded where the balancer tells": async ({ balancer, certs }) => {
    const bundle = issue("known");
    const { file } = of(bundle);
    await balancer.swap(of(bundle), CALL);
    const question = { files: [file, "LE_CERTIFICATE_nobody.pem"], answers: [] };
    const { sign, files, missing } = await balancer.inventory(question, CALL);
    assertEquals([sign, [...files.keys()].sort(), missing], [await balancer.sign(CALL), question.files.toSorted(), []]);
    assertEquals(files.get(file)?.disk, createHash("sha256").update(bundlePem(bundle)).digest("hex"));
    assertEquals(files.get(file)?.memory?.loaded ?? true, true);
    assertEquals(files.get("LE_CERTIFICATE_nobody.pem")?.disk, undefined);
    assertEquals(files.get("LE_CERTIFICATE_nobody.pem")?.memory?.loaded ?? false, false);
    await Deno.writeTextFile(`${certs}/${file}`, bundlePem(issue("known")));
    const changed = (await balancer.inventory(question, CALL)).files.get(file)?.disk;
    assert(changed !== undefined && changed !== files.get(file)?.disk, "somebody else's change is seen");
    assertEquals((await balancer.swap(of(bundle), CALL)).kind, "replaced");
    assertEquals((await balancer.inventory(question, CALL)).files.get(file)?.disk, files.get(file)?.disk);
  },

  "changed() tells once what somebody else did to a file, and nothing of what it did itself": async (
    { balancer, certs },
  ) => {
    const bundle = issue("changed");
    const { file } = of(bundle);
    const changed = async (): Promise<readonly string[]> => await balancer.changed?.(CALL) ?? [];
    await balancer.swap(of(bundle), CALL);
    await balancer.inventory({ files: [file], answers: [] }, CALL);
    await changed();
    for (
      const change of [
        () => Deno.writeTextFile(`${certs}/${file}`, bundlePem(issue("changed", "more.changed"))),
        () => Deno.remove(`${certs}/${file}`),
      ]
    ) {
      await change();
      assertEquals([await changed(), await changed()], [[file], []]);
      await balancer.swap(of(bundle), CALL);
      assertEquals(await changed(), []);
    }
    await balancer.remove(file, CALL);
    assertEquals(await changed(), []);
  },

  "remove() stops serving and removes the file, as often as it is said; the others stay": async (
    { balancer, certs },
  ) => {
    const [gone, stays] = [issue("gone"), issue("stays")];
    for (const it of [gone, stays]) await balancer.swap(of(it), CALL);
    await balancer.remove(of(gone).file, CALL);
    await balancer.remove(of(gone).file, CALL);
    assert((await seen(balancer, gone))[0] !== gone.facts.fingerprint);
    assertEquals(await seen(balancer, stays), [stays.facts.fingerprint]);
    assert(!filesIn(certs).includes(of(gone).file));
  },

  "a challenge under its own name changes nothing for others, and goes when it is withdrawn": async ({ balancer }) => {
    const { sni } = balancer;
    if (sni === undefined) return;
    const name = nameOf("challenge");
    const certificate = await sniChallengeCertificate(name, "token.thumbprint", new Date());
    const asked = [parseDnsName(certificate.serverName), DEFAULT];
    const [before, standard] = (await balancer.served(asked, CALL)).map((it) => it.fingerprint);
    for (let i = 0; i < 2; i++) await sni.answer(certificate, CALL);
    assertEquals((await balancer.served(asked, CALL)).map((it) => it.fingerprint), [certificate.fingerprint, standard]);
    for (let i = 0; i < 2; i++) await sni.withdraw(name, CALL);
    await until("it is gone", async () => (await balancer.served(asked, CALL))[0]?.fingerprint === before);
  },

  "sign() is another after a new start, which serves the same": async ({ balancer, restart }) => {
    if (restart === undefined) return;
    const bundle = issue("restarted");
    await balancer.swap(of(bundle), CALL);
    const sign = await balancer.sign(CALL);
    assertEquals(await balancer.sign(CALL), sign);
    await restart();
    await until("a new sign", () => balancer.sign(CALL).then((it) => it !== sign, () => false));
    assertEquals(await seen(balancer, bundle), [bundle.facts.fingerprint]);
    assertEquals((await balancer.swap(of(bundle), CALL)).kind, "unchanged");
  },

  "a call that is aborted rejects with the signal's reason": async ({ balancer }) => {
    const reason = new Error("no more");
    const aborted = { signal: AbortSignal.abort(reason) };
    const bundle = issue("aborted");
    const calls: Readonly<Record<string, () => Promise<unknown>>> = {
      state: () => balancer.state(aborted),
      sign: () => balancer.sign(aborted),
      ...given("changed", balancer.changed === undefined ? undefined : () => balancer.changed!(aborted)),
      inventory: () => balancer.inventory({ files: [of(bundle).file], answers: [] }, aborted),
      swap: () => balancer.swap(of(bundle), aborted),
      remove: () => balancer.remove(of(bundle).file, aborted),
      served: () => balancer.served(bundle.facts.names, aborted),
      check: () => balancer.wiring.check(aborted),
    };
    for (const [name, run] of Object.entries(calls)) assertEquals(await assertRejects(run, Error), reason, name);
  },

  "wiring.check() finds everything in place, and leaves nothing behind": async ({ balancer, certs }) => {
    const files = filesIn(certs);
    const parts = await balancer.wiring.check(CALL);
    assertEquals(parts.filter((it) => it.state === "missing"), []);
    assert(parts.length > 0 && (await balancer.wiring.lines(CALL)).length > 0);
    assertEquals(filesIn(certs), files);
  },
};

function nameOf(label: string): DnsName {
  return parseDnsName(`${label}.example.com`);
}

function issue(label: string, ...more: readonly string[]): Bundle {
  return PKI.issue([nameOf(label), ...more.map(nameOf)]);
}

function of(bundle: Bundle): Parameters<LoadBalancer["swap"]>[0] {
  return { file: `LE_CERTIFICATE_${bundle.facts.names[0]!.replaceAll(".", "_").replace("*", "STAR")}.pem`, bundle };
}

async function seen(balancer: LoadBalancer, { facts: { names } }: Bundle): Promise<readonly string[]> {
  return (await balancer.served(names, CALL)).map((it) => it.fingerprint);
}

function filesIn(folder: string): readonly string[] {
  return [...Deno.readDirSync(folder)].filter((it) => it.isFile).map((it) => it.name).sort();
}
