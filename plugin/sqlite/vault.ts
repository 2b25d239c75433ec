import { SidecarError } from "../../src/model/errors.ts";
import { type Fields, given, instant, number, optional, text } from "../../src/model/shape.ts";
import type { InternalName, SecretName, VaultName } from "../../src/model/secret_name.ts";
import type { Call, Clock, Secret, SecretEntry, SecretWrite, Vault } from "../../src/ports.ts";
import { checkVersion, KEPT_VERSIONS, readyWrites, type Sealer } from "../../mod.ts";
import { REMOVED } from "./schema.ts";
import type { SqliteStore } from "./store.ts";

/**
 * The embedded vault. Nothing is read or written before the sealer has proven to be the one that the vault was made with.
 * Disposing it leaves the store open: who opened it closes it.
 */
export function sqliteVault(store: SqliteStore, sealer: Sealer, clock: Clock): Vault {
  let proven = false;
  const admit = async ({ signal }: Call): Promise<void> => {
    signal.throwIfAborted();
    if (!proven) await checkVaultKey(store, sealer);
    proven = true;
    signal.throwIfAborted();
  };
  const open = (name: VaultName) => (row: Fields): Promise<Secret> => openRow(sealer, name, row);

  return {
    async ready(call: Call): Promise<void> {
      await admit(call);
      store.run(TOUCH);
    },
    async list(call: Call): Promise<readonly SecretEntry[]> {
      await admit(call);
      return store.all(LIST).map(entry);
    },
    async read(name: VaultName, call: Call): Promise<Secret | undefined> {
      await admit(call);
      const row = store.get(CURRENT, name);
      return row === undefined ? undefined : await open(name)(row);
    },
    async write(writes: readonly SecretWrite[], call: Call): Promise<void> {
      await admit(call);
      const ready = readyWrites(writes);
      for (let done = false; !done;) {
        const planned = await Promise.all(ready.map((write) => planWrite(store, sealer, write)));
        call.signal.throwIfAborted();
        done = store.transaction(() => carryOut(store, planned, clock.now()));
      }
    },
    async remove(name: VaultName, call: Call): Promise<boolean> {
      await admit(call);
      return store.transaction(() => {
        store.run(RAISE_REMOVED, REMOVED, name);
        return store.run(FORGET_VERSIONS, name) > 0 && store.run(FORGET_NAME, name) > 0;
      });
    },
    async history(name: VaultName, call: Call): Promise<readonly Secret[]> {
      await admit(call);
      const rows = await Promise.allSettled(store.all(EARLIER, name).map(open(name)));
      // One that was altered is of no use to anybody, and keeps nobody from the others.
      return rows.flatMap((row) => row.status === "fulfilled" ? [row.value] : []);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/**
 * Proves that the sealer is the one that the vault was made with, by a record that is sealed at the first start.
 *
 * @throws {SidecarError} `VAULT_KEY` if it is another; nothing was changed then.
 */
export async function checkVaultKey(store: SqliteStore, sealer: Sealer): Promise<void> {
  const row = store.get("SELECT sealed FROM vault_check");
  if (row === undefined) {
    const sealed = await sealer.seal(CHECK_NAME, 1, "kontena");
    store.run("INSERT INTO vault_check (id, sealed) VALUES (1, ?) ON CONFLICT DO NOTHING", sealed);
    return;
  }
  try {
    await sealer.open(CHECK_NAME, 1, sealedOf(row));
  } catch (cause) {
    const message = `Cannot open the vault ${store.path}: VAULT_KEY is not the one that it was made with`;
    const todo = "set VAULT_KEY to that text; nothing was changed";
    throw new SidecarError("VAULT_KEY", message, { cause, field: "VAULT_KEY", todo });
  }
}

/** Changes nothing, and is written all the same: a full disk or lost rights are noticed. */
const TOUCH = "UPDATE vault_check SET id = id";

const CHECK_NAME = ".vault-key" as InternalName;

const LIST = `
  SELECT name, created_at, updated_at FROM secrets JOIN secret_versions USING (name, version)
  WHERE name NOT LIKE '.%' ORDER BY name`;
const CURRENT = `
  SELECT version, sealed, created_at, updated_at FROM secrets JOIN secret_versions USING (name, version)
  WHERE name = ?`;
const EARLIER = `
  SELECT v.version, sealed, created_at, updated_at FROM secrets s JOIN secret_versions v USING (name)
  WHERE name = ? AND v.version < s.version ORDER BY v.version DESC`;
const STANDING = "SELECT version, created_at FROM secrets WHERE name = ?";
const SET_SECRET = `
  INSERT INTO secrets (name, version, created_at) VALUES (?, ?, ?)
  ON CONFLICT (name) DO UPDATE SET version = excluded.version, created_at = excluded.created_at`;
const ADD_VERSION = "INSERT INTO secret_versions (name, version, sealed, updated_at) VALUES (?, ?, ?, ?)";
const DROP_OLD = "DELETE FROM secret_versions WHERE name = ? AND version < ?";
const FORGET_VERSIONS = "DELETE FROM secret_versions WHERE name = ?";
const FORGET_NAME = "DELETE FROM secrets WHERE name = ?";
const LAST_REMOVED = "SELECT value FROM counters WHERE name = ?";
const RAISE_REMOVED = `
  INSERT INTO counters (name, value) SELECT ?, version FROM secrets WHERE name = ?
  ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)`;

const NEVER: Fields = { value: 0 };

/** How a name stands: the version that the next one comes after, and since when it exists. */
interface Standing {
  readonly last: number;
  readonly createdAt?: Date;
}

/** A write that is sealed already, for the version that comes after `after`. */
interface PlannedWrite {
  readonly name: VaultName;
  readonly after: Standing;
  readonly sealed: Uint8Array<ArrayBuffer>;
}

/** Seals outside of the transaction: that takes a moment in which others may write. */
async function planWrite(store: SqliteStore, sealer: Sealer, write: SecretWrite): Promise<PlannedWrite> {
  const { name, value, ifVersion } = write;
  const after = standing(store, name);
  checkVersion(name, ifVersion, after.createdAt === undefined ? 0 : after.last);
  return { name, after, sealed: await sealer.seal(name, after.last + 1, value) };
}

/** Writes all, or nothing where one of the names has moved on since it was planned. */
function carryOut(store: SqliteStore, planned: readonly PlannedWrite[], now: Date): boolean {
  if (!planned.every(({ name, after }) => sameStanding(after, standing(store, name)))) return false;
  for (const { name, after, sealed } of planned) {
    const version = after.last + 1;
    store.run(SET_SECRET, name, version, (after.createdAt ?? now).toISOString());
    store.run(ADD_VERSION, name, version, sealed, after.createdAt === undefined ? null : now.toISOString());
    store.run(DROP_OLD, name, version - KEPT_VERSIONS);
  }
  return true;
}

function standing(store: SqliteStore, name: VaultName): Standing {
  const row = store.get(STANDING, name);
  if (row === undefined) return { last: number(store.get(LAST_REMOVED, REMOVED) ?? NEVER, "value") };
  return { last: number(row, "version"), ...given("createdAt", optional(row, "created_at", instant)) };
}

function sameStanding(a: Standing, b: Standing): boolean {
  return a.last === b.last && a.createdAt?.getTime() === b.createdAt?.getTime();
}

async function openRow(sealer: Sealer, name: VaultName, row: Fields): Promise<Secret> {
  const version = number(row, "version");
  return { value: await sealer.open(name, version, sealedOf(row)), version, ...dates(row) };
}

function entry(row: Fields): SecretEntry {
  return { name: text(row, "name") as SecretName, ...dates(row) };
}

function dates(row: Fields): { readonly createdAt: Date; readonly updatedAt?: Date } {
  return { createdAt: instant(row, "created_at"), ...given("updatedAt", optional(row, "updated_at", instant)) };
}

function sealedOf(row: Fields): Uint8Array {
  const sealed = row["sealed"];
  if (!(sealed instanceof Uint8Array)) throw new SyntaxError('"sealed" is not a BLOB');
  return sealed;
}
