import { assertEquals } from "@std/assert";
import { inWorld, type World } from "../support/failure_world.ts";
import { CALL } from "../support/fakes.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const life = (days: number): { description: string; lifetimeMs: number; commonName: boolean } => ({
  description: `${days} days`,
  lifetimeMs: days * DAY,
  commonName: false,
});

for (
  const [reuse, authorizationLifetimeMs] of [
    ["30 days", 30 * DAY],
    ["10 days", 10 * DAY],
    ["7 hours", 7 * HOUR],
  ] as const
) {
  Deno.test(`F-128: lives of 90, 64 and 45 days count as the certificates say; authorizations are good for ${reuse}`, () =>
    inWorld({
      names: ["a.example.com"],
      authority: {
        profiles: { p90: life(90), p64: life(64), p45: life(45) },
        authorizationLifetimeMs,
        orderReuse: false,
      },
      settings: { profile: "p90" },
    }, async (world) => {
      const begin = world.clock.now().getTime();
      const days: number[] = [];
      world.fromNow();
      for (const [profile, life] of [["p64", 90], ["p45", 64]] as const) {
        await using process = world.restart({ profile });
        const orders = world.made().orders;
        for (let passed = 0; world.made().orders === orders && passed < life * DAY; passed += 6 * HOUR) {
          await process.pass(6 * HOUR, 6 * HOUR);
        }
        days.push(Math.round((world.clock.now().getTime() - begin) / DAY));
      }
      assertEquals(days, [60, 60 + 43], "two thirds of 90, then two thirds of 64");
      const { notBefore, notAfter } = await world.held();
      assertEquals(Math.round((+notAfter - +notBefore) / DAY), 45);
      assertEquals(asked(world, "challenge"), 2, "each time the name is proven anew");
      await world.checkRenewed();
    }));
}

const asked = (world: World, endpoint: string): number =>
  world.log().filter((it) => it.endpoint === endpoint && it.status < 300).length;

/** The names of each order, in their order. */
function ordered(world: World): readonly string[] {
  return world.log().filter(({ endpoint, status }) => endpoint === "newOrder" && status === 201)
    .map(({ payload }) => (JSON.parse(payload!) as { identifiers: { value: string }[] }).identifiers)
    .map((identifiers) => identifiers.map(({ value }) => value).join(" "));
}

for (
  const [where, faults, orders] of [
    ["finalize is on its way", ["reset-after@finalize?times=1", "reset-before@order?times=9"], ["old", "new"]],
    ["its challenges are open", ["reset-before@challenge?times=9"], ["old", "new"]],
    ["it is about to be ordered", ["reset-before@newOrder?times=9"], ["old", "new"]],
  ] as const
) {
  for (
    const [how, now] of [["wider", "a.example.com b.example.com"], ["others", "a.example.com c.example.com"]] as const
  ) {
    Deno.test(`F-129: names that change (${how}) while a renewal runs and ${where}: the old order ends, the new one follows`, () =>
      inWorld(
        { names: ["a.example.com", "b.example.com", "d.example.com"].slice(0, how === "wider" ? 1 : 2) },
        async (world) => {
          const old = world.intent.names.join(" ");
          await world.strike(...faults);
          await world.look();
          await world.check({ code: "CA_TRANSPORT" });
          world.authority.faults.clear();

          await using changed = world.restart({}, now.split(" "));
          for (let looks = 0; looks < 4; looks++) {
            world.clock.move(12 * 60_000);
            await changed.look();
          }

          const { facts, intent } = (await changed.records.certificates.get(changed.intent.secretName, CALL))!.value;
          assertEquals([facts.names.toSorted().join(" "), intent.names.join(" ")], [now, now]);
          assertEquals(ordered(world), orders.map((it) => it === "old" ? old : now));
          assertEquals(await changed.records.orders.list(CALL), []);
          assertEquals([...world.serials().values()], [facts.serial]);
          await changed.checkRenewed({ code: "CA_TRANSPORT" });
        },
      ));
  }
}
