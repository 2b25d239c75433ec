import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { presentedAnswers } from "../../../src/flow/answers.ts";
import { keeper } from "../../../src/flow/keeper.ts";
import type { HeldCertificate } from "../../../src/flow/service.ts";
import { parseDnsNames } from "../../../src/model/dns_name.ts";
import { InUseError, OrderParkedError, SidecarError } from "../../../src/model/errors.ts";
import type { Intent } from "../../../src/model/records.ts";
import { defaultSecretName } from "../../../src/model/secret_name.ts";
import { LETSENCRYPT_LIMITS } from "../../../src/model/rate_limits.ts";
import { lifeOf } from "../../support/dying.ts";
import { CALL } from "../../support/fakes.ts";
import { type Harness, harness, type HarnessOptions } from "../../support/flow_harness.ts";
import { testAuthority, testCertificate } from "../../support/test_chain.ts";
import { generateKey } from "../../../src/x509/keys.ts";

const DAY = 86_400_000;
const DOMAINS = parseDnsNames(["www.example.com", "example.com"]);
const FIRST = defaultSecretName(DOMAINS[0]);
const DECLARED: Intent = {
  names: DOMAINS,
  keyType: "ec-256",
  secretName: FIRST,
  certType: "fullchain",
  balancers: ["infra/lb"],
};

type Kept = Harness & { look(): Promise<void> };

async function paired(options: HarnessOptions = {}, declared: readonly Intent[] = []): Promise<Kept> {
  const settings = { keyTypes: ["ec-256", "rsa-2048"] as const, ...options.settings };
  return kept(await harness({ ...options, settings }), declared);
}

function kept(it: Harness, declared: readonly Intent[] = []): Kept {
  const keep = keeper(it.parts, it.service, presentedAnswers(it.parts), declared);
  return { ...it, look: () => keep.look(CALL) };
}

/** Every certificate as `suffix keyType serial`, for example ` ec-256 01`. */
async function all({ records }: Harness): Promise<readonly string[]> {
  const held = (await records.certificates.list(CALL)).map((entry) => entry.value);
  return held.map(({ intent, facts }) => `${intent.secretName.slice(FIRST.length)} ${intent.keyType} ${facts.serial}`);
}

async function kinds(it: Harness): Promise<readonly string[]> {
  return (await all(it)).map((text) => text.split(" ").slice(0, 2).join(" ")).sort();
}

/** What the CA was asked of one kind. */
function asked({ authority }: Harness, kind: string): number {
  return authority.asked.filter((it) => it.split(" ")[0] === kind).length;
}

/** The CA does not take the second CSR that it gets. */
function refuseSecond({ parts: { authority } }: Harness): void {
  let finalized = 0;
  const as = authority.as.bind(authority);
  authority.as = (url, key) => {
    const account = as(url, key);
    const refused = new SidecarError("CA_PROBLEM", "no RSA today");
    return {
      ...account,
      finalize: (order, csr, call) => ++finalized === 2 ? Promise.reject(refused) : account.finalize(order, csr, call),
    };
  };
}

async function shown({ service }: Harness): Promise<HeldCertificate> {
  const held = await service.certificate("www.example.com", CALL);
  assert(held !== undefined);
  return held;
}

Deno.test("request() brings both kinds about, one order after the other, and swaps both", async () => {
  const it = await paired({ reuseOrders: true });

  const { record, twin } = await it.service.request({ domains: DOMAINS }, CALL);

  assertEquals(await kinds(it), [" ec-256", "_RSA rsa-2048"]);
  assertEquals([record.intent.secretName, record.intent.keyType as string], [FIRST, "ec-256"]);
  assert(twin?.state === "held");
  assertEquals(twin.certificate.deployments.map(({ state }) => state), ["served"]);
  assertEquals(it.swaps.map((swap) => swap.split(" ")[1]), [`${FIRST}.pem`, `${FIRST}_RSA.pem`]);
  const words = it.authority.asked.map((text) => text.split(" ")[0]).filter((kind) =>
    /^(newOrder|finalize)$/.test(kind!)
  );
  assertEquals(words, ["newOrder", "finalize", "newOrder", "finalize"]);
  const secrets = (await it.vault.list(CALL)).map(({ name }) => name as string);
  for (const part of ["PRIVATE_KEY", "CERTIFICATE", "BUNDLE"]) {
    assert(secrets.includes(`${FIRST}_${part}`) && secrets.includes(`${FIRST}_RSA_${part}`), part);
  }
});

Deno.test("request() with one kind configured is one order, and there is no twin to tell of", async () => {
  const it = await harness();
  const { twin } = await it.service.request({ domains: DOMAINS }, CALL);
  assertEquals([asked(it, "newOrder"), twin], [1, undefined]);
});

Deno.test("request() succeeds where the second kind fails: it is told, rests, and comes by the keeper", async () => {
  const it = await paired();
  refuseSecond(it);

  const { record, twin } = await it.service.request({ domains: DOMAINS }, CALL);

  assertEquals(await kinds(it), [" ec-256"]);
  assert(twin?.state === "missing");
  assertEquals([twin.keyType as string, twin.reason], ["rsa-2048", "no RSA today"]);
  assert(
    it.events.some(({ level, text }) => level === "warn" && text.includes("beside the first: no RSA today; again")),
  );
  const explained = await it.service.explainCertificate("www.example.com", CALL);
  assertStringIncludes(explained?.held ?? "", "One with an rsa-2048 key is wanted beside it and not there yet: no RSA");

  await it.look();
  assertEquals(await kinds(it), [" ec-256"], "before its rest is over");
  it.clock.move(20 * 60_000);
  await it.look();

  assertEquals(await kinds(it), [" ec-256", "_RSA rsa-2048"]);
  assertEquals((await shown(it)).record.facts.serial, record.facts.serial);
  assertEquals((await shown(it)).twin?.state, "held");
});

Deno.test("get() by hand goes on with the second kind's order, and does not order the first once more", async () => {
  const dns: Record<string, readonly string[]> = {};
  const it = await paired({ dns, types: ["dns-01"] }); // a CA that uses no authorization again
  const domains = parseDnsNames(["www.example.com"]);
  const { txt } = await it.service.authorize({ domain: domains[0], type: "dns-01" }, CALL);
  assert(txt !== undefined);
  dns[txt.name] = [txt.content];
  const first = await it.service.get({ domains }, CALL);
  assertEquals([first.twin?.state, first.twin?.reason?.split(" (")[0]], [
    "missing",
    "Expected DNS record not present for domain www.example.com",
  ]);
  const parked = await assertRejects(() => it.service.get({ domains }, CALL), OrderParkedError);
  for (const { name, content } of parked.records) dns[name] = [content];

  const { record, twin } = await it.service.get({ domains }, CALL);

  assertEquals(record.facts.serial, first.record.facts.serial);
  assert(twin?.state === "held" && twin.reason === undefined);
  assertEquals([it.authority.issued(), asked(it, "newOrder")], [2, 2]);
});

Deno.test("request() whose first kind fails orders no second", async () => {
  const it = await paired({ failing: ["example.com"] });
  await assertRejects(() => it.service.request({ domains: DOMAINS }, CALL), SidecarError);
  assertEquals([asked(it, "newOrder"), await kinds(it)], [1, []]);
});

Deno.test("each kind counts for the CA's limits; one that is put off is told, and the former one serves on", async () => {
  const it = await paired({ limits: LETSENCRYPT_LIMITS }); // five for the same names in a week
  for (let i = 0; i < 2; i++) await it.service.request({ domains: DOMAINS }, CALL);
  const before = await all(it);

  const { twin } = await it.service.request({ domains: DOMAINS }, CALL);

  const after = await all(it);
  assertEquals([it.authority.issued(), after[1]], [5, before[1]]);
  assert(after[0] !== before[0] && twin?.state === "held");
  assertStringIncludes(twin.reason ?? "", "5 of 5 certificates for exactly");
  assert(it.events.some(({ name, text }) => name === "certificate.waits" && text.includes("rsa-2048")));
});

Deno.test("a process that dies after any of its writes: one certificate of each kind, and its key kept", async () => {
  let steps = 10; // fewer, and the first kind is under way alone
  for (let ended = false; !ended; steps++) {
    const life = lifeOf(steps);
    const first = await paired({ reuseOrders: true, ledger: life.ledger, vault: life.vault });
    ended = await first.service.request({ domains: DOMAINS }, CALL).then(() => true, () => false);
    await first.service.landed();
    const it = kept(await first.restart());
    await it.look();
    await it.look();

    const found = [await kinds(it), it.authority.issued()];
    assertEquals(found, [[" ec-256", "_RSA rsa-2048"], 2], `after ${steps} writes`);
    assertEquals([await it.records.orders.list(CALL), await it.records.asides.list(CALL)], [[], []]);
  }
  assert(steps > 24, `only ${steps} writes were tried`);
});

Deno.test("request() does not take over a secret name that is somebody else's", async () => {
  const it = await paired();
  const domains = parseDnsNames(["other.example.com"]);
  const alone = await it.restart({ settings: { keyTypes: ["ec-256"] } });
  await alone.service.request({ domains, secretName: `${FIRST}_RSA` as never, keyType: "rsa-2048" }, CALL);

  const { twin } = await it.service.request({ domains: DOMAINS }, CALL);

  assert(twin?.state === "missing");
  assertEquals(
    twin.reason,
    `${FIRST}_RSA holds the certificate for other.example.com (get that one under another secret name)`,
  );
  assertEquals(
    (await it.service.certificate("other.example.com", CALL))?.record.intent.secretName as string,
    `${FIRST}_RSA`,
  );
});

Deno.test("keeper brings the first kind about, then the second, and neither again", async () => {
  const it = await paired({}, [DECLARED]);
  await it.look();
  assertEquals(await kinds(it), [" ec-256"]);
  await it.look();
  await it.look();
  assertEquals([await kinds(it), it.authority.issued()], [[" ec-256", "_RSA rsa-2048"], 2]);
});

Deno.test("keeper does not try the second kind while the first cannot be had", async () => {
  const it = await paired({ failing: ["example.com"] }, [DECLARED]);
  for (let looks = 0; looks < 3; looks++) {
    await it.look();
    it.clock.move(DAY);
  }
  assertEquals([asked(it, "newOrder"), (await it.records.attempts.list(CALL)).length], [3, 1]);
});

Deno.test("keeper renews each kind by itself: the renewal of one leaves the other", async () => {
  const it = await paired({}, [DECLARED]);
  await it.look();
  it.clock.move(10 * DAY);
  await it.look();
  const [ec = "", rsa = ""] = (await all(it)).toSorted();

  it.clock.move(52 * DAY);
  await it.look();

  const after = (await all(it)).toSorted();
  assert(after[0] !== ec, "the first kind is renewed");
  assertEquals(after[1], rsa);
  it.clock.move(10 * DAY);
  await it.look();
  assertEquals((await all(it)).toSorted()[0], after[0]);
  assert((await all(it)).toSorted()[1] !== rsa, "the second kind is renewed");
});

Deno.test("keeper brings the second kind about beside what was there before it was configured", async () => {
  const before = await harness();
  await before.service.request({ domains: DOMAINS }, CALL);
  const it = kept(await before.restart({ settings: { keyTypes: ["ec-256", "rsa-2048"] } }));
  await it.look();
  assertEquals(await kinds(it), [" ec-256", "_RSA rsa-2048"]);
});

Deno.test("keeper follows KEY_TYPE when it changes places: both algorithms, and nothing left over", async () => {
  const before = await paired({}, [DECLARED]);
  await before.look();
  await before.look();
  const settings = { keyTypes: ["rsa-2048", "ec-256"] as const };
  const it = kept(await before.restart({ settings }), [{ ...DECLARED, keyType: "rsa-2048" }]);

  for (let looks = 0; looks < 3; looks++) await it.look();

  assertEquals(await kinds(it), [" rsa-2048", "_ECDSA ec-256"]);
  assertEquals(it.removals, [`infra/lb ${FIRST}_RSA.pem`]);
});

Deno.test("keeper leaves a second kind that is over in place until what takes its place is served", async () => {
  const before = await paired({}, [DECLARED]);
  await before.look();
  await before.look();
  const it = kept(
    await before.restart({
      settings: { keyTypes: ["rsa-2048"] },
      swap: () => Promise.reject(new SidecarError("SWAP_REJECTED", "it will not have it")),
    }),
    [{ ...DECLARED, keyType: "rsa-2048" }],
  );
  for (let looks = 0; looks < 3; looks++) await it.look();
  assertEquals([await kinds(it), it.removals], [[" rsa-2048", "_RSA rsa-2048"], []]);
});

Deno.test("keeper keeps a second kind that KEY_TYPE does not name any more", async () => {
  const before = await paired({}, [DECLARED]);
  await before.look();
  await before.look();
  const it = kept(await before.restart({ settings: { keyTypes: ["ec-256"] } }), [DECLARED]);
  it.clock.move(61 * DAY);
  await it.look();
  assertEquals([await kinds(it), it.authority.issued()], [[" ec-256", "_RSA rsa-2048"], 4]);
});

Deno.test("removeCertificate() takes both kinds out of balancers, vault and ledger", async () => {
  const it = await paired();
  await it.service.request({ domains: DOMAINS }, CALL);

  const refused = await assertRejects(
    () => it.service.removeCertificate("www.example.com", { force: false }, CALL),
    InUseError,
  );
  assertEquals([refused.balancers, await kinds(it)], [["infra/lb"], [" ec-256", "_RSA rsa-2048"]]);
  await it.service.removeCertificate("www.example.com", { force: true }, CALL);
  await it.look();

  assertEquals(it.removals, [`infra/lb ${FIRST}_RSA.pem`, `infra/lb ${FIRST}.pem`]);
  const { certificates, deployments, attempts, orders } = it.records;
  const left = await Promise.all([certificates, deployments, attempts, orders].map((table) => table.list(CALL)));
  const secrets = (await it.vault.list(CALL)).filter(({ name }) => name.startsWith("LE_CERT"));
  assertEquals([left.flat(), secrets, it.authority.issued()], [[], [], 2]);
});

Deno.test("removeCertificate() forgets a second kind that is under way", async () => {
  const it = await paired();
  refuseSecond(it);
  await it.service.request({ domains: DOMAINS }, CALL);
  assertEquals([(await it.records.orders.list(CALL)).length, (await it.records.attempts.list(CALL)).length], [1, 1]);

  await it.service.removeCertificate("www.example.com", { force: true }, CALL);
  it.clock.move(DAY);
  await it.look();

  assertEquals([await it.records.orders.list(CALL), await it.records.attempts.list(CALL)], [[], []]);
  assertEquals([await kinds(it), it.authority.issued()], [[], 1]);
});

Deno.test("revokeCertificate() revokes both kinds, and both are replaced", async () => {
  const it = await paired();
  await it.service.request({ domains: DOMAINS }, CALL);
  const before = await all(it);

  await it.service.revokeCertificate("www.example.com", "keyCompromise", CALL);
  assertEquals(asked(it, "revoke"), 2);
  await it.look();

  assertEquals([await kinds(it), it.authority.issued()], [[" ec-256", "_RSA rsa-2048"], 4]);
  assertEquals((await all(it)).filter((text) => before.includes(text)), []);
});

Deno.test("revokeCertificate() again revokes what the first time left", async () => {
  const it = await paired();
  await it.service.request({ domains: DOMAINS }, CALL);
  const revoke = (): Promise<unknown> => it.service.revokeCertificate("www.example.com", "superseded", CALL);
  const as = it.parts.authority.as.bind(it.parts.authority);
  let asks = 0;
  it.parts.authority.as = (url, key) => ({
    ...as(url, key),
    revoke: (der, code, call) =>
      ++asks === 2 ? Promise.reject(new SidecarError("CA_TRANSPORT", "gone")) : as(url, key).revoke(der, code, call),
  });
  await assertRejects(revoke, SidecarError, "gone");

  await revoke();

  const held = (await it.records.certificates.list(CALL)).map(({ value }) => value.revoked?.reason as string);
  assertEquals([held, asked(it, "revoke")], [["superseded", "superseded"], 2]);
});

Deno.test("revokeCertificate() is not held up by a second kind that came from another CA", async () => {
  const it = await paired();
  await it.service.request({ domains: DOMAINS }, CALL);
  const row = (await it.records.certificates.list(CALL)).find(({ value }) => value.intent.twinOf !== undefined);
  const directory = new URL("https://old.test/dir");
  await it.records.certificates.put(row!.id, { ...row!.value, origin: "ca", directory } as never, CALL);

  const revoked = await it.service.revokeCertificate("www.example.com", "keyCompromise", CALL);

  assertEquals([revoked?.record.revoked?.reason as string, asked(it, "revoke")], ["keyCompromise", 1]);
  assert(revoked?.twin?.state === "held" && revoked.twin.certificate.record.revoked === undefined);
});

Deno.test("keeper brings no second kind about beside one that was revoked for good", async () => {
  const it = await paired();
  refuseSecond(it);
  await it.service.request({ domains: DOMAINS }, CALL);
  await it.service.revokeCertificate("www.example.com", "cessationOfOperation", CALL);
  await it.records.orders.list(CALL).then((rows) =>
    Promise.all(rows.map(({ id }) => it.records.orders.remove(id, CALL)))
  );
  it.clock.move(DAY);
  await it.look();
  assertEquals([await kinds(it), it.authority.issued()], [[" ec-256"], 1]);
});

Deno.test("importCertificate() takes the first kind's place, and the keeper ends the second", async () => {
  const it = await paired();
  await it.service.request({ domains: DOMAINS }, CALL);
  const validity = { notBefore: new Date("2026-05-01T00:00:00Z"), notAfter: new Date("2027-01-01T00:00:00Z") };
  const key = await generateKey("ec-256");
  const elsewhere = await testAuthority("Elsewhere", undefined, validity);
  const { pem } = await testCertificate(elsewhere, key.publicKey, { names: DOMAINS, ...validity });

  await it.service.importCertificate({ certificate: pem, privateKey: key.pem, chain: [elsewhere.pem] }, CALL);
  await it.look();

  const [left, ...others] = (await it.records.certificates.list(CALL)).map(({ value }) => value);
  assertEquals([left?.origin as string, left?.intent.secretName, others], ["imported", FIRST, []]);
  assertEquals(it.removals, [`infra/lb ${FIRST}_RSA.pem`]);
});
