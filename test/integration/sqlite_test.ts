import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { DatabaseSync } from "node:sqlite";
import { makeSealer } from "../../mod.ts";
import { sqliteLedger } from "../../plugin/sqlite/ledger.ts";
import { APPLICATION_ID, MIGRATIONS } from "../../plugin/sqlite/schema.ts";
import { openSqlite, type SqliteStore } from "../../plugin/sqlite/store.ts";
import { checkVaultKey, sqliteVault } from "../../plugin/sqlite/vault.ts";
import { describe, SidecarError } from "../../src/model/errors.ts";
import { number, text } from "../../src/model/shape.ts";
import { orderKeyName, parseSecretName } from "../../src/model/secret_name.ts";
import type { Vault } from "../../src/ports.ts";
import { TEST_KEY } from "../support/embedded.ts";
import { fakeClock } from "../support/fake_clock.ts";
import { type Running, start, tempDir, until } from "../support/process.ts";

const call = { signal: new AbortController().signal };
const A = parseSecretName("A");
const KEY = parseSecretName("PAIR_PRIVATE_KEY");
const CERTIFICATE = parseSecretName("PAIR_CERTIFICATE");

Deno.test("openSqlite() makes folder and files for this user only, with a durable log", async () => {
  using folder = tempDir();
  const path = `${folder.path}/deep/er/vault.db`;
  await using store = openSqlite(path);
  await (await vaultOn(store)).write([{ name: A, value: "one" }], call);
  const mode = (it: string): string => ((Deno.statSync(it).mode ?? 0) & 0o777).toString(8);
  assertEquals([mode(`${folder.path}/deep`), mode(`${folder.path}/deep/er`)], ["700", "700"]);
  for (const suffix of ["", "-wal", "-shm", ".lock"]) assertEquals(mode(`${path}${suffix}`), "600", suffix);
  assertEquals(text(store.get("PRAGMA journal_mode") ?? {}, "journal_mode"), "wal");
  assertEquals(number(store.get("PRAGMA synchronous") ?? {}, "synchronous"), 2, "FULL");
});

Deno.test("openSqlite() finds all again after it was closed", async () => {
  using folder = tempDir();
  const path = `${folder.path}/vault.db`;
  const before = { version: 0, token: 0 };
  {
    await using store = openSqlite(path);
    const vault = await vaultOn(store);
    await using ledger = sqliteLedger(store, fakeClock());
    for (const value of ["one", "two"]) await vault.write([{ name: A, value }], call);
    await vault.write([{ name: orderKeyName("1"), value: "key" }, { name: CERTIFICATE, value: "gone" }], call);
    await vault.remove(CERTIFICATE, call);
    await using lease = await ledger.lease("x", 1_000, call);
    before.token = lease.token;
    await ledger.put("a", { b: 1 }, call);
    before.version = await ledger.put("b", 2, call);
    await ledger.remove("b", call);
  }
  await using store = openSqlite(path);
  const vault = await vaultOn(store);
  await using ledger = sqliteLedger(store, fakeClock());
  assertEquals((await vault.read(A, call))?.value, "two");
  assertEquals((await vault.history(A, call)).map((it) => it.value), ["one"]);
  assertEquals((await vault.read(orderKeyName("1"), call))?.value, "key");
  await vault.write([{ name: CERTIFICATE, value: "again" }], call);
  assertEquals((await vault.read(CERTIFICATE, call))?.version, 2);
  assertEquals(await ledger.get("a", call), { key: "a", value: { b: 1 }, version: before.version - 1 });
  assertEquals(await ledger.put("c", 3, call), before.version + 2);
  await using lease = await ledger.lease("x", 1_000, call);
  assert(lease.token > before.token);
});

Deno.test("removed secrets leave nothing behind, over years of certificates that come and go", async () => {
  using folder = tempDir();
  await using store = openSqlite(`${folder.path}/vault.db`);
  const vault = await vaultOn(store);
  for (let i = 0; i < 20; i++) {
    for (const name of [orderKeyName(`${i}`), parseSecretName(`N${i}`)]) {
      await vault.write([{ name, value: "key", ifVersion: 0 }], call);
      assertEquals(await vault.remove(name, call), true);
      assertEquals(await vault.remove(name, call), false);
    }
  }
  assertEquals(store.all("SELECT name FROM secrets"), []);
  assertEquals(store.all("SELECT name FROM counters").length, 1);
});

Deno.test("openSqlite() brings a database of the first schema up to date: no version repeats", async () => {
  using folder = tempDir();
  const path = `${folder.path}/vault.db`;
  firstSchema(path, ["('A', 3, NULL)", "('B', 7, NULL)", "('N', 9, '2026-01-01T00:00:00.000Z')"]);
  await using store = openSqlite(path);
  const vault = await vaultOn(store);
  assertEquals(store.all("SELECT name FROM secrets").map((row) => text(row, "name")), ["N"]);
  await vault.write([{ name: A, value: "again", ifVersion: 0 }], call);
  assertEquals((await vault.read(A, call))?.version, 8);
});

Deno.test("kill -9 of a writer loses no acknowledged write and halves no pair", async () => {
  using folder = tempDir();
  const path = `${folder.path}/vault.db`;
  const promised: number[] = [];
  for (const rounds of [1, 25, 60]) {
    await using writer = startWriter(folder.path, path);
    await until("acknowledged rounds", () => acknowledged(writer).length >= rounds);
    writer.kill("SIGKILL");
    await writer.exit;
    promised.push(...acknowledged(writer));

    await using store = openSqlite(path);
    const vault = await vaultOn(store);
    const [key, certificate] = [await vault.read(KEY, call), await vault.read(CERTIFICATE, call)];
    const written = key?.version ?? 0;
    assert(written >= Math.max(...promised), `round ${promised.at(-1)} was acknowledged, ${written} is there`);
    assertEquals(key?.value, `round ${written}`);
    assertEquals([certificate?.value, certificate?.version], [key?.value, written]);
    await using ledger = sqliteLedger(store, fakeClock());
    const entries = new Set((await ledger.list("rounds/", call)).map((it) => it.value));
    assertEquals(promised.filter((round) => !entries.has(round)), []);
  }
});

Deno.test("openSqlite() refuses a second process, naming the first, until that ends however it ends", async () => {
  using folder = tempDir();
  const path = `${folder.path}/vault.db`;
  await using writer = startWriter(folder.path, path);
  await until("the first process", () => acknowledged(writer).length > 0);
  const error = assertThrows(() => openSqlite(path), SidecarError, `in use by another process (pid ${writer.pid})`);
  assertEquals(error.code, "VAULT_UNAVAILABLE");
  await Deno.symlink(path, `${folder.path}/link.db`);
  assertThrows(() => openSqlite(`${folder.path}/link.db`), SidecarError, `(pid ${writer.pid})`);
  writer.kill("SIGKILL");
  await writer.exit;

  await using _store = openSqlite(path);
  await using second = startWriter(folder.path, path);
  assertEquals(await second.exit, 1);
  assert(second.output().includes(`in use by another process (pid ${Deno.pid})`), second.output());
  assertThrows(() => openSqlite(path), SidecarError, "in use by this process already");
});

Deno.test("a wrong VAULT_KEY is refused at once and changes nothing", async () => {
  using folder = tempDir();
  const path = `${folder.path}/vault.db`;
  {
    await using store = openSqlite(path);
    await (await vaultOn(store)).write([{ name: A, value: "one" }], call);
  }
  const before = await Deno.readFile(path);
  const wrong = `${TEST_KEY}!`;
  {
    await using store = openSqlite(path);
    const error = await assertRejects(async () => checkVaultKey(store, await makeSealer(wrong)), SidecarError, path);
    assertEquals([error.code, error.field], ["VAULT_KEY", "VAULT_KEY"]);
    assert(!describe(error).includes(TEST_KEY));
    const vault = await vaultOn(store, wrong);
    const tries = [
      () => vault.write([{ name: A, value: "two" }], call),
      () => vault.write([{ name: KEY, value: "new" }], call),
      () => vault.remove(A, call),
      () => vault.read(A, call),
      () => vault.list(call),
    ];
    for (const run of tries) assertEquals((await assertRejects(run, SidecarError)).code, "VAULT_KEY");
  }
  assertEquals(await Deno.readFile(path), before);
  await using store = openSqlite(path);
  assertEquals((await (await vaultOn(store)).read(A, call))?.value, "one");
});

Deno.test("no file of the store holds a secret in clear, open or closed", async () => {
  using folder = tempDir();
  const secrets = [
    "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----",
    "hunter2-hunter2",
    TEST_KEY,
  ];
  const open = openSqlite(`${folder.path}/vault.db`);
  const vault = await vaultOn(open);
  for (const value of secrets) await vault.write([{ name: A, value }, { name: orderKeyName("1"), value }], call);
  const clear = (): readonly string[] =>
    filesIn(folder.path).filter((file) => {
      const bytes = Buffer.from(Deno.readFileSync(`${folder.path}/${file}`));
      return [...secrets, "MIGHAgEAMBMGByqGSM49"].some((it) =>
        bytes.includes(it) || bytes.includes(btoa(it)) || bytes.includes(Buffer.from(it, "utf16le"))
      );
    });
  assertEquals(filesIn(folder.path), ["vault.db", "vault.db-shm", "vault.db-wal", "vault.db.lock"]);
  assertEquals(clear(), []);
  await open[Symbol.asyncDispose]();
  assertEquals(filesIn(folder.path), ["vault.db", "vault.db.lock"]);
  assertEquals(clear(), []);
  await Deno.writeTextFile(`${folder.path}/control`, `x${secrets[1]}x`);
  assertEquals(clear(), ["control"], "the search itself finds what is there");
});

Deno.test("write() that is aborted while it seals writes nothing", async () => {
  using folder = tempDir();
  await using store = openSqlite(`${folder.path}/vault.db`);
  const sealer = await makeSealer(TEST_KEY);
  const stop = new AbortController();
  const reason = new Error("no more");
  const seal: typeof sealer.seal = (name, version, value) => {
    if (name === KEY) stop.abort(reason);
    return sealer.seal(name, version, value);
  };
  const vault = sqliteVault(store, { ...sealer, seal }, fakeClock());
  const writes = [{ name: A, value: "one" }, { name: KEY, value: "two" }];
  assertEquals(await assertRejects(() => vault.write(writes, stop), Error), reason);
  assertEquals(await vault.list(call), []);
});

Deno.test("a sealed value cannot be put under another name", async () => {
  using folder = tempDir();
  await using store = openSqlite(`${folder.path}/vault.db`);
  const vault = await vaultOn(store);
  await vault.write([{ name: A, value: "one" }, { name: KEY, value: "two" }], call);
  const [sealed] = store.all("SELECT sealed FROM secret_versions WHERE name = ?", A);
  store.run("UPDATE secret_versions SET sealed = ? WHERE name = ?", sealed?.["sealed"] as Uint8Array, KEY);
  const error = await assertRejects(() => vault.read(KEY, call), SidecarError, "PAIR_PRIVATE_KEY");
  assertEquals(error.code, "VAULT_KEY");
  assertEquals((await vault.read(A, call))?.value, "one");
});

Deno.test("transaction() undoes all when its work throws, and the store goes on", async () => {
  using folder = tempDir();
  await using store = openSqlite(`${folder.path}/vault.db`);
  const put = (key: string): number => store.run("INSERT INTO entries VALUES (?, '1', 1)", key);
  assertThrows(() => store.transaction(() => [put("a"), put("a")]), SidecarError, "UNIQUE");
  assertEquals(store.all("SELECT key FROM entries"), []);
  store.transaction(() => put("a"));
  assertEquals(store.all("SELECT key FROM entries").length, 1);
});

Deno.test("a store that was closed says so, and can be closed twice", async () => {
  using folder = tempDir();
  const store = openSqlite(`${folder.path}/vault.db`);
  const vault = await vaultOn(store);
  await vault.list(call);
  await store[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  const error = await assertRejects(() => vault.list(call), SidecarError, "Cannot read the database");
  assertEquals(error.code, "VAULT_UNAVAILABLE");
});

for (
  const [why, make, message] of [
    ["a text", (path) => Deno.writeTextFileSync(path, "# notes\n".repeat(40)), "not an SQLite database"],
    ["a database of another program", otherDatabase, "belongs to another program"],
    ["a database that is cut off in its header", (path) => cutOff(path, 40), "cut off"],
    ["a database that is cut off", (path) => cutOff(path, 5_000), "Cannot open the database"],
    ["a damaged database", damaged, "Cannot open the database"],
    ["a database of a newer version", newer, "its version is 99"],
  ] as const satisfies readonly (readonly [string, (path: string) => unknown, string])[]
) {
  Deno.test(`openSqlite() refuses ${why} and leaves it as it is`, async () => {
    using folder = tempDir();
    const path = `${folder.path}/vault.db`;
    await make(path);
    const before = await Deno.readFile(path);
    const files = filesIn(folder.path);
    for (let i = 0; i < 2; i++) {
      const error = assertThrows(() => openSqlite(path), SidecarError, message);
      assertEquals(error.code, "VAULT_UNAVAILABLE");
      assert(error.message.includes(path) && error.todo !== undefined, describe(error));
      assertEquals(await Deno.readFile(path), before);
      assertEquals(filesIn(folder.path), files);
    }
  });
}

Deno.test("openSqlite() refuses a folder in the file's place, and a file in the folder's", () => {
  using folder = tempDir();
  Deno.mkdirSync(`${folder.path}/dir`);
  Deno.writeTextFileSync(`${folder.path}/file`, "x");
  for (const path of [`${folder.path}/dir`, `${folder.path}/file/vault.db`]) {
    assertEquals(assertThrows(() => openSqlite(path), SidecarError, path).code, "VAULT_UNAVAILABLE");
  }
});

Deno.test("openSqlite() takes an empty file, as a crash or a person left it", async () => {
  using folder = tempDir();
  const path = `${folder.path}/vault.db`;
  await Deno.writeTextFile(path, "");
  await using store = openSqlite(path);
  assertEquals(await (await vaultOn(store)).list(call), []);
});

function startWriter(folder: string, path: string): Running {
  const script = new URL("../support/sqlite_writer.ts", import.meta.url).pathname;
  const args = ["run", "--quiet", "--no-check", `--allow-read=${folder}`, `--allow-write=${folder}`, script, path];
  return start(Deno.execPath(), { args, env: { NO_COLOR: "1" } });
}

/** The rounds that the writer acknowledged: whole lines only. */
function acknowledged(writer: Running): readonly number[] {
  return writer.output().split("\n").slice(0, -1).map(Number);
}

function filesIn(folder: string): readonly string[] {
  return [...Deno.readDirSync(folder)].map((it) => it.name).sort();
}

async function vaultOn(store: SqliteStore, key = TEST_KEY): Promise<Vault> {
  return sqliteVault(store, await makeSealer(key), fakeClock());
}

async function filled(path: string): Promise<void> {
  await using store = openSqlite(path);
  const vault = await vaultOn(store);
  for (let i = 0; i < 50; i++) await vault.write([{ name: parseSecretName(`N${i}`), value: "x".repeat(500) }], call);
}

function otherDatabase(path: string): void {
  const database = new DatabaseSync(path);
  database.exec(`CREATE TABLE t (a); INSERT INTO t VALUES (1)`);
  database.close();
}

async function cutOff(path: string, bytes: number): Promise<void> {
  await filled(path);
  await Deno.truncate(path, bytes);
}

async function damaged(path: string): Promise<void> {
  await filled(path);
  const bytes = await Deno.readFile(path);
  assertNotEquals(bytes.length, 4_096);
  bytes.fill(0x5a, 4_096 + 8, 3 * 4_096);
  await Deno.writeFile(path, bytes);
}

function firstSchema(path: string, secrets: readonly string[]): void {
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA application_id = ${APPLICATION_ID}; ${MIGRATIONS[0]}; PRAGMA user_version = 1`);
  database.exec(`INSERT INTO secrets (name, version, created_at) VALUES ${secrets.join()}`);
  database.close();
}

async function newer(path: string): Promise<void> {
  await filled(path);
  const database = new DatabaseSync(path);
  database.exec("PRAGMA user_version = 99");
  database.close();
}
