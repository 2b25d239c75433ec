import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { makeSealer } from "../../mod.ts";
import { MIGRATIONS } from "../../plugin/sqlite/schema.ts";
import { openSqlite, sqliteLedger, type SqliteStore, sqliteVault } from "../../plugin/sqlite/mod.ts";
import { SidecarError } from "../../src/model/errors.ts";
import { certificateSecrets, parseSecretName, type SecretName } from "../../src/model/secret_name.ts";
import { checkWhole } from "../support/disk_world.ts";
import { TEST_KEY } from "../support/embedded.ts";
import { inWorld, type World, type WorldOptions } from "../support/failure_world.ts";
import { fakeClock } from "../support/fake_clock.ts";
import { CALL } from "../support/fakes.ts";
import { tempDir } from "../support/process.ts";

const OTHER = parseSecretName("OTHER");

/** Plays on an embedded store, where a certificate was renewed once. */
async function onStore(play: (world: World, store: SqliteStore, path: string) => Promise<void>): Promise<void> {
  using folder = tempDir();
  const path = `${folder.path}/vault.db`;
  const sealer = await makeSealer(TEST_KEY);
  await using store = openSqlite(path);
  const stores: WorldOptions["stores"] = (clock) => ({
    ledger: sqliteLedger(store, clock),
    vault: sqliteVault(store, sealer, clock),
  });
  await inWorld({ stores }, async (world) => {
    await world.vault.write([{ name: OTHER, value: "another secret" }], CALL);
    await world.strike();
    await world.lookUntilRenewed();
    await play(world, store, path);
  });
}

const currentOf = (store: SqliteStore, name: string): Uint8Array =>
  store.get(
    "SELECT sealed FROM secrets JOIN secret_versions USING (name, version) WHERE name = ?",
    name,
  )?.["sealed"] as Uint8Array;

const replace = (store: SqliteStore, name: string, sealed: Uint8Array): number =>
  store.run(
    "UPDATE secret_versions SET sealed = ? WHERE name = ? AND version = (SELECT version FROM secrets s WHERE s.name = ?)",
    sealed,
    name,
    name,
  );

const flipped = (bytes: Uint8Array, at: number): Uint8Array => bytes.map((byte, i) => i === at ? byte ^ 1 : byte);

/** What may come to stand in the place of a sealed record. */
const ALTERATIONS = {
  "a flipped bit in its text": (store, name) => flipped(currentOf(store, name), currentOf(store, name).length - 40),
  "a flipped bit in its nonce": (store, name) => flipped(currentOf(store, name), 5),
  "an unknown format": (store, name) => flipped(currentOf(store, name), 0),
  "the record of another secret": (store) => currentOf(store, OTHER),
  "its own former record": (store, name) =>
    store.get("SELECT sealed FROM secret_versions WHERE name = ? ORDER BY version", name)?.["sealed"] as Uint8Array,
  "half of it": (store, name) => currentOf(store, name).slice(0, 100),
  "nothing": () => new Uint8Array(),
} as const satisfies Record<string, (store: SqliteStore, name: SecretName) => Uint8Array>;

for (const [what, alter] of Object.entries(ALTERATIONS)) {
  Deno.test(`F-95: ${what} in the bundle's place: one clear error, the version before is used, and renewed`, () =>
    onStore(async (world, store) => {
      const { bundle } = certificateSecrets(world.intent.secretName);
      const [former] = await world.vault.history(bundle, CALL);
      await world.strike();
      replace(store, bundle, alter(store, bundle));
      const error = await assertRejects(() => world.vault.read(bundle, CALL), SidecarError, `the secret ${bundle}: `);
      assertEquals([error.code, error.field], ["VAULT_KEY", "VAULT_KEY"]);
      assertEquals((await world.vault.read(OTHER, CALL))?.value, "another secret");

      const served = world.served();
      await using next = world.restart();
      await next.begin();

      assertEquals((await world.vault.read(bundle, CALL))?.value, former?.value);
      assert(next.served() === served, "the version before has expired: it is not put over what is valid");
      const told = next.events.find(({ name }) => name === "vault.restored");
      assertEquals([told?.level, told?.fields?.["code"]], ["warn", "VAULT_KEY"]);
      await next.look();
      await checkWhole(next, what);
      assert(next.served() !== served, "the version before has expired: it has to be renewed");
      assertEquals(next.made(), { certificates: 1, orders: 1 });
    }));
}

Deno.test("F-95: key and certificate that were altered are written anew from the bundle", () =>
  onStore(async (world, store) => {
    const { privateKey, certificate } = certificateSecrets(world.intent.secretName);
    const before = await Promise.all([privateKey, certificate].map((name) => world.vault.read(name, CALL)));
    for (const name of [privateKey, certificate]) replace(store, name, currentOf(store, OTHER));

    await using next = world.restart();
    await next.begin();

    const after = await Promise.all([privateKey, certificate].map((name) => world.vault.read(name, CALL)));
    assert(after.every((it, i) => it?.value === before[i]?.value), "they are others"); // no difference shown: one is a key
    await checkWhole(next, "after the repair");
  }));

Deno.test("F-95: a bundle without a version that is whole is told; the old one is served until it is renewed", () =>
  onStore(async (world, store) => {
    const { bundle } = certificateSecrets(world.intent.secretName);
    await world.strike();
    store.run("UPDATE secret_versions SET sealed = ? WHERE name = ?", currentOf(store, OTHER), bundle);
    await using next = world.restart();
    await assertRejects(() => next.begin(), SidecarError, "Cannot open the secret"); // nothing to give to the balancer
    const told = next.events.filter(({ level }) => level === "error");
    assertEquals(told.map(({ name, fields }) => [name, fields?.["code"]]), [["vault.unreadable", "VAULT_KEY"]]);
    assertMatch(told[0]?.text ?? "", /no earlier version can be opened either, get the certificate again$/);
    assert(!next.isRenewed(), "another certificate is served than before");
    await next.lookUntilRenewed();
    await checkWhole(next, "after the renewal");
  }));

Deno.test("F-95: a bundle that was altered can be imported again", () =>
  onStore(async (world, store) => {
    const { bundle } = certificateSecrets(world.intent.secretName);
    const copy = await world.service.exportCertificate(world.intent.names[0], CALL);
    assert(copy !== undefined);
    store.run("UPDATE secret_versions SET sealed = ? WHERE name = ?", currentOf(store, OTHER), bundle);
    await world.service.importCertificate({ ...copy, chain: [copy.chain] }, CALL);
    await checkWhole(world, "after the import");
  }));

Deno.test("F-95: the key of an order that was altered is told and thrown away; the certificate is ordered once more", () =>
  onStore(async (world, store) => {
    await world.strike("reset-before@certificate?times=20");
    await world.look();
    const [order] = await world.records.orders.list(CALL);
    replace(store, `.order-key.${order?.id}`, currentOf(store, OTHER));
    world.authority.faults.clear();
    await world.lookUntilRenewed();
    await world.checkRenewed({ code: "VAULT_KEY", says: /order-key/ });
    assertEquals(world.made(), { certificates: 2, orders: 2 });
  }));

Deno.test("F-95: a ledger entry of an unknown schema stops everything with its key and field, and nothing is ordered", () =>
  onStore(async (world, store) => {
    await world.strike();
    const key = `certificates/${world.intent.secretName}`;
    const before = store.get("SELECT value FROM entries WHERE key = ?", key)?.["value"] as string;
    const set = (value: string): number => store.run("UPDATE entries SET value = ? WHERE key = ?", value, key);
    set(before.replace('"intent"', '"intention"'));
    {
      await using next = world.restart(); // who has read it before does not look at it again
      const error = await assertRejects(() => next.look(), SidecarError, `Cannot read the ledger's entry ${key}`);
      assertEquals([error.code, /"intent"|intent is/.test(error.message)], ["VAULT_UNAVAILABLE", true], error.message);
    }
    assertEquals(world.made(), { certificates: 0, orders: 0 });
    set(before);
    await using next = world.restart();
    await next.lookUntilRenewed();
    await next.checkRenewed({ code: "VAULT_UNAVAILABLE", says: /Cannot read the ledger's entry/ });
  }));

Deno.test("F-95: an older program leaves the database of a newer one as it is, and that finds all again", async () => {
  using folder = tempDir();
  const path = `${folder.path}/vault.db`;
  const sealer = await makeSealer(TEST_KEY);
  {
    await using store = openSqlite(path);
    await sqliteVault(store, sealer, fakeClock()).write([{ name: OTHER, value: "another secret" }], CALL);
    store.run("PRAGMA user_version = 99");
  }
  const before = await Deno.readFile(path);
  const ours = MIGRATIONS.length;
  const error = assertThrows(() => openSqlite(path), SidecarError, `its version is 99, this program knows ${ours}`);
  assertEquals([error.code, error.todo], ["VAULT_UNAVAILABLE", "run the newer program that wrote it"]);
  assertEquals(await Deno.readFile(path), before);
  {
    using newer = new DatabaseSync(path);
    newer.exec(`PRAGMA user_version = ${ours}`);
  }
  await using store = openSqlite(path);
  assertEquals((await sqliteVault(store, sealer, fakeClock()).read(OTHER, CALL))?.value, "another secret");
});
