import { assert, assertEquals } from "@std/assert";
import { inWorld } from "../support/failure_world.ts";

const HOUR = 3_600_000;

Deno.test("F-06: 429 with Retry-After 3600 is obeyed, also by the next process", () =>
  inWorld({}, async (world) => {
    await world.strike("rate-limited?times=1&retry-after=3600&detail=too+many+certificates");
    const struck = world.clock.now().getTime();
    await world.look();
    await world.check({ code: "CA_PROBLEM", says: /too many certificates/ });
    await using after = world.restart();
    world.clock.move(HOUR - 120_000);
    await after.look();
    assertEquals(world.requests().filter((it) => it.startsWith("newOrder")).length, 1);
    await after.lookUntilRenewed();
    await world.checkRenewed({ code: "CA_PROBLEM" });
    const at = world.log().filter(({ endpoint }) => endpoint === "newOrder").at(-1)!.at.getTime();
    assert(at >= struck + HOUR && at < struck + HOUR + 60_000, new Date(at).toISOString());
  }));

for (
  const [value, least, most, why] of [
    ["date:7200", 2 * HOUR - 1_000, 2 * HOUR + 1_000, "a date"],
    ["date:-7200", 54_000, 66_000, "a date that is past"],
    ["soon", 54_000, 66_000, "garbage"],
    ["-5", 54_000, 66_000, "a negative number"],
    ["1000000000000", 30 * 24 * HOUR, 30 * 24 * HOUR, "10^12 seconds"],
    ["none", 54_000, 66_000, "no header"],
  ] as const
) {
  Deno.test(`F-07: 429 with ${why} for Retry-After is tried again in time, and not at once`, () =>
    inWorld({}, async (world) => {
      await world.strike(`rate-limited?times=1&retry-after=${value}`);
      await world.look();
      await world.check({ code: "CA_PROBLEM" });
      const wait = (await world.attempt())!.nextAt!.getTime() - world.clock.now().getTime();
      assert(wait >= least && wait <= most, `it waits ${wait} ms`);
      await world.look();
      assertEquals(world.requests().filter((it) => it.startsWith("newOrder")).length, 1);
    }));
}

Deno.test("F-08: 429 with a web page is a limit by its status, and its Retry-After counts", () =>
  inWorld({}, async (world) => {
    await world.strike("rate-limited?form=html&times=1&retry-after=1800");
    await world.look();
    await world.check({ code: "RATE_LIMITED", says: /429/ });
    await world.lookUntilRenewed();
    await world.checkRenewed({ code: "RATE_LIMITED" });
  }));

for (const form of ["problem", "html"]) {
  Deno.test(`F-09: maintenance (503, ${form}) is over after one retry, and no name is blamed`, () =>
    inWorld({}, async (world) => {
      await world.strike(`server-error@newOrder?status=503&form=${form}&retry-after=600&times=1`);
      await world.lookUntilRenewed(3);
      await world.checkRenewed({ code: form === "html" ? "CA_TRANSPORT" : "CA_PROBLEM" });
      const records = (await world.service.authorizations({ signal: new AbortController().signal })).map((it) =>
        it.state
      );
      assertEquals(records, ["validated", "validated"]);
      assertEquals(world.made(), { certificates: 1, orders: 1 });
    }));
}
