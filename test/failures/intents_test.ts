import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseDnsNames } from "../../src/model/dns_name.ts";
import { InputError } from "../../src/model/errors.ts";
import { parseSecretName } from "../../src/model/secret_name.ts";
import { readCsr } from "../ca/x509/csr.ts";
import { inWorld, type World } from "../support/failure_world.ts";
import { CALL } from "../support/fakes.ts";

const DAY = 86_400_000;

/** The requests of all finalizes. */
function csrs(world: World): Promise<Awaited<ReturnType<typeof readCsr>>[]> {
  const finalizes = world.authority.log.filter(({ endpoint }) => endpoint === "finalize");
  return Promise.all(finalizes.map(({ payload }) => {
    const { csr } = JSON.parse(payload!) as { csr: string };
    return readCsr(Uint8Array.fromBase64(csr, { alphabet: "base64url" }));
  }));
}

/** Of all certificates that are held. */
async function fingerprints({ records }: World): Promise<readonly string[]> {
  return (await records.certificates.list(CALL)).map(({ value }) => value.facts.fingerprint);
}

Deno.test("F-41a: a name beside a wildcard that covers it is refused before the CA hears of it", () => {
  assertThrows(() => parseDnsNames(["*.example.com", "www.example.com"]), InputError, "already covered");
  assertEquals(parseDnsNames(["*.example.com", "example.com"]).length, 2);
});

Deno.test("F-50: a key that the CA refuses is thrown away, and the order goes on with another one", () =>
  inWorld({}, async (world) => {
    await world.strike("problem@finalize?type=badPublicKey&times=1");
    await world.look();
    await world.check({ code: "CA_PROBLEM" });
    await world.lookUntilRenewed();
    await world.checkRenewed({ code: "CA_PROBLEM" });
    const [refused, taken] = (await csrs(world)).slice(-2).map(({ spki }) => spki.toHex());
    assert(refused !== taken, "the same key is sent again");
    assertEquals(world.made(), { certificates: 1, orders: 1 });
  }));

Deno.test("F-51: a CAA record that forbids is told by its class and name, and not tried again at once", () =>
  inWorld({ names: ["a", "b", "c", "d", "e"].map((it) => `${it}.example.com`) }, async (world) => {
    await world.strike("validation-fails?name=c.example.com&type=caa&detail=CAA+record+prevents+issuance");
    await world.look();
    await world.check({ code: "CHALLENGE_FAILED", says: /c\.example\.com: CAA record prevents issuance \(caa\)/ });
    await world.look();
    assertEquals(world.made().orders, 1);
  }));

Deno.test("F-52: an order that expired while nobody looked is placed anew", () =>
  inWorld({ authority: { orderLifetimeMs: 7 * DAY } }, async (world) => {
    await world.strike("reset-before@order?times=3");
    await world.look();
    await world.check({ code: "CA_TRANSPORT" });
    world.clock.move(8 * DAY);
    await world.lookUntilRenewed();
    assertEquals(world.made(), { certificates: 1, orders: 2 });
  }));

for (
  const [number, why, fault] of [
    ["F-53", "was replaced already (409)", "problem@newOrder?type=alreadyReplaced&times=1"],
    ["F-54", "the CA does not know", "problem@newOrder?type=malformed&status=404&times=1"],
  ] as const
) {
  Deno.test(`${number}: an order that replaces what ${why} is placed once without that, and told`, () =>
    inWorld({ authority: { renewalInfo: true } }, async (world) => {
      await world.look(); // the window is learnt
      await world.strike(fault);
      await world.lookUntilRenewed();
      await world.checkRenewed();
      const sent = world.log().filter(({ endpoint }) => endpoint === "newOrder").map(({ payload }) => payload!);
      assertEquals(sent.map((it) => it.includes("replaces")), [true, false]);
      assert(world.events.some(({ name, level }) => name === "order.without_replaces" && level === "warn"));
    }));
}

Deno.test("F-55: a profile that the CA does not have is left out, and that is told", () =>
  inWorld({ fresh: true, settings: { profile: "moonlight" } }, async (world) => {
    await world.look();
    await world.checkRenewed();
    assert(world.events.some(({ name, text }) => name === "order.without_profile" && text.includes("moonlight")));
  }));

for (const type of ["invalidProfile", "unauthorized"]) {
  Deno.test(`F-56: a profile that is gone between directory and order (${type}) is left out, and that is told`, () =>
    inWorld({ settings: { profile: "tlsserver" } }, async (world) => {
      await world.strike(`problem@newOrder?type=${type}&detail=not+offered+now&times=1`);
      await world.lookUntilRenewed();
      await world.checkRenewed();
      assert(
        world.events.some(({ name, text }) => name === "order.without_profile" && text.includes("not offered now")),
      );
    }));
}

Deno.test("F-57: a paused name is told with the page that frees it", () =>
  inWorld({}, async (world) => {
    await world.strike(
      "rate-limited?detail=Your+account+is+temporarily+prevented&help=https://portal.test/unpause/abc&retry-after=86400",
    );
    await world.look();
    await world.check({ code: "CA_PROBLEM", says: /https:\/\/portal\.test\/unpause\/abc/ });
    world.clock.move(DAY / 2);
    await world.look();
    await world.check({ code: "CA_PROBLEM" });
    assertEquals(world.log().filter(({ endpoint }) => endpoint === "newOrder").length, 1);
  }));

Deno.test("F-58: RSA and ECDSA for the same names at once are two orders, one after the other", () =>
  inWorld({ authority: { orderReuse: true } }, async (world) => {
    await world.strike();
    const rsa = { ...world.intent, keyType: "rsa-2048" as const, secretName: parseSecretName("RSA_TWIN") };
    const held = await Promise.all([world.service.keep(world.intent, CALL), world.service.keep(rsa, CALL)]);
    await world.checkRenewed();
    assertEquals(new Set(held.map(({ record }) => record.facts.serial)).size, 2);
    assertEquals(world.made(), { certificates: 2, orders: 2 });
    assertEquals(world.authority.counters.ordersHandedBack, 0);
  }));

Deno.test("F-58: an order that one kind left open and the CA hands to the other is finished by that one alone", () =>
  inWorld({ authority: { orderReuse: true }, settings: { keyTypes: ["ec-256", "rsa-2048"] } }, async (world) => {
    await world.look();
    const before = await fingerprints(world);
    assertEquals(before.length, 2);
    await world.strike("problem@finalize?type=badCSR&times=1");

    for (let looks = 0; looks < 4; looks++) {
      await world.look();
      world.clock.move(20 * 60_000);
    }

    assertEquals(world.authority.counters.ordersHandedBack, 1);
    const after = await fingerprints(world);
    assertEquals([after.length, after.filter((it) => before.includes(it))], [2, []]);
    assertEquals(await world.records.asides.list(CALL), []);
    assertEquals(await world.records.orders.list(CALL), []);
    assertEquals(world.made(), { certificates: 2, orders: 2 });
    await world.checkRenewed({ code: "CA_PROBLEM" });
  }));

Deno.test("F-58a: no CSR asks for must-staple", () =>
  inWorld({}, async (world) => {
    assertEquals((await csrs(world)).map(({ mustStaple }) => mustStaple), [false]);
  }));

Deno.test("F-58b: a certificate of another profile is proven again, as authorizations are not shared across profiles", () =>
  inWorld({ settings: { profile: "classic" }, authority: { authorizationLifetimeMs: 365 * DAY } }, async (world) => {
    await world.strike();
    await using other = world.restart({ profile: "tlsserver" });
    await other.lookUntilRenewed();
    await world.checkRenewed();
    assertEquals(world.log().filter(({ endpoint }) => endpoint === "challenge").length, 2);
  }));
