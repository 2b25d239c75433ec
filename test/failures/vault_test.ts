import { assert, assertEquals, assertRejects } from "@std/assert";
import { parseDnsName } from "../../src/model/dns_name.ts";
import { InputError, SidecarError } from "../../src/model/errors.ts";
import { parseSecretName } from "../../src/model/secret_name.ts";
import type { Vault } from "../../src/ports.ts";
import { outboxVault } from "../../src/vault/outbox.ts";
import { makeSealer } from "../../src/vault/seal.ts";
import { MAX_VALUE_BYTES } from "../../src/vault/writes.ts";
import { type Absence, type AwayVault, awayVault, memoryOutbox } from "../support/away_vault.ts";
import { embeddedVault, TEST_KEY } from "../support/embedded.ts";
import { inWorld, type World, type WorldOptions } from "../support/failure_world.ts";
import { fakeClock } from "../support/fake_clock.ts";
import { CALL } from "../support/fakes.ts";

const MINUTE = 60_000;
const SEALED: Absence = { code: "VAULT_UNAVAILABLE" };
const sealer = await makeSealer(TEST_KEY);

/** A world whose vault can go away, and has an outbox. */
async function withVault(
  options: WorldOptions,
  play: (world: World, away: AwayVault, waiting: () => number) => Promise<void>,
): Promise<void> {
  let away: AwayVault | undefined;
  let world: World | undefined;
  const outbox = memoryOutbox();
  const vault = (inner: Vault): Vault => {
    away = awayVault(inner);
    const events = { emit: (event: World["events"][number]): void => void waits.push(event) };
    return outboxVault({ vault: away.vault, outbox, sealer, clock: fakeClock(), events });
  };
  const waits: World["events"][number][] = [];
  await inWorld({ ...options, vault }, async (it) => {
    world = it;
    await play(world, away!, () => outbox.entries.size);
  });
}

/** The calls of a vault in a whole renewal. */
async function callsOfRenewal(): Promise<readonly string[]> {
  let calls: readonly string[] = [];
  await withVault({}, async (world, away) => {
    await world.strike();
    const before = away.calls().length;
    await world.lookUntilRenewed();
    calls = away.calls().slice(before);
  });
  return calls;
}

/** The keeper looks on while the vault is away. */
async function waitOut(world: World): Promise<void> {
  for (let looks = 0; looks < 4; looks++) {
    await world.look();
    world.clock.move(2 * MINUTE);
  }
}

Deno.test("F-89: with a vault that is sealed from the start nothing is ordered, and all heals when it is open", () =>
  withVault({ fresh: true }, async (world, away) => {
    away.leave(SEALED);
    await waitOut(world);
    assertEquals(world.requests().filter((it) => !it.startsWith("directory")), []);
    const told = world.events.filter(({ name }) => name === "vault.away");
    assertEquals(told.map(({ level, fields }) => [level, fields?.["code"]]), [["error", "VAULT_UNAVAILABLE"]]);
    const domains = [parseDnsName("www.example.com")] as const;
    await assertRejects(() => world.service.request({ domains }, CALL), SidecarError, "sealed");

    away.comeBack();
    await world.lookUntilRenewed();

    assertEquals(world.made(), { certificates: 1, orders: 1 });
    assert(world.events.some(({ name, fields }) => name === "vault.back" && fields?.["seconds"] === 480));
  }));

const CALLS = await callsOfRenewal();

Deno.test("F-90: a renewal has at least 12 points at which the vault can be sealed", () => {
  assert(CALLS.length >= 12, CALLS.join("\n"));
});

for (let point = 0; point < CALLS.length; point++) {
  Deno.test(`F-90: a vault that is sealed after call ${point} of a renewal costs no key and no second order`, () =>
    withVault({}, async (world, away, waiting) => {
      await world.strike();
      away.leave(SEALED, point);
      await waitOut(world);
      assert(world.made().orders <= 1);
      assertEquals(await world.records.certificates.list(CALL).then((it) => it.length), 1);

      away.comeBack();
      await world.lookUntilRenewed();
      await world.look();

      await world.checkRenewed(
        world.events.some(({ name }) => name === "vault.away") ? { code: "VAULT_UNAVAILABLE" } : {},
      );
      assertEquals({ ...world.made(), waiting: waiting() }, { certificates: 1, orders: 1, waiting: 0 });
    }));
}

Deno.test("F-90: a certificate that is issued while the vault is sealed is served from the outbox", () =>
  withVault({}, async (world, away, waiting) => {
    await world.strike();
    away.leave(SEALED, CALLS.findIndex((it) => it.includes("_BUNDLE") && it.startsWith("write")));
    await world.lookUntilRenewed();
    assertEquals(world.made(), { certificates: 1, orders: 1 });
    assert(waiting() > 0, "nothing waits");

    away.comeBack();
    await world.look();
    await world.checkRenewed();
    assertEquals(waiting(), 0);
  }));

for (const only of [/ LE_/, /^write/, /^ready/, /order-key/]) {
  Deno.test(`F-91: a vault that denies us ${only} is told by its class; nothing is lost, and it heals`, () =>
    withVault({}, async (world, away, waiting) => {
      await world.strike();
      away.leave({ code: "VAULT_DENIED", only });
      await waitOut(world);
      assert(world.made().orders <= 1);

      away.comeBack();
      await world.lookUntilRenewed();
      await world.look();

      const told = world.events.some(({ fields }) => fields?.["code"] === "VAULT_DENIED");
      await world.checkRenewed(told ? { code: "VAULT_DENIED" } : {});
      assertEquals({ ...world.made(), waiting: waiting() }, { certificates: 1, orders: 1, waiting: 0 });
    }));
}

for (let point = 0; point < CALLS.length; point += 2) {
  Deno.test(`F-92: writes that were made although their answers got lost, from call ${point} on, are not made twice`, () =>
    withVault({}, async (world, away, waiting) => {
      await world.strike();
      away.leave("answers get lost", point);
      await waitOut(world);
      assert(world.made().orders <= 1);

      away.comeBack();
      await world.lookUntilRenewed();
      await world.look();

      const told = world.events.some(({ name, level }) => level === "error" || name === "certificate.waits");
      await world.checkRenewed(told ? { code: "VAULT_UNAVAILABLE" } : {});
      assertEquals({ ...world.made(), waiting: waiting() }, { certificates: 1, orders: 1, waiting: 0 });
    }));
}

Deno.test("F-98: a value that a store may not take is refused before anything is written", async () => {
  await using vault = await embeddedVault(fakeClock());
  const [small, large] = [parseSecretName("SMALL"), parseSecretName("LARGE")];
  const value = "x".repeat(MAX_VALUE_BYTES);
  const writes = [{ name: small, value: "one" }, { name: large, value: `${value}ü` }];
  await assertRejects(() => vault.write(writes, CALL), InputError, `${MAX_VALUE_BYTES + 2} bytes, the most is 1048576`);
  assertEquals(await vault.list(CALL), []);
  await vault.write([{ name: large, value }], CALL);
  assertEquals((await vault.read(large, CALL))?.value.length, MAX_VALUE_BYTES);
});
