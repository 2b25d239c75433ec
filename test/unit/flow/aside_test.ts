import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { presentedAnswers } from "../../../src/flow/answers.ts";
import { keeper } from "../../../src/flow/keeper.ts";
import { parseDnsNames } from "../../../src/model/dns_name.ts";
import { SidecarError } from "../../../src/model/errors.ts";
import { asideName, certificateSecrets, defaultSecretName, type SecretName } from "../../../src/model/secret_name.ts";
import { lifeOf } from "../../support/dying.ts";
import { CALL } from "../../support/fakes.ts";
import { type Harness, harness, type HarnessOptions } from "../../support/flow_harness.ts";
import { type Mint, mintAt } from "../../support/minting.ts";
import { type Asked, better, inUse, WORSE, type Worse } from "../../support/worse.ts";

const DOMAINS = parseDnsNames(["www.example.com", "example.com"]);
const SECRET: SecretName = defaultSecretName(DOMAINS[0]);
const BUNDLE = certificateSecrets(SECRET).bundle;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** A sidecar that serves a public CA's certificate, and a CA that issues what the test says. */
async function serving(
  options: HarnessOptions = {},
): Promise<Harness & { readonly mint: Mint; readonly bundle: string; look(): Promise<void> }> {
  const it = await harness(options);
  const mint = mintAt(it.authority, it.clock.now, inUse);
  await it.service.request({ domains: DOMAINS }, CALL);
  const bundle = (await it.vault.read(BUNDLE, CALL))!.value;
  it.swaps.length = 0;
  const keep = keeper(it.parts, it.service, presentedAnswers(it.parts), []);
  return { ...it, mint, bundle, look: () => keep.look(CALL) };
}

const worse = (why: string): Worse["make"] => WORSE.find((it) => it.why.includes(why))!.make;
const orders = ({ authority }: Harness): number => authority.asked.filter((it) => it.startsWith("newOrder")).length;
const keyOf = (sealed: string): string => sealed.slice(sealed.indexOf("-----BEGIN PRIVATE KEY"));

for (const { why, reason, make } of WORSE) {
  Deno.test(`F-80 to F-87: the one in use is served on where the CA sends ${why}; that is kept aside (${reason})`, async () => {
    const it = await serving();
    it.mint.next = make;

    await rejected(() => it.service.request({ domains: DOMAINS }, CALL));
    for (const record of await it.service.interrupted(CALL)) { // what cannot be read is looked at five times
      for (let look = 2; look <= 5; look++) await rejected(() => it.service.resume(record, CALL));
    }

    assertEquals((await it.vault.read(BUNDLE, CALL))?.value, it.bundle);
    assertEquals(it.swaps, []);
    const [held] = await it.service.certificates(CALL);
    assertEquals(held?.aside?.reasons.map((found) => found.name).includes(reason), true);
    const sealed = await it.vault.read(asideName(SECRET), CALL);
    assertStringIncludes(sealed!.value, "-----BEGIN PRIVATE KEY-----");
    assertEquals(await it.records.orders.list(CALL), [], "the order is closed");
    assertEquals(it.events.filter((event) => event.name === "certificate.aside").length, 1);
    assertEquals((await it.vault.list(CALL)).some((entry) => entry.name.includes("aside")), false);
  });
}

Deno.test("F-80: what did not arrive whole is downloaded again, and nothing else is ordered for it", async () => {
  const it = await serving();
  let whole = false;
  it.mint.next = better;
  const as = it.authority.as.bind(it.authority);
  it.authority.as = (url, key) => {
    const account = as(url, key);
    return {
      ...account,
      certificate: async (from, call) => {
        const answer = await account.certificate(from, call);
        return whole ? answer : { ...answer, pem: answer.pem.slice(0, 300) };
      },
    };
  };
  const before = orders(it);
  const restarted = await it.restart();
  await rejected(() => restarted.service.request({ domains: DOMAINS }, CALL));
  whole = true;
  const [left] = await restarted.service.interrupted(CALL);

  const held = await restarted.service.resume(left!, CALL);

  assertEquals(held.aside, undefined);
  assertEquals(orders(it), before + 1);
  assertEquals(restarted.swaps.length, 1);
});

Deno.test("F-82: a refused certificate's key is kept with it, and is not the one of the certificate in use", async () => {
  const it = await serving();
  it.mint.next = worse("fewer names");
  await rejected(() => it.service.request({ domains: DOMAINS }, CALL));
  const sealed = (await it.vault.read(asideName(SECRET), CALL))!.value;
  assert(keyOf(sealed) !== keyOf(it.bundle));
});

Deno.test("F-83: a trial's certificate over a public one can be accepted, and is served then", async () => {
  const it = await serving();
  it.mint.next = worse("Pebble");
  const error = await rejected(() => it.service.request({ domains: DOMAINS }, CALL));
  assertStringIncludes(error.todo!, "kontena certificate accept www.example.com");

  const held = await it.service.acceptCertificate("www.example.com", CALL);

  assertEquals(held?.aside, undefined);
  assert(held?.record.origin === "ca");
  assertEquals(held.record.warnings?.map((found) => found.name), [
    "staging-over-production",
    "client-auth-lost",
    "issuer-changed",
  ]);
  assertEquals(it.swaps.length, 1);
  assertEquals(await it.vault.read(asideName(SECRET), CALL), undefined);
  assert(
    (await it.vault.history(BUNDLE, CALL)).some((earlier) => earlier.value === it.bundle),
    "the one before is kept",
  );
  assertEquals(await it.service.acceptCertificate("www.example.com", CALL), undefined);
});

for (const { why, make, overridable } of WORSE) {
  if (overridable === true) continue;
  Deno.test(`acceptCertificate() does not take ${why}`, async () => {
    const it = await serving();
    it.mint.next = make;
    await rejected(() => it.service.request({ domains: DOMAINS }, CALL));
    for (const record of await it.service.interrupted(CALL)) {
      for (let look = 2; look <= 5; look++) await rejected(() => it.service.resume(record, CALL));
    }
    const error = await rejected(() => it.service.acceptCertificate("www.example.com", CALL));
    assertStringIncludes(error.message, "cannot be accepted");
    assertEquals((await it.vault.read(BUNDLE, CALL))?.value, it.bundle);
    assertEquals(it.swaps, []);
  });
}

Deno.test("acceptCertificate() judges again: what has expired since is not taken", async () => {
  const it = await serving();
  it.mint.next = worse("for an hour");
  await rejected(() => it.service.request({ domains: DOMAINS }, CALL));
  it.clock.move(2 * HOUR);
  const error = await rejected(() => it.service.acceptCertificate("www.example.com", CALL));
  assertStringIncludes(error.message, "expired at");
});

Deno.test("F-85: a shorter life and a lost use for clients are told, and the certificate is served", async () => {
  const it = await serving();
  it.mint.next = (asked: Asked) =>
    better(asked, { extensions: [], notAfter: new Date(asked.now.getTime() + 45 * DAY) });
  const held = await it.service.request({ domains: DOMAINS }, CALL);
  assertEquals(held.record.warnings?.map((found) => found.name), ["shorter-lifetime"]);
  assertEquals(it.events.filter((event) => event.name === "certificate.warning").length, 1);
  assertEquals(it.swaps.length, 1);
});

Deno.test("F-86: a certificate that is an hour early is waited for with the same order, and taken then", async () => {
  const it = await serving();
  it.mint.next = (asked: Asked) =>
    better(asked, {
      notBefore: new Date(asked.now.getTime() + HOUR),
      notAfter: new Date(asked.now.getTime() + 90 * DAY),
    });
  const before = orders(it);
  const error = await rejected(() => it.service.request({ domains: DOMAINS }, CALL));
  assertEquals(error.retryAt! > it.clock.now(), true);
  assertEquals([(await it.vault.read(BUNDLE, CALL))?.value, it.swaps], [it.bundle, []]);

  it.clock.move(HOUR);
  const [left] = await it.service.interrupted(CALL);
  await it.service.resume(left!, CALL);

  assertEquals([orders(it), it.swaps.length], [before + 1, 1]);
});

Deno.test("F-87: one that ends earlier is not swapped in unless the operator says so", async () => {
  const it = await serving();
  it.mint.next = worse("an older certificate");
  await rejected(() => it.service.request({ domains: DOMAINS }, CALL));
  assertEquals(it.swaps, []);
  const held = await it.service.acceptCertificate("WWW.example.com", CALL);
  assertEquals([held?.record.warnings?.map((found) => found.name), it.swaps.length], [["ends-earlier"], 1]);
});

Deno.test("a newer good certificate clears what was kept aside", async () => {
  const it = await serving();
  it.mint.next = worse("Pebble");
  await rejected(() => it.service.request({ domains: DOMAINS }, CALL));
  it.mint.next = better;

  const held = await it.service.request({ domains: DOMAINS }, CALL);

  assertEquals(held.aside, undefined);
  assertEquals([await it.records.asides.list(CALL), await it.vault.read(asideName(SECRET), CALL)], [[], undefined]);
});

Deno.test("keeper orders again only after 1 h, 6 h, 24 h, then each 36 h, where every certificate is kept aside", async () => {
  const it = await serving();
  it.clock.move(40 * DAY); // due
  it.mint.next = worse("Pebble");
  const begin = it.clock.now().getTime();
  const at: number[] = [];
  let before = orders(it);
  for (let minutes = 0; minutes < 6 * 24 * 60; minutes += 10) {
    await it.look();
    if (orders(it) > before) at.push(Math.floor((it.clock.now().getTime() - begin) / HOUR));
    before = orders(it);
    it.clock.move(600_000);
  }
  assertEquals(at, [0, 1, 7, 31, 67, 103, 139].slice(0, at.length));
  assert(at.length >= 5, at.join());
  const [aside] = await it.records.asides.list(CALL);
  assertEquals(aside?.value.count, at.length);
  const [attempt] = await it.records.attempts.list(CALL);
  assertEquals(attempt?.value.lastCode, "CERTIFICATE_REJECTED");
});

Deno.test("keeper orders nothing at once where a restart lost everything but what was kept aside", async () => {
  const it = await serving();
  it.clock.move(40 * DAY);
  it.mint.next = worse("Pebble");
  await it.look();
  await it.records.attempts.remove(SECRET, CALL);
  const before = orders(it);
  it.clock.move(50 * 60_000);
  await it.look();
  assertEquals(orders(it), before);
  it.clock.move(11 * 60_000);
  await it.look();
  assertEquals(orders(it), before + 1);
});

Deno.test("keeper goes on at once with another CA where what was kept aside came from the former", async () => {
  const it = await serving();
  it.clock.move(40 * DAY);
  it.mint.next = worse("Pebble");
  await it.look();
  const [aside] = await it.records.asides.list(CALL);
  await it.records.asides.put(SECRET, { ...aside!.value, directory: new URL("https://other.test/directory") }, CALL);
  it.mint.next = better;

  await it.look();

  assertEquals((await it.service.certificates(CALL)).map((held) => held.aside), [undefined]);
});

Deno.test("removeCertificate() removes what was kept aside too, also where there is nothing else", async () => {
  const it = await serving();
  it.mint.next = worse("fewer names");
  await rejected(() => it.service.request({ domains: DOMAINS }, CALL));
  assertEquals(await it.service.removeCertificate("www.example.com", { force: true }, CALL), true);
  assertEquals(await it.records.asides.list(CALL), []);

  await rejected(() => it.service.request({ domains: DOMAINS }, CALL));
  assertEquals((await it.records.asides.list(CALL)).length, 1);
  assertEquals(await it.service.removeCertificate("www.example.com", { force: false }, CALL), true);
  assertEquals([await it.records.asides.list(CALL), await it.vault.read(asideName(SECRET), CALL)], [[], undefined]);
});

Deno.test("F-94: a certificate that is kept aside survives a process that dies at any write", async () => {
  let tried = 0;
  for (let ended = false; !ended; tried++) {
    const life = lifeOf(tried);
    const it = await serving();
    it.mint.next = worse("Pebble");
    const dying = await it.restart({ ledger: life.ledger, vault: life.vault });
    ended = await dying.service.request({ domains: DOMAINS }, CALL).then(() => "done", (error) => error.message) !==
      "dead";
    await dying.service.landed();

    const next = await it.restart();
    for (const record of await next.service.interrupted(CALL)) await rejected(() => next.service.resume(record, CALL));
    if ((await next.records.asides.list(CALL)).length === 0) {
      await rejected(() => next.service.request({ domains: DOMAINS }, CALL));
    }

    assertEquals(it.authority.issued(), 2, `after ${tried} writes`);
    const [aside] = await next.records.asides.list(CALL);
    assertEquals(aside?.value.count, 1);
    assertEquals((await it.vault.read(BUNDLE, CALL))?.value, it.bundle);
    assertEquals(await next.records.orders.list(CALL), []);
    assertEquals((await next.service.acceptCertificate("www.example.com", CALL))?.deployments[0]?.state, "served");
  }
  assert(tried > 10, `only ${tried} writes were tried`);
});

Deno.test("F-94: acceptCertificate() that dies at any write is finished by the next one, or was finished", async () => {
  let tried = 0;
  for (let ended = false; !ended; tried++) {
    const life = lifeOf(tried);
    const it = await serving();
    it.mint.next = worse("Pebble");
    await rejected(() => it.service.request({ domains: DOMAINS }, CALL));
    const dying = await it.restart({ ledger: life.ledger, vault: life.vault });
    ended = await dying.service.acceptCertificate("www.example.com", CALL).then(() => true, () => false);
    await dying.service.landed();

    const next = await it.restart();
    await keeper(next.parts, next.service, presentedAnswers(next.parts), []).look(CALL);
    await next.service.acceptCertificate("www.example.com", CALL);

    const [held] = await next.service.certificates(CALL);
    assertEquals(
      [held?.aside, held?.record.facts.issuer.startsWith("Pebble")],
      [undefined, true],
      `after ${tried} writes`,
    );
    assertEquals(await it.vault.read(asideName(SECRET), CALL), undefined);
  }
  assert(tried >= 5, `only ${tried} writes were tried`);
});

Deno.test("a bundle that has expired in the vault is not swapped over a valid one that is served", async () => {
  const it = await serving();
  const [held] = await it.service.certificates(CALL);
  it.clock.move(61 * DAY);
  const foreign = {
    name: DOMAINS[0],
    fingerprint: "ab",
    serial: "01",
    notAfter: new Date(it.clock.now().getTime() + DAY),
  };
  const balancer = it.parts.balancers.get("infra/lb")!;
  balancer.served = () => Promise.resolve([foreign]);

  const { deployments: [deployment] } = await it.service.redeploy(held!.record, CALL);

  assert(deployment?.state === "held");
  assertStringIncludes(deployment.reason, "it expired at");
  assertStringIncludes(deployment.reason, "www.example.com is answered with one that is valid until");
  assertEquals(it.swaps, []);

  for (const served of [[], [{ ...foreign, notAfter: it.clock.now() }]]) {
    balancer.served = () => Promise.resolve(served);
    await it.service.redeploy(held!.record, CALL);
  }
  assertEquals(it.swaps.length, 2, "where nothing better is served, it is put back after a restart");
});

async function rejected(run: () => Promise<unknown>): Promise<SidecarError> {
  const error = await assertRejects(run, SidecarError);
  assertEquals(error.code, "CERTIFICATE_REJECTED", error.message);
  return error;
}
