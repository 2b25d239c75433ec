import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { recordsOf } from "../../../src/ledger/records.ts";
import { memoryLedger } from "../../../src/ledger/memory_ledger.ts";
import { parseDnsName, parseDnsNames } from "../../../src/model/dns_name.ts";
import { KeyTakenError, SidecarError } from "../../../src/model/errors.ts";
import { ACCOUNT_KEY, NEXT_ACCOUNT_KEY } from "../../../src/model/secret_name.ts";
import { generateAccountKey } from "../../../src/x509/account_key.ts";
import { checkAccount, dyingAtEachWrite, keysOf, notesOf, registered } from "../../support/account_world.ts";
import { lifeOf } from "../../support/dying.ts";
import { CALL } from "../../support/fakes.ts";
import type { Harness } from "../../support/flow_harness.ts";

const REQUEST = { domains: parseDnsNames(["www.example.com"]) };
const www = parseDnsName("www.example.com");

Deno.test("a rollover gives the account another key; the one before is kept as an earlier version", async () => {
  const world = await registered();
  const before = await checkAccount(world);

  const status = await world.service.rollOverAccount(CALL);

  const after = await checkAccount(world);
  assert(after !== before);
  assertEquals(await keysOf(world.vault), { current: after, next: undefined, earlier: [before] });
  assertEquals([status.state, status.record?.email, status.record?.thumbprint], ["valid", "you@example.com", after]);
  assert(world.events.some(({ name, fields }) => name === "account.key_changed" && fields?.["to"] === after));
  await world.service.request(REQUEST, CALL);
});

Deno.test("the new key is sealed and announced before the CA hears of it, and no list shows it", async () => {
  const world = await registered();
  const life = lifeOf(2);
  const dying = await world.restart({ ledger: life.ledger, vault: life.vault });
  await assertRejects(() => dying.service.rollOverAccount(CALL), Error, "dead");

  const { next } = await keysOf(world.vault);
  const { change } = await notesOf(world);
  assert(next !== undefined && change?.change === "rollover");
  assertEquals(change.to, next);
  assertEquals((await world.vault.list(CALL)).map(({ name }) => name), [ACCOUNT_KEY]);
  assert(!JSON.stringify(world.events).includes("PRIVATE KEY"));
});

for (
  const [what, prepare] of [
    ["nothing else under way", (): Promise<Harness> => registered()],
    ["challenges presented", presenting],
    ["a key left by a former attempt", leftOver],
  ] as const
) {
  Deno.test(`F-32: a process that dies after any write of a rollover finds out which key counts (${what})`, async () => {
    const steps: string[] = [];
    const writes = await dyingAtEachWrite(
      prepare,
      (world) => world.service.rollOverAccount(CALL),
      async (after, n) => {
        await after.service.openAccount(CALL);
        const current = await checkAccount(after);
        await checkAnswers(after, current);
        steps.push((await keysOf(after.vault)).earlier.length === 0 ? "old" : "new");
        await after.service.rollOverAccount(CALL);
        assert(await checkAccount(after) !== current, `no rollover after ${n} writes`);
        await after.service.request(REQUEST, CALL);
      },
    );
    assert(writes >= 5, `only ${writes} writes`);
    assertEquals(new Set(steps), new Set(["old", "new"]), "one of both ways was never met");
  });

  Deno.test(`F-32: the same where the answer to keyChange is lost (${what})`, async () => {
    await dyingAtEachWrite(
      async () => {
        const world = await prepare();
        world.authority.loseAnswer("keyChange");
        return world;
      },
      (world) => world.service.rollOverAccount(CALL),
      async (after) => {
        await after.service.openAccount(CALL);
        await checkAnswers(after, await checkAccount(after));
        await after.service.request(REQUEST, CALL);
      },
    );
  });
}

Deno.test("F-32: a rollover whose answer is lost took effect, and is done", async () => {
  const world = await registered();
  const before = await checkAccount(world);
  world.authority.loseAnswer("keyChange");
  await world.service.rollOverAccount(CALL);
  assert(await checkAccount(world) !== before);
  assertEquals(world.authority.asked.filter((it) => it === "keyChange").length, 1);
});

Deno.test("F-32: a new key that has another account is thrown away; the account keeps its own", async () => {
  const world = await registered();
  const before = await checkAccount(world);
  const { key, pem } = await generateAccountKey();
  await world.vault.write([{ name: NEXT_ACCOUNT_KEY, value: pem }], CALL);
  const taken = world.authority.takeKey(key.thumbprint);

  await assertRejects(() => world.service.rollOverAccount(CALL), KeyTakenError, taken.href);

  assertEquals(await checkAccount(world, 2), before);
  assertEquals((await keysOf(world.vault)).next, undefined);
  await world.service.rollOverAccount(CALL);
  assert(await checkAccount(world, 2) !== before);
});

Deno.test("F-32: a change that arrives after it was given up is found, for the new key is still sealed", async () => {
  const world = await registered();
  const before = await checkAccount(world);
  world.authority.drop("keyChange");
  await assertRejects(() => world.service.rollOverAccount(CALL), SidecarError, "reset");
  assertEquals(await checkAccount(world), before);
  assert(world.events.some(({ name }) => name === "account.key_kept"));

  const { next } = await keysOf(world.vault);
  const [account] = [...world.authority.accounts.values()];
  account!.thumbprint = next!;
  await assertRejects(() => world.service.request(REQUEST, CALL), SidecarError, "JWS verification error");

  assertEquals(await checkAccount(world), next);
  await world.service.request(REQUEST, CALL);
});

Deno.test("F-32: a rollover is finished from the vault alone where the ledger was lost in the middle of it", async () => {
  const world = await registered();
  const life = lifeOf(2);
  const dying = await world.restart({ ledger: life.ledger, vault: life.vault });
  await assertRejects(() => dying.service.rollOverAccount(CALL), Error, "dead");
  const { next } = await keysOf(world.vault);

  const ledger = memoryLedger(world.clock);
  const after = await world.restart({ ledger: () => ledger });
  await after.service.openAccount(CALL);
  assertEquals([after.authority.accounts.size, (await keysOf(world.vault)).current], [1, next]);
  assertEquals((await recordsOf(ledger).accounts.list(CALL)).map(({ value }) => value.thumbprint), [next]);
});

Deno.test("where neither key opens the account, nothing is given up and no account is made", async () => {
  const world = await registered();
  const life = lifeOf(2);
  const dying = await world.restart({ ledger: life.ledger, vault: life.vault });
  await assertRejects(() => dying.service.rollOverAccount(CALL), Error, "dead");
  const [account] = [...world.authority.accounts.values()];
  const own = account!.thumbprint;
  account!.thumbprint = "nobody's";

  const after = await world.restart();
  await assertRejects(() => after.service.openAccount(CALL), SidecarError, "Neither the key before nor the new one");
  assert((await notesOf(after)).change !== undefined);
  account!.thumbprint = own;
  after.clock.move(3_600_000); // what nobody waits for may rest after a failure
  await after.service.openAccount(CALL);
  await checkAccount(after);
});

Deno.test("a key that a person puts into the vault in the meantime is left alone", async () => {
  const world = await registered();
  const life = lifeOf(2);
  const dying = await world.restart({ ledger: life.ledger, vault: life.vault });
  await assertRejects(() => dying.service.rollOverAccount(CALL), Error, "dead");
  const { key, pem } = await generateAccountKey();
  const other = world.authority.takeKey(key.thumbprint);
  await world.vault.write([{ name: ACCOUNT_KEY, value: pem }], CALL);

  const after = await world.restart();
  await after.service.openAccount(CALL);
  assertEquals([await checkAccount(after, 2), (await after.service.account(CALL)).record?.url], [
    key.thumbprint,
    other,
  ]);
});

Deno.test("while the CA looks at a challenge, the key that answers it is not changed", async () => {
  const world = await presenting();
  const [entry] = await world.records.authorizations.list(CALL);
  const expires = new Date(world.clock.now().getTime() + 7 * 86_400_000);
  await world.records.authorizations.put(entry!.id, { ...entry!.value, state: "requested", expires }, CALL);
  const before = await checkAccount(world);

  const error = await assertRejects(() => world.service.rollOverAccount(CALL), SidecarError, "the CA is looking at");
  assertEquals(error.code, "CONFLICT");
  assertStringIncludes(error.todo ?? "", "kontena certificate get");
  assertEquals([await checkAccount(world), world.authority.asked.includes("keyChange")], [before, false]);

  world.clock.move(8 * 86_400_000); // what has expired is not looked at any more
  await world.service.rollOverAccount(CALL);
});

Deno.test("answers that the CA was not told about are made anew, and the one that is up is up with the new key", async () => {
  const world = await presenting();
  await world.service.rollOverAccount(CALL);
  await checkAnswers(world, await checkAccount(world));
  assertEquals((await world.records.answers.list(CALL)).length, 1);

  await world.service.get({ domains: parseDnsNames(["up.example.com"]) }, CALL);
  assertEquals(await world.records.answers.list(CALL), []);
});

Deno.test("a rollover and an order that come together take turns", async () => {
  const world = await registered();
  const [first, , second] = await Promise.all([
    world.service.request(REQUEST, CALL),
    world.service.rollOverAccount(CALL),
    world.service.request({ domains: parseDnsNames(["other.example.com"]) }, CALL),
  ]);
  assertEquals([first.record.intent.names[0], second.record.intent.names[0]], [www, "other.example.com"]);
  await checkAccount(world);
});

Deno.test("nothing is rolled over where nobody has registered", async () => {
  const world = await registered({ settings: { agreeTos: true } });
  await world.vault.remove(ACCOUNT_KEY, CALL);
  const error = await assertRejects(() => world.service.rollOverAccount(CALL), SidecarError, "is not in the vault");
  assertEquals([error.code, world.authority.accounts.size], ["ACCOUNT_MISSING", 1]);
});

/** An http-01 answer that is up, and a TXT record that waits for a person. */
async function presenting(): Promise<Harness> {
  const world = await registered();
  await world.service.authorize(
    { domain: parseDnsName("up.example.com"), type: "http-01", balancer: "infra/lb" },
    CALL,
  );
  await world.service.authorize({ domain: parseDnsName("hand.example.com"), type: "dns-01" }, CALL);
  return world;
}

async function leftOver(): Promise<Harness> {
  const world = await registered();
  await world.vault.write([{ name: NEXT_ACCOUNT_KEY, value: (await generateAccountKey()).pem }], CALL);
  return world;
}

/** Every answer that the CA may ask for is made with the key that counts. */
async function checkAnswers({ records }: Harness, thumbprint: string): Promise<void> {
  const all = (await records.authorizations.list(CALL)).map(({ value }) => value);
  for (const { token, keyAuthorization } of all) assertEquals(keyAuthorization, `${token}.${thumbprint}`);
  for (const { id, value } of await records.answers.list(CALL)) assertEquals(value, `${id}.${thumbprint}`);
}
