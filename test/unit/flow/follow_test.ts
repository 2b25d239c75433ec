import { assert, assertEquals } from "@std/assert";
import { presentedAnswers } from "../../../src/flow/answers.ts";
import { bundleWatch } from "../../../src/flow/bundle_watch.ts";
import { keeper } from "../../../src/flow/keeper.ts";
import { type Bundle, bundlePem } from "../../../src/model/certificate.ts";
import { parseDnsName, parseDnsNames } from "../../../src/model/dns_name.ts";
import { certificateSecrets, defaultSecretName, orderKeyName } from "../../../src/model/secret_name.ts";
import { watchedVault } from "../../../src/vault/watched_vault.ts";
import { CALL } from "../../support/fakes.ts";
import { type Harness, harness, type HarnessOptions } from "../../support/flow_harness.ts";
import { fakeClock } from "../../support/fake_clock.ts";
import { testPki } from "../../support/pki.ts";
import { until } from "../../support/process.ts";

const PKI = testPki();
const DAY = 86_400_000;
const NAME = "www.example.com";
const SECRET = defaultSecretName(parseDnsName(NAME));
const SECRETS = certificateSecrets(SECRET);
/** The harness begins a day later. */
const MAY = new Date("2026-05-31T00:00:00Z");
const days = (count: number): Date => new Date(MAY.getTime() + count * DAY);

interface Scene extends Harness {
  /** What a person writes with `vault write`. */
  write(bundle: Bundle): Promise<void>;
  look(): Promise<void>;
  told(name: string): readonly string[];
}

/** A certificate that was got for the names, and the keeper. */
async function scene(names: readonly string[] = [NAME], options: HarnessOptions = {}): Promise<Scene> {
  const it = await harness({ vault: watchedVault, ...options });
  await it.service.request({ domains: parseDnsNames(names) }, CALL);
  const keep = keeper(it.parts, it.service, presentedAnswers(it.parts), []);
  await keep.look(CALL);
  return {
    ...it,
    write: (bundle) => writeBundle(it, bundlePem(bundle)),
    look: () => keep.look(CALL),
    told: (name) => it.events.filter((event) => event.name === name).map((event) => event.text),
  };
}

async function writeBundle({ parts, clock }: Harness, value: string): Promise<void> {
  clock.move(1_000); // what was written when tells writes apart
  await parts.vault.write([{ name: SECRETS.bundle, value: value.trimEnd() }], CALL);
}

Deno.test("a bundle is unsealed by a look only when it was written since; one that is gone keeps none from the others", async () => {
  const reads: string[] = [];
  const it = await scene([NAME], {
    vault: (inner) => ({ ...inner, read: (name, call) => (reads.push(name), inner.read(name, call)) }),
  });
  await it.service.request({ domains: parseDnsNames(["other.example.com"]) }, CALL);
  const bundles = bundleWatch(it.parts, it.service);
  const look = async (): Promise<readonly string[]> => {
    reads.length = 0;
    await bundles.look(new Map((await it.parts.vault.list(CALL)).map((entry) => [entry.name, entry])), CALL);
    return reads.filter((name) => name.endsWith("_BUNDLE"));
  };
  assertEquals((await look()).length, 2);
  assertEquals(await look(), []);
  await it.parts.vault.remove(certificateSecrets(defaultSecretName(parseDnsName("other.example.com"))).bundle, CALL);
  await it.write(brought());
  assertEquals((await look()).includes(SECRETS.bundle), true);
  assertEquals((await it.service.certificate(NAME, CALL))?.record.origin, "imported");
});

/** A certificate that a person brings. */
function brought(names: readonly [string, ...string[]] = [NAME], end = 200): Bundle {
  return PKI.issue(names, { notBefore: MAY, notAfter: days(end) });
}

Deno.test("a bundle that was written by hand is what everything tells of, and is renewed by its own dates", async () => {
  const it = await scene();
  const bundle = brought();
  await it.write(bundle);
  await it.look();

  const held = (await it.service.certificate(NAME, CALL))!;
  assertEquals([held.record.facts.fingerprint, held.record.origin], [bundle.facts.fingerprint, "imported"]);
  assertEquals(held.record.storedAt, it.clock.now());
  assertEquals(held.renewal?.at, days(200 * 2 / 3));
  assert((await it.service.explainCertificate(NAME, CALL))?.held.includes("was imported, valid until 2026-12-17"));
  assertEquals(it.told("certificate.corrected").length, 1);
  const others = await Promise.all([SECRETS.privateKey, SECRETS.certificate].map((name) => it.vault.read(name, CALL)));
  const expected = [bundle.keyPem, bundle.certificates.join("")].map((pem) => pem.trimEnd());
  assertEquals(others.map((secret) => secret?.value), expected);
  it.clock.move(100 * DAY);
  await it.look();
  assertEquals(it.authority.issued(), 1);
  it.clock.move(34 * DAY);
  await it.look();
  assertEquals(it.authority.issued(), 2);
});

Deno.test("a bundle that was written by hand is followed at the write, where the vault tells of it", async () => {
  const clock = fakeClock(new Date("2026-06-01T00:00:00Z"));
  const it = await harness({ vault: watchedVault, clock });
  await clock.run(it.service.request({ domains: parseDnsNames([NAME]) }, CALL));
  const lifetime = new AbortController();
  const running = keeper(it.parts, it.service, presentedAnswers(it.parts), []).run({ signal: lifetime.signal });
  await until("the keeper rests", () => Promise.resolve(clock.sleeping > 0));
  const bundle = brought();
  await writeBundle(it, bundlePem(bundle));
  const fingerprint = async (): Promise<string | undefined> =>
    (await it.service.certificate(NAME, CALL))?.record.facts.fingerprint;

  await until("it is written down", async () => await fingerprint() === bundle.facts.fingerprint);
  lifetime.abort(new Error("the test is over"));
  await running;
});

Deno.test("what belongs to the former certificate is not said of the one that was written by hand", async () => {
  const it = await scene();
  await it.service.revokeCertificate(NAME, "cessationOfOperation", CALL);
  const [row] = await it.records.certificates.list(CALL);
  const intent = { ...row!.value.intent, awaited: true };
  const warnings = [{ name: "ends-earlier", found: "it ends" }] as const;
  await it.records.certificates.put(SECRET, { ...row!.value, intent, warnings }, CALL);
  await it.records.attempts.put(SECRET, { failures: 3, lastError: "no", lastAt: it.clock.now() }, CALL);
  const order = { id: "one", directory: url("directory"), account: url("account"), names: intent.names, intent };
  await it.records.orders.put("one", { ...order, createdAt: it.clock.now(), step: "intended" }, CALL);
  await it.write(brought());
  await it.look();

  const { record, renewal } = (await it.service.certificate(NAME, CALL))!;
  assertEquals([record.revoked, record.warnings, record.intent.awaited], [undefined, undefined, undefined]);
  assertEquals([renewal?.why, await it.records.attempts.get(SECRET, CALL)], ["lifetime", undefined]);
  assertEquals([await it.records.orders.list(CALL), it.authority.issued()], [[], 1]);
});

Deno.test("an earlier version of ours that comes back stays the CA's, and the order for a newer one goes on", async () => {
  const it = await scene();
  const before = (await it.service.certificate(NAME, CALL))!.record;
  const former = (await it.vault.read(SECRETS.bundle, CALL))!.value;
  await it.service.request({ domains: parseDnsNames([NAME]) }, CALL);
  const { intent } = before;
  const order = { id: "one", directory: url("directory"), account: url("account"), names: intent.names, intent };
  await it.records.orders.put("one", { ...order, createdAt: it.clock.now(), step: "intended" }, CALL);
  await writeBundle(it, former);
  await it.service.follow(SECRET, CALL);

  const { record } = (await it.service.certificate(NAME, CALL))!;
  assertEquals([record.facts.fingerprint, record.origin], [before.facts.fingerprint, "ca"]);
  assertEquals((await it.records.orders.list(CALL)).length, 1);
});

const CUT = brought();
const UNREADABLE: readonly (readonly [string, string])[] = [
  ["is no bundle", "no bundle"],
  ["has another key", CUT.certificates.join("") + brought().keyPem],
  ["has no key", CUT.certificates.join("")],
  ["is cut off", bundlePem(CUT).slice(0, 400)],
];
for (const [why, value] of UNREADABLE) {
  Deno.test(`a bundle that ${why} changes nothing, nor after a restart; a good one after it is followed`, async () => {
    const it = await scene();
    const [before] = await it.records.certificates.list(CALL);
    const key = (await it.vault.read(SECRETS.privateKey, CALL))?.value;
    await writeBundle(it, value);
    await it.look();
    const again = await it.restart();
    await keeper(again.parts, again.service, presentedAnswers(again.parts), []).look(CALL);

    assertEquals((await it.records.certificates.list(CALL))[0], before);
    assertEquals((await it.vault.read(SECRETS.privateKey, CALL))?.value, key);
    assertEquals([it.told("certificate.corrected"), it.authority.issued()], [[], 1]);
    const bundle = brought();
    await it.write(bundle);
    await it.look();
    assertEquals((await it.service.certificate(NAME, CALL))?.record.facts.fingerprint, bundle.facts.fingerprint);
  });
}

Deno.test("a bundle for other names and with another kind of key: the certificate is found by what it is", async () => {
  const it = await scene([NAME, "b.example.com"]);
  await it.write(PKI.issue(["a.example.com", NAME], { key: "rsa-2048", notBefore: MAY, notAfter: days(200) }));
  await it.look();
  const { intent } = (await it.service.certificate(NAME, CALL))!.record;
  assertEquals([intent.names, intent.keyType], [parseDnsNames([NAME, "a.example.com"]), "rsa-2048"]);

  await it.write(brought(["c.example.com"]));
  await it.look();
  assertEquals(await it.service.certificate(NAME, CALL), undefined);
  assertEquals((await it.service.certificate("c.example.com", CALL))?.record.intent.balancers, ["infra/lb"]);
});

Deno.test("what a process that ended had stored and not written down is ours: its order goes on", async () => {
  const it = await scene();
  const [row] = await it.records.certificates.list(CALL);
  const { intent } = row!.value;
  const bundle = brought();
  const order = { id: "one", directory: url("directory"), account: url("account"), names: intent.names, intent };
  const issued = { step: "issued", url: url("order"), certificate: url("certificate") } as const;
  await it.records.orders.put("one", { ...order, createdAt: it.clock.now(), ...issued }, CALL);
  await it.vault.write([{ name: orderKeyName("one"), value: bundle.keyPem }], CALL);
  await it.write(bundle);
  await it.records.attempts.put(SECRET, { failures: 1, lastError: "no", lastAt: it.clock.now() }, CALL);
  await it.service.follow(SECRET, CALL);

  const [{ value: now } = row!] = await it.records.certificates.list(CALL);
  assertEquals([now.facts.fingerprint, now.origin], [bundle.facts.fingerprint, "ca"]);
  assertEquals([(await it.records.orders.list(CALL)).length, (await it.records.attempts.list(CALL)).length], [1, 1]);
});

Deno.test("what is under way for its names is not taken for somebody else's write", async () => {
  const during: Promise<boolean>[] = [];
  const it: Harness = await harness({
    vault: (vault) => ({
      ...vault,
      async write(writes, call): Promise<void> {
        await vault.write(writes, call);
        if (writes.some((write) => write.name === SECRETS.bundle)) during.push(it.service.follow(SECRET, CALL));
      },
    }),
  });
  for (let i = 0; i < 2; i++) await it.service.request({ domains: parseDnsNames([NAME]) }, CALL);

  assertEquals(await Promise.all(during), [true, false]); // the first time nothing was written down yet
  assertEquals(it.events.filter((event) => event.name === "certificate.corrected"), []);
});

function url(path: string): URL {
  return new URL(`https://ca.test/${path}`);
}
