import { assert, assertEquals } from "@std/assert";
import { makeSealer } from "../../mod.ts";
import { openSqlite, sqliteLedger, type SqliteStore, sqliteVault } from "../../plugin/sqlite/mod.ts";
import { parseSecretName } from "../../src/model/secret_name.ts";
import { seeded } from "../ca/random.ts";
import { TEST_KEY } from "../support/embedded.ts";
import { fakeClock } from "../support/fake_clock.ts";
import { CALL } from "../support/fakes.ts";
import { tempDir } from "../support/process.ts";

const KEY = parseSecretName("PAIR_PRIVATE_KEY");
const CERTIFICATE = parseSecretName("PAIR_CERTIFICATE");

/** Sizes in the write-ahead log (SQLite's file format, section 4): its header, a frame's header, a page. */
const [HEADER, FRAME, PAGE] = [32, 24, 4096];
/** What a disk writes at once. */
const SECTOR = 512;

/** Both files of a store, as a disk has them. */
interface Files {
  readonly database: Uint8Array;
  readonly log: Uint8Array;
}

/** What there is after a commit: the log's length, and the last round whose pair and entry are there. */
interface Commit {
  readonly end: number;
  readonly pair: number;
  readonly entry: number;
}

const filesOf = (path: string): Files => ({
  database: Deno.readFileSync(path),
  log: Deno.readFileSync(`${path}-wal`),
});

const sealer = await makeSealer(TEST_KEY);

/** Writes rounds of one pair of secrets and one entry each, and notes where each commit ends in the log. */
async function writeRounds(store: SqliteStore, from: number, count: number): Promise<readonly Commit[]> {
  const vault = sqliteVault(store, sealer, fakeClock());
  await using ledger = sqliteLedger(store, fakeClock());
  const commits: Commit[] = [];
  const note = (pair: number, entry: number): void =>
    void commits.push({ end: Deno.statSync(`${store.path}-wal`).size, pair, entry });
  for (let round = from; round < from + count; round++) {
    await vault.write([KEY, CERTIFICATE].map((name) => ({ name, value: valueOf(name, round) })), CALL);
    note(round, round - 1);
    await ledger.put("round", round, CALL);
    note(round, round);
  }
  return commits;
}

/** Long enough for pages of its own. */
function valueOf(name: string, round: number): string {
  return `${name} of round ${round} ${"x".repeat(1_500)}`;
}

/** What a store that is made of these files holds. A mix, or one that is refused, fails. */
async function heldBy({ database, log }: Files): Promise<Omit<Commit, "end">> {
  using folder = tempDir();
  const path = `${folder.path}/vault.db`;
  await Deno.writeFile(path, database);
  if (log.length > 0) await Deno.writeFile(`${path}-wal`, log);
  await using store = openSqlite(path);
  const vault = sqliteVault(store, sealer, fakeClock());
  await using ledger = sqliteLedger(store, fakeClock());
  const [key, certificate] = [await vault.read(KEY, CALL), await vault.read(CERTIFICATE, CALL)];
  const pair = key?.version ?? 0;
  assertEquals(certificate?.version ?? 0, pair, "half a pair");
  if (pair > 0) assertEquals([key?.value, certificate?.value], [valueOf(KEY, pair), valueOf(CERTIFICATE, pair)]);
  // It can be written again, too.
  await vault.write([{ name: KEY, value: "afterwards" }], CALL);
  return { pair, entry: Number((await ledger.get("round", CALL))?.value ?? 0) };
}

/** Where the sectors begin that differ; both are of one length. */
function changedSectors(before: Uint8Array, after: Uint8Array): readonly number[] {
  assertEquals(before.length, after.length);
  const starts = Array.from({ length: Math.ceil(after.length / SECTOR) }, (_, i) => i * SECTOR);
  return starts.filter((at) => before.subarray(at, at + SECTOR).some((byte, i) => byte !== after[at + i]));
}

/** The state after the last commit that is whole in the first `end` bytes of the log. */
function stateAt(commits: readonly Commit[], end: number): Omit<Commit, "end"> {
  const last = commits.findLast((it) => it.end <= end);
  return { pair: last?.pair ?? 0, entry: last?.entry ?? 0 };
}

Deno.test("F-96: the log of a store ends anywhere: all commits before are there, and none after", async () => {
  using folder = tempDir();
  await using store = openSqlite(`${folder.path}/vault.db`);
  const commits = await writeRounds(store, 1, 6);
  const files = filesOf(store.path);
  const random = seeded("cuts");
  const borders = Array.from(
    { length: 1 + (files.log.length - HEADER) / (FRAME + PAGE) },
    (_, i) => HEADER + i * (FRAME + PAGE),
  );
  assertEquals(borders.at(-1), files.log.length);
  const cuts = new Set([
    ...[0, 1, HEADER - 1],
    ...borders.flatMap((it) => [it - 1, it, it + 1, it + FRAME]),
    ...Array.from({ length: 40 }, () => random.below(files.log.length)),
  ].filter((it) => it >= 0 && it <= files.log.length));
  for (const cut of cuts) {
    const found = await heldBy({ ...files, log: files.log.slice(0, cut) });
    assertEquals(found, stateAt(commits, cut), `cut at byte ${cut}`);
  }
  assert(cuts.size > 100 && stateAt(commits, files.log.length).entry === 6);
});

for (const seed of ["1", "2", "3"]) {
  Deno.test(`F-96: sectors of a commit that was not synced reach the log in any order (seed ${seed}): the commit or none of it`, async () => {
    using folder = tempDir();
    await using store = openSqlite(`${folder.path}/vault.db`);
    await writeRounds(store, 1, 8);
    store.get("PRAGMA wal_checkpoint(RESTART)"); // the log is written over from its beginning: old frames stand behind new ones
    const random = seeded(seed);
    const found = new Set<string>();
    for (let round = 9; round < 15; round++) {
      const before = filesOf(store.path);
      await writeRounds(store, round, 1);
      const after = filesOf(store.path);
      const sectors = changedSectors(before.log, after.log);
      for (const lost of [0, 1, 1, 2, 5, sectors.length]) {
        const log = after.log.slice();
        for (const at of random.shuffled(sectors).slice(0, lost)) log.set(before.log.subarray(at, at + SECTOR), at);
        const { pair, entry } = await heldBy({ ...after, log });
        const state = `${pair - round} ${entry - round}`;
        found.add(state);
        assert(["-1 -1", "0 -1", "0 0"].includes(state), `${pair}, ${entry} without ${lost} sectors of round ${round}`);
      }
    }
    assert(found.has("-1 -1") && found.has("0 0"), [...found].join());
  });

  Deno.test(`F-96: pages of a checkpoint that was not synced reach the database in any order (seed ${seed}): nothing is lost`, async () => {
    using folder = tempDir();
    await using store = openSqlite(`${folder.path}/vault.db`);
    await writeRounds(store, 1, 6);
    const before = filesOf(store.path);
    store.get("PRAGMA wal_checkpoint(FULL)");
    const after = await Deno.readFile(store.path);
    const random = seeded(seed);
    for (let play = 0; play < 10; play++) {
      const database = after.slice(0, random.chance(0.5) ? after.length : before.database.length);
      for (let at = 0; at < before.database.length; at += SECTOR) {
        if (random.chance(0.5)) database.set(before.database.subarray(at, at + SECTOR), at);
      }
      assertEquals(await heldBy({ database, log: before.log }), { pair: 6, entry: 6 });
    }
  });
}
