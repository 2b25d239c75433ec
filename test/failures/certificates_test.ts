import { X509Certificate } from "node:crypto";
import { assert, assertEquals } from "@std/assert";
import { certificateSecrets } from "../../src/model/secret_name.ts";
import { inWorld, type World } from "../support/failure_world.ts";
import { CALL } from "../support/fakes.ts";

const HOUR = 3_600_000;

/** What is served and kept of the chain, by subject. */
async function chainOf({ vault, intent }: World): Promise<readonly string[]> {
  const bundle = (await vault.read(certificateSecrets(intent.secretName).bundle, CALL))!.value;
  const blocks = bundle.match(/-----BEGIN CERTIFICATE-----[^]+?-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((it) => new X509Certificate(it).subject);
}

for (
  const [fault, code, says] of [
    ["pem?form=truncated", "CERTIFICATE_REJECTED", /cut off/],
    ["pem?form=empty", "CERTIFICATE_REJECTED", /it is empty/],
    ["pem?form=der", "CERTIFICATE_REJECTED", /other than PEM/],
    ["pem?form=text-before", "CERTIFICATE_REJECTED", /other than PEM/],
    ["pem?form=garbage", "CERTIFICATE_REJECTED", /certificate 1 is broken/],
    ["pem?form=key", "CERTIFICATE_REJECTED", /block 3 is not a certificate/],
    ["content-type@certificate?type=application/pkix-cert", "CA_ANSWER", /application\/pkix-cert/],
    ["chain?form=two-leaves", "CERTIFICATE_REJECTED", /second leaf|not signed by/],
    ["chain?form=unordered", "CERTIFICATE_REJECTED", /number 2 and not first/],
    ["chain?form=foreign", "CERTIFICATE_REJECTED", /was not signed by/],
    ["chain?form=doubled", "CERTIFICATE_REJECTED", /was not signed by/],
    ["chain?form=cross-signed", "CERTIFICATE_REJECTED", /was not signed by/],
    ["chain?form=expired", "CERTIFICATE_REJECTED", /expired at/],
    ["chain?form=leaf-only", "CERTIFICATE_REJECTED", /without intermediates/],
  ] as const
) {
  const number = fault.startsWith("chain") && !fault.endsWith("two-leaves") ? "F-81" : "F-80";
  Deno.test(`${number}: ${fault} is refused, never stored, and downloaded again from the same order`, () =>
    inWorld({ authority: { alternates: 1 } }, async (world) => {
      await world.strike(`${fault}&times=1`);
      await world.look();
      await world.check({ code, says });
      await world.lookUntilRenewed();
      await world.checkRenewed({ code });
      assertEquals(world.made(), { certificates: 1, orders: 1 });
    }));
}

for (const fault of ["pem?form=crlf", "pem?form=no-newline", "pem?form=blank-lines", "chain?form=root-included"]) {
  Deno.test(`${fault.startsWith("chain") ? "F-81" : "F-80"}: ${fault} is put right`, () =>
    inWorld({ settings: {} }, async (world) => {
      await world.strike(fault);
      await world.lookUntilRenewed();
      await world.checkRenewed();
      assertEquals(await chainOf(world), ["CN=www.example.com", "CN=Test Authority Intermediate"]);
    }));
}

for (const fault of ["other-key", "other-names", "missing-name", "more-names", "expired"]) {
  Deno.test(`F-82: a certificate that is wrong for good (${fault}) is refused, told, and ordered once more`, () =>
    inWorld({}, async (world) => {
      await world.strike(`${fault}?times=1`);
      await world.look();
      await world.check({ code: "CERTIFICATE_REJECTED" });
      await world.lookUntilRenewed();
      await world.checkRenewed({ code: "CERTIFICATE_REJECTED" });
      assertEquals(world.made(), { certificates: 2, orders: 2 });
    }));
}

for (
  const [why, preferredChain, fault, chosen] of [
    ["is there", "Test Authority Root 2", [], 2],
    ["is absent", "Nowhere Root", [], 0],
    ["cannot be had, for 500", "Test Authority Root 2", ["server-error@certificate?path=/2"], 0],
  ] as const
) {
  Deno.test(`F-84: of three roots, one is preferred that ${why}`, () =>
    inWorld({ authority: { alternates: 2 }, settings: { preferredChain } }, async (world) => {
      await world.strike(...fault);
      await world.lookUntilRenewed();
      await world.checkRenewed();
      const bundle = (await world.vault.read(certificateSecrets(world.intent.secretName).bundle, CALL))!.value;
      const intermediate = new X509Certificate(bundle.slice(bundle.indexOf("-----BEGIN", 10)));
      assertEquals(intermediate.issuer, `CN=Test Authority Root ${chosen}`);
      assertEquals(world.events.some(({ name, level }) => name === "chain.default" && level === "warn"), chosen === 0);
    }));
}

Deno.test("F-85: a certificate with a shorter life is renewed by its own dates", () =>
  inWorld({}, async (world) => {
    await world.strike("lifetime?hours=160");
    await world.lookUntilRenewed();
    await world.checkRenewed();
    world.clock.move(78 * HOUR); // half of its life is over at 80 h, an hour of it was over at the start
    await world.look();
    assertEquals(world.made().certificates, 1);
    world.clock.move(2 * HOUR);
    await world.look();
    assertEquals(world.made().certificates, 2);
  }));

Deno.test("F-86: a certificate that is not yet valid is not swapped in before it is, and not ordered again", () =>
  inWorld({}, async (world) => {
    await world.strike("not-yet-valid?hours=1&times=1");
    const begin = world.clock.now().getTime();
    await world.look();
    await world.check({ code: "CERTIFICATE_REJECTED", says: /not valid before/ });
    await world.lookUntilRenewed();
    await world.checkRenewed({ code: "CERTIFICATE_REJECTED" });
    assert(world.clock.now().getTime() - begin >= HOUR - 5 * 60_000);
    assertEquals(world.made(), { certificates: 1, orders: 1 });
  }));

for (const fault of ["serial?form=small", "serial?form=top-bit", "serial?form=long", "no-authority-key"]) {
  Deno.test(`F-88: a certificate with ${fault} is taken, and its serial number told as the CA knows it`, () =>
    inWorld({}, async (world) => {
      await world.strike(fault);
      await world.lookUntilRenewed();
      await world.checkRenewed();
      const { facts } = (await world.records.certificates.get(world.intent.secretName, CALL))!.value;
      assertEquals(facts.serial.toUpperCase(), world.authority.certificates.at(-1)!.serial);
    }));
}

for (
  const [number, fault, reason] of [
    ["F-83", "other-issuer?times=1", "staging-over-production"],
    ["F-87", "lifetime?hours=100&times=1", "ends-earlier"],
  ] as const
) {
  Deno.test(`${number}: ${fault} is kept aside while the one in use lives on, and the next one is taken`, () =>
    inWorld({}, async (world) => {
      await world.strike(fault);
      await world.look();
      await world.check({ code: "CERTIFICATE_REJECTED" });
      const aside = (await world.records.asides.get(world.intent.secretName, CALL))?.value;
      assertEquals(aside?.reasons.map((found) => found.name).includes(reason), true, JSON.stringify(aside?.reasons));
      await world.lookUntilRenewed();
      await world.checkRenewed({ code: "CERTIFICATE_REJECTED" });
      assertEquals(world.made(), { certificates: 2, orders: 2 });
    }));
}
