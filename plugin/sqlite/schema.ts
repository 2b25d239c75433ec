/**
 * What the database looks like. A step is never changed once it was released: a new one is added.
 *
 * @module
 */

/** Marks a database as ours in its header (SQLite's file format, offset 68): "KonC". */
export const APPLICATION_ID = 0x4b6f6e43;

/** Name of the counter that holds the highest version of a removed secret. */
export const REMOVED = "removed secrets";

/** Step `n` brings a database from `user_version` n to n + 1. */
export const MIGRATIONS: readonly string[] = [
  `
  -- A removed secret keeps its row, without dates, so that its versions never repeat.
  CREATE TABLE secrets (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    created_at TEXT
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE secret_versions (
    name TEXT NOT NULL REFERENCES secrets (name),
    version INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    updated_at TEXT,
    PRIMARY KEY (name, version)
  ) STRICT, WITHOUT ROWID;

  -- One sealed value that is known, to notice another VAULT_KEY.
  CREATE TABLE vault_check (id INTEGER PRIMARY KEY CHECK (id = 1), sealed BLOB NOT NULL) STRICT;

  CREATE TABLE entries (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    version INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- The ledger's version, and the fencing token of each lease.
  CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  -- A removed secret leaves no row: what is new counts on from the highest version that one had, so that none repeats.
  INSERT INTO counters (name, value)
    SELECT '${REMOVED}', max(version) FROM secrets WHERE created_at IS NULL HAVING count(*) > 0;
  DELETE FROM secrets WHERE created_at IS NULL;
  `,
];
