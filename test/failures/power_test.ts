import { assert, assertEquals } from "@std/assert";
import { seeded } from "../ca/random.ts";
import { checkWhole, onDisk } from "../support/disk_world.ts";
import type { World } from "../support/failure_world.ts";
import { type DiskWrite, type FaultyDisk, nameOf } from "../support/faulty_disk.ts";

/** Another process takes over; what is served, in the vault and written down is one pair at once, and the new one in the end. */
async function takeOver(world: World, at: string, lost: readonly DiskWrite[] = []): Promise<void> {
  await using next = world.restart();
  const before = next.events.length;
  await next.begin();
  await checkWhole(next, at);
  await next.lookUntilRenewed();
  next.clock.move(3_600_000);
  await next.look();
  await checkWhole(next, at);
  const told = next.events.slice(before).filter(({ level }) => level === "error");
  if (lost.length === 0) assertEquals(told.map(({ text }) => text), [], at);
  for (const { fields, text } of told) assert(fields?.["code"] !== "", `${at}: no class is told: ${text}`);
}

/** The last that happens: the CA's answer to a request, or all that comes before the n-th write of a kind. */
type Moment = { readonly answered: string } | { readonly before: string; readonly nth: number };

for (
  const [point, moment] of [
    ["key creation", { before: "put orders", nth: 3 }],
    ["newOrder", { answered: "newOrder" }],
    ["a challenge's POST", { answered: "challenge" }],
    ["finalize", { answered: "finalize" }],
    ["the download", { answered: "certificate" }],
    ["the store", { before: "put certificates", nth: 1 }],
    ["the swap", { before: "put deployments", nth: 1 }],
    ["half of the clean-up", { before: "remove orders", nth: 1 }],
  ] as const satisfies readonly (readonly [string, Moment])[]
) {
  Deno.test(`F-94: a process ends after ${point}, and the next one finishes the same order with the same key`, () => {
    let heard = (): void => {};
    const hearing: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      heard();
      return response;
    };
    return onDisk(async (world, disk) => {
      await world.strike();
      const before = disk.journal.length;
      const written = (kind: string): readonly DiskWrite[] =>
        disk.journal.slice(before).filter((it) => nameOf(it) === kind);
      if ("answered" in moment) heard = () => world.log().at(-1)?.endpoint === moment.answered && disk.die();
      else {
        const { before: kind, nth } = moment;
        disk.decide((_, it) => nameOf(it) === kind && written(kind).length === nth - 1 ? "dies" : "done");
      }
      await world.look();
      assert(world.events.some(({ level }) => level === "error"), "the process went on to its end");

      heard = () => {};
      disk.heal();
      await takeOver(world, point);

      assertEquals(world.made(), { certificates: 1, orders: 1 });
      const keys = written("seal .order-key").flatMap((it) =>
        it.do === "seal" ? it.writes.map(({ value }) => value) : []
      );
      assert(keys.length === 1 && keys[0] === world.served()?.bundle.keyPem, "another key was made"); // nor is it shown
    }, { fetch: hearing });
  });
}

/** The power goes after each write of a renewal in turn; `survives` says what of its acknowledged writes is there then. */
async function losePowerAtEach(survives: (news: readonly DiskWrite[]) => readonly DiskWrite[]): Promise<void> {
  await onDisk(async (world, disk, writes) => {
    for (let at = 1; at <= writes.length; at++) {
      await world.strike();
      const before = disk.journal.slice();
      const news = await playUntil(world, disk, at);
      const survived = survives(news);
      const what = `${news.length} writes, the last of them ${nameOf(news.at(-1)!)}`;
      await disk.losePower([...before, ...survived]);
      disk.heal();
      const lost = news.filter((it) => !survived.includes(it));
      await takeOver(world, what, lost);
      checkMade(world, lost, what);
    }
  });
}

/** @returns The writes that were acknowledged. */
async function playUntil(world: World, disk: FaultyDisk, last: number): Promise<readonly DiskWrite[]> {
  const before = disk.journal.length;
  disk.decide((n) => n > last ? "dies" : "done");
  await world.look();
  return disk.journal.slice(before);
}

/**
 * A key or a bundle that the disk had acknowledged and lost is lost for good, and an order that nobody remembers may have been
 * finished: then the CA makes another certificate. In all other cases there is one.
 */
function checkMade(world: World, lost: readonly DiskWrite[], at: string): void {
  const most = lost.some((it) => /order|_BUNDLE/.test(nameOf(it))) ? 2 : 1;
  const { certificates, orders } = world.made();
  assert(certificates >= 1 && certificates <= most, `${at}: ${certificates} certificates`);
  assert(orders >= 1 && orders <= most, `${at}: ${orders} orders`);
}

Deno.test("F-96: the power goes after each write of a store that syncs: old or new, one order, one certificate", () =>
  losePowerAtEach((news) => news));

for (const lost of [1, 2, 5]) {
  Deno.test(`F-96: the last ${lost} acknowledged writes vanish with the power: old or new, never a mix`, () =>
    losePowerAtEach((news) => news.slice(0, -lost)));
}

for (const arrived of [1, 2]) {
  Deno.test(`F-96: ${arrived} of the three secrets arrived before the power went: the others are mended`, () =>
    losePowerAtEach((news) => {
      const last = news.at(-1)!;
      if (last.do !== "seal") return news;
      return [...news.slice(0, -1), { ...last, writes: last.writes.slice(0, arrived) }];
    }));
}

for (const seed of ["1", "2", "3", "4"]) {
  Deno.test(`F-96: un-synced writes reach the disk in any order, some not at all (seed ${seed}): old or new, never a mix`, () => {
    const random = seeded(seed);
    return losePowerAtEach((news) => {
      const synced = random.below(news.length + 1);
      return [...news.slice(0, synced), ...news.slice(synced).filter(() => random.chance(0.6))];
    });
  });
}
