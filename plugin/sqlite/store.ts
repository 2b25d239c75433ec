import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { describe, SidecarError } from "../../src/model/errors.ts";
import { type Fields, number, object, text } from "../../src/model/shape.ts";
import { checkHeader, createFile, createFolder, lockFile, realPath } from "./file.ts";
import { APPLICATION_ID, MIGRATIONS } from "./schema.ts";

/** An open database, held by this process alone. Every failure is a `SidecarError` `VAULT_UNAVAILABLE` or `VAULT_DENIED`. */
export interface SqliteStore {
  readonly path: string;
  /** All rows of a query. */
  all(sql: string, ...values: readonly SQLInputValue[]): readonly Fields[];
  /** The first row of a query. */
  get(sql: string, ...values: readonly SQLInputValue[]): Fields | undefined;
  /** Runs a statement; says how many rows it changed. */
  run(sql: string, ...values: readonly SQLInputValue[]): number;
  /** Runs `work` in one transaction: on disk when it returns, or undone when it throws. Not to be nested. */
  transaction<T>(work: () => T): T;
  /** Runs `work` inside of a transaction: what it did is undone when it throws, and the transaction goes on. */
  savepoint<T>(work: () => T): T;
}

/** How long a statement waits for a lock that another program has on the file, for example a backup. */
const BUSY_MS = 5_000;

/**
 * Opens the embedded database, made where there is none: write-ahead log, each commit synced to disk (WAL, FULL).
 *
 * @param path Its file. `-wal`, `-shm` and `.lock` stand beside it.
 * @throws {SidecarError} `VAULT_UNAVAILABLE` if another process has it, or the file is damaged or another program's; such a
 * file is left as it is.
 */
export function openSqlite(path: string): SqliteStore & AsyncDisposable {
  return guarded(path, "open", () => openFile(realPath(path)));
}

function openFile(path: string): SqliteStore & AsyncDisposable {
  using undo = new DisposableStack();
  checkHeader(path);
  createFolder(path);
  undo.use(lockFile(path));
  if (checkHeader(path) === "fresh") createFile(path); // again: the holder before us may have made it
  const database = new DatabaseSync(path, { timeout: BUSY_MS });
  undo.defer(() => database.close());
  prepare(database, path);
  return store(path, database, undo.move());
}

function prepare(database: DatabaseSync, path: string): void {
  const version = check(database, path);
  // Removed values are overwritten, not only forgotten.
  database.exec("PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA foreign_keys = ON");
  // The header is ours from the first commit on, so a crash in between leaves no file that nobody knows.
  if (version < MIGRATIONS.length) inTransaction(database, () => migrate(database, version));
  database.exec("PRAGMA journal_mode = WAL");
}

/** Looks for damage before anything is changed; returns the schema's version. */
function check(database: DatabaseSync, path: string): number {
  const found = text(pragma(database, "quick_check"), "quick_check");
  if (found !== "ok") throw unavailable("open", path, new Error("the database is damaged"));
  const version = number(pragma(database, "user_version"), "user_version");
  if (version > MIGRATIONS.length) {
    const known = `its version is ${version}, this program knows ${MIGRATIONS.length}`;
    throw unavailable("open", path, new Error(known), "run the newer program that wrote it");
  }
  return version;
}

function migrate(database: DatabaseSync, from: number): void {
  database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
  for (const step of MIGRATIONS.slice(from)) database.exec(step);
  database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
}

function pragma(database: DatabaseSync, name: string): Fields {
  return object(database.prepare(`PRAGMA ${name}`).get(), name);
}

function store(path: string, database: DatabaseSync, open: DisposableStack): SqliteStore & AsyncDisposable {
  const statements = new Map<string, StatementSync>();
  const prepared = (sql: string): StatementSync => {
    const statement = statements.get(sql) ?? database.prepare(sql);
    statements.set(sql, statement);
    return statement;
  };
  return {
    path,
    all: (sql, ...values) => guarded(path, "read", () => prepared(sql).all(...values)),
    get: (sql, ...values) => guarded(path, "read", () => prepared(sql).get(...values)),
    run: (sql, ...values) => guarded(path, "write", () => Number(prepared(sql).run(...values).changes)),
    transaction: (work) => guarded(path, "write", () => inTransaction(database, work)),
    savepoint: (work) => guarded(path, "write", () => inSavepoint(database, work)),
    [Symbol.asyncDispose](): Promise<void> {
      statements.clear();
      open.dispose();
      return Promise.resolve();
    },
  };
}

function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK"); // SQLite ends it itself on some errors, as a full disk
    throw error;
  }
}

function inSavepoint<T>(database: DatabaseSync, work: () => T): T {
  database.exec("SAVEPOINT one");
  try {
    const result = work();
    database.exec("RELEASE one");
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK TO one; RELEASE one");
    throw error;
  }
}

function guarded<T>(path: string, what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof SidecarError) throw error;
    throw isDenied(error) ? denied(what, path, error) : unavailable(what, path, error);
  }
}

/** SQLITE_READONLY, SQLITE_PERM, SQLITE_AUTH: the runtime gives their texts only. */
function isDenied(error: unknown): boolean {
  const texts = /^(?:attempt to write a readonly database|access permission denied|authorization denied)/;
  return error instanceof Deno.errors.PermissionDenied || (error instanceof Error && texts.test(error.message));
}

function denied(what: string, path: string, cause: unknown): SidecarError {
  return new SidecarError("VAULT_DENIED", `Cannot ${what} the database ${path}: ${describe(cause)}`, {
    cause,
    field: "VAULT_URL",
    todo: "give this user the right to write the file and its folder",
  });
}

function unavailable(
  what: string,
  path: string,
  cause: unknown,
  todo = "look at the file, its folder and the disk",
): SidecarError {
  const message = `Cannot ${what} the database ${path}: ${describe(cause)}`;
  return new SidecarError("VAULT_UNAVAILABLE", message, { cause, field: "VAULT_URL", todo });
}
