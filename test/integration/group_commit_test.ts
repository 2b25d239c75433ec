import { assertEquals, assertRejects } from "@std/assert";
import { groupCommit } from "../../plugin/sqlite/group_commit.ts";
import { openSqlite } from "../../plugin/sqlite/mod.ts";
import type { SqliteStore } from "../../plugin/sqlite/store.ts";
import { tempDir } from "../support/process.ts";

/** A store that counts its commits. */
function counted(store: SqliteStore): SqliteStore & { commits: number } {
  const it = {
    ...store,
    commits: 0,
    transaction<T>(work: () => T): T {
      it.commits++;
      return store.transaction(work);
    },
  };
  return it;
}

Deno.test("groupCommit() writes what comes in one turn with one commit, in the order in which it came", async () => {
  using folder = tempDir();
  await using opened = openSqlite(`${folder.path}/x.db`);
  const store = counted(opened);
  store.run("CREATE TABLE t (n INTEGER)");
  const commits = groupCommit(store);

  const results = await Promise.all(
    [1, 2, 3].map((n) => commits.write(() => store.run("INSERT INTO t VALUES (?)", n))),
  );

  assertEquals(results, [1, 1, 1]);
  assertEquals(store.commits, 1);
  assertEquals(opened.all("SELECT n FROM t ORDER BY rowid").map((row) => row["n"]), [1, 2, 3]);
});

Deno.test("groupCommit() undoes and rejects the write that throws, and it alone", async () => {
  using folder = tempDir();
  await using store = openSqlite(`${folder.path}/x.db`);
  store.run("CREATE TABLE t (n INTEGER)");
  const commits = groupCommit(store);
  const insert = (n: number): number => store.run("INSERT INTO t VALUES (?)", n);

  const good = commits.write(() => insert(1));
  const bad = commits.write(() => {
    insert(2);
    throw new RangeError("no");
  });
  const alsoGood = commits.write(() => insert(3));

  await assertRejects(() => bad, Error, "no");
  await Promise.all([good, alsoGood]);
  assertEquals(store.all("SELECT n FROM t ORDER BY n").map((row) => row["n"]), [1, 3]);
});

Deno.test("groupCommit() rejects all of a group whose commit fails", async () => {
  using folder = tempDir();
  await using store = openSqlite(`${folder.path}/x.db`);
  const full: SqliteStore = {
    ...store,
    transaction: () => {
      throw new Error("disk full");
    },
  };
  const commits = groupCommit(full);

  const group = [commits.write(() => 1), commits.write(() => 2)];

  for (const write of group) await assertRejects(() => write, Error, "disk full");
});

Deno.test("groupCommit.flush() commits what waits at once", async () => {
  using folder = tempDir();
  await using store = openSqlite(`${folder.path}/x.db`);
  store.run("CREATE TABLE t (n INTEGER)");
  const commits = groupCommit(store);
  const write = commits.write(() => store.run("INSERT INTO t VALUES (7)"));

  commits.flush();

  assertEquals(store.all("SELECT n FROM t").length, 1);
  await write;
});
