import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { parseDnsNames } from "../../src/model/dns_name.ts";
import { AcmeProblemError, InputError } from "../../src/model/errors.ts";
import { parseSecretName } from "../../src/model/secret_name.ts";
import { readCsr } from "../ca/x509/csr.ts";
import { inWorld, type World } from "../support/failure_world.ts";
import { CALL } from "../support/fakes.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** So many hours from now, as it is told. */
const hours = (world: World, count: number): string =>
  new Date(world.clock.now().getTime() + count * HOUR).toISOString();

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
    assertEquals((await world.attempt())!.failures, 1);
    await world.check({ code: "CHALLENGE_FAILED", says: new RegExp(`again at ${hours(world, 1)}`) });
    world.clock.move(HOUR - 60_000);
    await world.look();
    assertEquals(world.made().orders, 1);
    world.clock.move(2 * 60_000);
    await world.look();
    assertEquals(world.made().orders, 2);
    world.clock.move(HOUR + 60_000);
    await world.look();
    assertEquals(world.made().orders, 2, "it rests longer after each failure");
  }));

Deno.test("F-51: a CAA record that is found before the certificate is made lets the name rest as well", () =>
  inWorld({ names: ["a.example.com", "b.example.com"] }, async (world) => {
    await world.strike("problem@finalize?type=caa&detail=CAA+record+for+b.example.com+prevents+issuance");
    await world.look();
    await world.check({ code: "CA_PROBLEM", says: /CAA record for b\.example\.com/ });
    const known = (await world.records.names.list(CALL)).map(({ value }) => `${value.name} ${value.state}`);
    assertEquals(known, ["b.example.com resting"]);
    world.clock.move(HOUR / 2);
    await world.look();
    assertEquals(world.log().filter(({ endpoint }) => endpoint === "finalize").length, 1);
    world.authority.faults.clear();
    world.clock.move(HOUR);
    await world.look();
    await world.checkRenewed({ code: "CA_PROBLEM" });
    assertEquals(world.made(), { certificates: 1, orders: 1 });
    assertEquals(await world.records.names.list(CALL), []);
  }));

Deno.test("F-51: an order that is given up for a CAA record of one name lets that name rest, and not the other", () =>
  inWorld({ names: ["a.example.com", "b.example.com"] }, async (world) => {
    await world.strike("order-invalid@finalize?type=caa&detail=CAA+record+for+b.example.com+prevents+issuance");
    await world.look();
    await world.check({ code: "CHALLENGE_FAILED", says: /CAA record for b\.example\.com/ });
    const known = (await world.records.names.list(CALL)).map(({ value }) => `${value.name} ${value.state}`);
    assertEquals(known, ["b.example.com resting"]);
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

for (const again of ["none", "60", "86400"]) {
  Deno.test(`F-57: a paused name is frozen until a person acts, and told with the page that frees it (Retry-After ${again})`, () =>
    inWorld({ others: [["other.example.com"]] }, async (world) => {
      await world.strike(
        `rate-limited?detail=Your+account+is+prevented&help=https://portal.test/unpause/abc&retry-after=${again}&times=1`,
      );
      const paused = async (): Promise<readonly string[]> =>
        (await world.records.names.list(CALL)).map(({ value }) => `${value.name} ${value.state}`);
      await assertRejects(() => world.service.keep(world.intent, CALL), AcmeProblemError);
      await world.look(); // the other is renewed
      assertEquals(world.made(), { certificates: 1, orders: 1 });
      assertEquals(await paused(), ["example.com paused", "www.example.com paused"]);
      const told = world.events.filter(({ name }) => name === "name.quarantined").map(({ text }) => text);
      assert(told.length === 2 && told.every((it) => it.includes("https://portal.test/unpause/abc")), told.join());

      world.clock.move(DAY - 60_000);
      await using after = world.restart();
      await after.look();
      const { next } = (await after.service.explainCertificate("www.example.com", CALL))!;
      assertMatch(
        next,
        /held back: www\.example\.com.*paused until a person acts: open https:\/\/portal\.test\/unpause\/abc/,
      );
      assertEquals(world.made().orders, 1, "it is not asked for by itself");
      world.clock.move(60_000); // Retry-After is over

      await after.service.request({ domains: world.intent.names }, CALL);
      assertEquals(world.made(), { certificates: 2, orders: 2 });
      assertEquals(await paused(), []);
      const released = world.events.filter(({ name }) => name === "name.released").map(({ fields }) =>
        fields?.["domain"]
      );
      assertEquals(released, ["www.example.com", "example.com"]);
    }));
}

Deno.test("F-57: whether a person has acted is looked at once a day", () =>
  inWorld({}, async (world) => {
    await world.strike("rate-limited?detail=See+https://portal.test/unpause?jwt=x");
    for (let i = 0; i < 10 * 24; i++, world.clock.move(HOUR)) await world.look();
    const orders = (): number => world.log().filter(({ endpoint }) => endpoint === "newOrder").length;
    assert(orders() > 7 && orders() < 11, `${orders()} orders in ten days`);
    world.authority.faults.clear();
    for (let i = 0; i < 28; i++, world.clock.move(HOUR)) await world.look();
    await world.checkRenewed({ code: "CA_PROBLEM", says: /portal\.test\/unpause\?jwt=x/ });
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
