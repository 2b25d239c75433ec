import { assertEquals } from "@std/assert";
import { EXTERNAL_ACCOUNT, type Like } from "../ca/mod.ts";
import { inWorld } from "../support/failure_world.ts";

const { kid, hmacKey } = EXTERNAL_ACCOUNT;

for (const like of ["letsencrypt", "zerossl", "gts", "step-ca", "boulder", "pebble"] satisfies readonly Like[]) {
  Deno.test(`a certificate is got from a CA like ${like}, and renewed in time, in less than 25 requests`, () =>
    inWorld({
      fresh: true,
      authority: { like },
      settings: { externalAccount: () => Promise.resolve({ kid, hmacKey }) },
    }, async (world) => {
      await world.look();
      assertEquals(world.made(), { certificates: 1, orders: 1 });
      await world.strike();
      await world.lookUntilRenewed();
      await world.checkRenewed();
      assertEquals(world.made(), { certificates: 1, orders: 1 });
      assertEquals(world.log().length < 25, true, String(world.requests()));
      assertEquals(world.authority.counters.accounts, 1);
    }));
}
