import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { SidecarError } from "../../src/model/errors.ts";
import { ACCOUNT_KEY } from "../../src/model/secret_name.ts";
import { EXTERNAL_ACCOUNT } from "../ca/mod.ts";
import { inWorld, type World } from "../support/failure_world.ts";
import { CALL } from "../support/fakes.ts";

const newAccounts = (world: World): number => world.log().filter(({ endpoint }) => endpoint === "newAccount").length;

Deno.test("F-26: a deactivated account is told, and no other one is made in its place", () =>
  inWorld({}, async (world) => {
    await world.strike("account-deactivated");
    for (let i = 0; i < 5; i++) {
      await world.look();
      world.clock.move(600_000);
    }
    await world.check({ code: "ACCOUNT_DEACTIVATED", says: /deactivated/ });
    assertEquals([world.authority.counters.accounts, newAccounts(world)], [1, 0]);
  }));

Deno.test("F-27: where the CA has lost all accounts, one is made anew and told", () =>
  inWorld({}, async (world) => {
    await world.strike("account-gone?times=1");
    await world.lookUntilRenewed();
    await world.checkRenewed({ code: "CA_PROBLEM" });
    assertEquals(world.authority.counters.accounts, 2);
    assert(world.events.some(({ name, level }) => name === "account.lost" && level === "warn"));
  }));

Deno.test("F-27: an order that was under way when the CA lost all is placed anew", () =>
  inWorld({}, async (world) => {
    await world.strike("reset-after@newOrder?times=1", "account-gone@newOrder?from=2&times=1");
    await world.lookUntilRenewed();
    assertEquals(world.authority.counters.accounts, 2);
    assertEquals(world.made().certificates, 1);
  }));

Deno.test("F-28: changed terms are shown with their URL, and not asked about again and again", () =>
  inWorld({}, async (world) => {
    await world.strike("terms-changed");
    for (let i = 0; i < 4; i++) {
      await world.look();
      world.clock.move(30_000);
    }
    await world.check({ code: "CA_PROBLEM", says: /\/terms/ });
    assertEquals(world.requests().filter((it) => it === "newOrder 403").length, 2);
  }));

for (
  const [why, externalAccount, says] of [
    ["is not set", undefined, /external account binding.*ACME_EAB_KID/],
    ["has a wrong MAC", { kid: EXTERNAL_ACCOUNT.kid, hmacKey: EXTERNAL_ACCOUNT.hmacKey.toUpperCase() }, /wrong MAC/],
    ["has an unknown kid", { kid: "kid-9", hmacKey: EXTERNAL_ACCOUNT.hmacKey }, /"kid-9" is unknown/],
    ["was used up", EXTERNAL_ACCOUNT, /already bound/],
  ] as const
) {
  Deno.test(`F-29: an external account that ${why} is one clear error, and asked about no more than once a minute`, () =>
    inWorld({
      fresh: true,
      authority: {
        externalAccounts: { [EXTERNAL_ACCOUNT.kid]: EXTERNAL_ACCOUNT.hmacKey },
        ...(why === "was used up" ? { faults: ["external-account-used-up"] } : {}),
      },
      settings: { externalAccount: () => Promise.resolve(externalAccount) },
    }, async (world) => {
      for (let i = 0; i < 10; i++) {
        await world.look();
        world.clock.move(5_000);
      }
      await world.check({ code: "CA_PROBLEM", says });
      const made = world.log().filter(({ endpoint, payload }) =>
        endpoint === "newAccount" && !payload!.includes("onlyReturn")
      );
      assertEquals(made.length, 1, "it is sent again and again");
    }));
}

Deno.test("F-29: a MAC key in the other base64 alphabet, with padding, is taken", () =>
  inWorld({
    fresh: true,
    authority: { externalAccounts: { k: "_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-8" } },
    settings: {
      externalAccount: () => Promise.resolve({ kid: "k", hmacKey: "/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+8=" }),
    },
  }, async (world) => {
    await world.look();
    assertEquals([world.authority.counters.accounts, world.made().certificates], [1, 1]);
  }));

Deno.test("F-30: an account that is there goes on where bindings are wanted from now on", () =>
  inWorld({}, async (world) => {
    await world.strike("external-account-required");
    await using after = world.restart();
    await after.lookUntilRenewed();
    await world.checkRenewed();
  }));

Deno.test("F-31: an account whose URL was never learnt is found again, not made twice", () =>
  inWorld({ fresh: true, authority: { faults: ["reset-after@newAccount?from=2&times=1"] } }, async (world) => {
    await world.look();
    await using after = world.restart();
    world.clock.move(60 * 60_000);
    await after.lookUntilRenewed();
    assertEquals(world.authority.counters.accounts, 1);
  }));

Deno.test("F-33: an account key that is none is told; the certificate is served on, and no account is made", () =>
  inWorld({}, async (world) => {
    await world.vault.write([{ name: ACCOUNT_KEY, value: "-----BEGIN EC PRIVATE KEY-----\nAAAA" }], CALL);
    await world.strike();
    await world.look();
    await world.check({ code: "INPUT", says: /LE_PRIVATE_KEY/ });
    assertEquals([world.authority.counters.accounts, newAccounts(world)], [1, 0]);
  }));

Deno.test("F-34: an address that the CA does not take is left out, and that is told", () =>
  inWorld({ fresh: true, settings: { email: "nobody@localhost" } }, async (world) => {
    await world.look();
    assertEquals([world.authority.counters.accounts, world.made().certificates], [1, 1]);
    assert(world.events.some(({ level, text }) => level === "warn" && text.includes("nobody@localhost")));
  }));

Deno.test("F-32: a CA that refuses the new key leaves the account its own, and renewals go on", () =>
  inWorld({}, async (world) => {
    await world.strike("key-change-refused");
    const before = (await world.vault.read(ACCOUNT_KEY, CALL))!.value;
    const error = await assertRejects(() => world.service.rollOverAccount(CALL), SidecarError);
    assertStringIncludes(error.message, "the new one belongs to another account");
    assertEquals((await world.vault.read(ACCOUNT_KEY, CALL))!.value, before);
    await world.lookUntilRenewed();
    assertEquals([world.authority.counters.accounts, newAccounts(world)], [1, 0]);
  }));
