import { assert, assertEquals } from "@std/assert";
import { LETSENCRYPT_LIMITS } from "../../src/model/rate_limits.ts";
import { inWorld } from "../support/failure_world.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

for (
  const [how, hours, fault, code] of [
    ["did not answer", 12, "reset-before@any", "CA_TRANSPORT"],
    ["did not answer", 24, "reset-before@any", "CA_TRANSPORT"],
    ["did not answer", 48, "reset-before@any", "CA_TRANSPORT"],
    ["did not answer", 72, "reset-before@any", "CA_TRANSPORT"],
    ["was in maintenance", 12, "server-error@any?status=503", "CA_PROBLEM"],
    ["was in maintenance", 72, "server-error@any?status=503", "CA_PROBLEM"],
    ["was in maintenance, by a web page", 24, "server-error@any?status=503&form=html", "CA_TRANSPORT"],
    ["was ill", 24, "server-error@any?status=500", "CA_PROBLEM"],
    ["had a gateway that answered", 24, "server-error@any?status=502&form=html", "CA_TRANSPORT"],
  ] as const
) {
  Deno.test(`F-123: a certificate of 160 hours is renewed within ten minutes after a CA is back that ${how} for ${hours} h`, () =>
    inWorld({
      names: ["a.example.com"],
      settings: { profile: "shortlived" },
      authority: { renewalInfo: true },
      limits: LETSENCRYPT_LIMITS,
    }, async (world) => {
      await world.look();
      world.moveTo(new Date(+(await world.renewal())!.draw!.at - MINUTE));
      world.fromNow();
      world.authority.faults.set(fault);
      await world.pass(hours * HOUR, 7 * MINUTE);
      const asked = world.log().length;
      assert(asked <= hours * 20, `${asked} requests in ${hours} h`);
      await world.check({ code });
      world.authority.faults.clear();

      await world.pass(10 * MINUTE, 30_000);

      assertEquals(world.made(), { certificates: 1, orders: 1 });
      await world.checkRenewed({ code });
    }));
}

Deno.test("F-123: a CA that is back for those who waited through a restart of ours renews them within ten minutes as well", () =>
  inWorld({
    names: ["a.example.com"],
    settings: { profile: "shortlived" },
    authority: { renewalInfo: true },
    limits: LETSENCRYPT_LIMITS,
  }, async (world) => {
    await world.look();
    world.moveTo(new Date(+(await world.renewal())!.draw!.at - MINUTE));
    world.fromNow();
    world.authority.faults.set("reset-before@any");
    await world.pass(20 * HOUR, 7 * MINUTE);
    await using process = world.restart();
    await process.pass(20 * HOUR, 7 * MINUTE);
    world.authority.faults.clear();
    await process.pass(10 * MINUTE, 30_000);
    await world.checkRenewed({ code: "CA_TRANSPORT" });
  }));
