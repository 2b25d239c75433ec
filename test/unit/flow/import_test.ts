import "reflect-metadata";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ExtendedKeyUsageExtension } from "@peculiar/x509";
import { presentedAnswers } from "../../../src/flow/answers.ts";
import { keeper } from "../../../src/flow/keeper.ts";
import type { ImportRequest } from "../../../src/flow/service.ts";
import { parseDnsNames } from "../../../src/model/dns_name.ts";
import { InputError, SidecarError } from "../../../src/model/errors.ts";
import { orderKeyName } from "../../../src/model/secret_name.ts";
import { generateKey } from "../../../src/x509/keys.ts";
import { CALL } from "../../support/fakes.ts";
import { harness, type HarnessOptions } from "../../support/flow_harness.ts";
import { mintAt } from "../../support/minting.ts";
import { name } from "../../support/port_authority.ts";
import { testAuthority, testCertificate, type TestCertOptions } from "../../support/test_chain.ts";
import { inUse, ofAnother } from "../../support/worse.ts";

const DAY = 86_400_000;
/** The harness begins on 2026-06-01. */
const VALID = { notBefore: new Date("2026-05-01T00:00:00Z"), notAfter: new Date("2026-07-30T00:00:00Z") };
const FOREVER = { notBefore: new Date("2020-01-01T00:00:00Z"), notAfter: new Date("2040-01-01T00:00:00Z") };

const CA = await testAuthority("Elsewhere", undefined, FOREVER);
const MIDDLE = await testAuthority("Middle", CA, FOREVER);
const KEY = await generateKey("rsa-2048");

async function foreign(
  options: TestCertOptions = {},
  request: Partial<ImportRequest> = {},
  key = KEY,
): Promise<ImportRequest> {
  const { pem } = await testCertificate(MIDDLE, key.publicKey, {
    names: ["www.example.com", "example.com"],
    ...VALID,
    ...options,
  });
  return { certificate: pem, privateKey: key.pem, chain: [CA.pem, MIDDLE.pem], ...request };
}

Deno.test("importCertificate() keeps the bundle under the default names and swaps it into the only balancer", async () => {
  const { service, vault, swaps, records, events, authority } = await harness();
  const request = await foreign();

  const held = await service.importCertificate(request, CALL);

  assertEquals(held.record.origin, "imported");
  assertEquals(held.record.intent.names, parseDnsNames(["www.example.com", "example.com"]));
  assertEquals([held.record.intent.keyType, held.autoRenewable], ["rsa-2048", false]);
  assertEquals(held.deployments.map((it) => [it.balancer, it.state]), [["infra/lb", "served"]]);
  assertEquals(swaps, ["infra/lb LE_CERTIFICATE_www_example_com.pem 0a01"]);
  const secrets = await Promise.all(
    ["PRIVATE_KEY", "CERTIFICATE", "BUNDLE"].map(async (part) =>
      (await vault.read(`LE_CERTIFICATE_www_example_com_${part}` as never, CALL))?.value
    ),
  );
  const chain = `${request.certificate}${MIDDLE.pem}`;
  assertEquals(secrets, [KEY.pem, chain, chain + KEY.pem].map((it) => it.trimEnd()));
  assertEquals((await records.certificates.list(CALL)).length, 1);
  assert(events.some((it) => it.name === "certificate.imported"));
  assertEquals(authority.asked, [], "no CA is needed");
});

Deno.test("importCertificate() gives it back by export", async () => {
  const { service } = await harness();
  const request = await foreign();
  await service.importCertificate(request, CALL);

  assertEquals(await service.exportCertificate("www.example.com", CALL), {
    subject: name("www.example.com"),
    certificate: request.certificate,
    chain: MIDDLE.pem,
    privateKey: KEY.pem,
  });
});

for (
  const [why, options, subject, field, message] of [
    [
      "another subject than the one expected",
      {},
      "example.com",
      "subject",
      "Certificate subject 'www.example.com' does not match expected subject 'example.com'",
    ],
    [
      "a certificate without a domain name",
      { names: [], subject: "CN=Müller & Sons" },
      undefined,
      "certificate",
      'Unable to find CN from certificate subject: "Müller & Sons"',
    ],
    [
      "an expired one",
      { notAfter: new Date("2026-05-31T00:00:00Z") },
      undefined,
      "certificate",
      "expired at 2026-05-31",
    ],
    ["a subject that is no name", {}, "a..b", "subject", 'Cannot use "a..b" as a domain name'],
  ] as const
) {
  Deno.test(`importCertificate() refuses ${why}, and changes nothing`, async () => {
    const { service, vault, swaps } = await harness();
    const request = await foreign(options, subject === undefined ? {} : { subject });

    const error = await assertRejects(() => service.importCertificate(request, CALL), InputError, message);

    assertEquals(error.field, field);
    assertEquals([await vault.list(CALL), swaps], [[], []]);
  });
}

for (
  const [why, options, expected, subject] of [
    [
      "its CN, wherever that stands in the SAN",
      { names: ["a.example", "b.example"], subject: "CN=b.example" },
      "b.example",
    ],
    ["its CN, also where the SAN has it not", { names: ["a.example"], subject: "CN=c.example" }, "c.example"],
    ["its first name where there is no CN", { names: ["a.example", "b.example"], subject: "" }, "a.example"],
    [
      "the name that is asked for where there is no CN",
      { names: ["a.example", "b.example"], subject: "" },
      "b.example",
      "b.example",
    ],
    ["its CN where there is no SAN", { names: [], subject: "CN=Old.example" }, "old.example"],
  ] as const
) {
  Deno.test(`importCertificate() takes for the subject ${why}`, async () => {
    const { service } = await harness();
    const held = await service.importCertificate(
      await foreign(options, subject === undefined ? {} : { subject }),
      CALL,
    );
    assertEquals(held.record.intent.names[0], name(expected));
  });
}

Deno.test("importCertificate() takes the place of the one of the same subject: secrets, links, and its unfinished order", async () => {
  const { service, swaps, records, vault } = await harness({
    balancers: ["infra/lb", "edge"],
    failing: ["bad.example"],
  });
  const domains = parseDnsNames(["www.example.com"]);
  const secretName = "SSL_CERT_LE_TEST" as never;
  await service.authorize({ domain: domains[0], type: "http-01", balancer: "edge" }, CALL);
  await service.get({ domains, secretName }, CALL);
  swaps.length = 0;

  const held = await service.importCertificate(await foreign(), CALL);

  assertEquals([held.record.intent.secretName as string, held.record.intent.balancers], ["SSL_CERT_LE_TEST", ["edge"]]);
  assertEquals(swaps, ["edge SSL_CERT_LE_TEST.pem 0a01"]);
  assertEquals((await records.certificates.list(CALL)).map((it) => it.id), ["SSL_CERT_LE_TEST"]);
  assertEquals((await vault.history("SSL_CERT_LE_TEST_BUNDLE" as never, CALL)).length, 1);
});

Deno.test("importCertificate() forgets the failed attempts at what it replaces, so that none of them undoes it", async () => {
  const it = await harness({ failing: ["www.example.com"] });
  const declared = { ...(await intentOf()), balancers: ["infra/lb"] };
  const keep = keeper(it.parts, it.service, presentedAnswers(it.parts), [declared]);
  await keep.look(CALL);
  assertEquals((await it.records.attempts.list(CALL)).length, 1);

  await it.service.importCertificate(await foreign(), CALL);
  await keep.look(CALL);

  assertEquals([await it.records.attempts.list(CALL), await it.records.orders.list(CALL)], [[], []]);
  assertEquals((await it.service.certificates(CALL)).map((held) => held.record.origin), ["imported"]);
});

Deno.test("importCertificate() forgets an order that is on its way, with its key", async () => {
  const it = await harness();
  const intent = await intentOf();
  const url = new URL("https://ca.test/order/99");
  const about = { directory: url, account: url, names: intent.names, createdAt: it.clock.now() };
  await it.records.orders.put("left", { id: "left", ...about, step: "finalizing", url, intent }, CALL);
  await it.parts.vault.write([{ name: orderKeyName("left"), value: "a key" }], CALL);

  await it.service.importCertificate(await foreign(), CALL);

  assertEquals(await it.service.interrupted(CALL), []);
  assertEquals(await it.parts.vault.read(orderKeyName("left"), CALL), undefined);
});

async function intentOf(): Promise<Parameters<typeof keeper>[3][number]> {
  const { service } = await harness();
  return (await service.importCertificate(await foreign(), CALL)).record.intent;
}

for (
  const [why, options, links, expected] of [
    ["the option", { balancers: ["infra/lb", "edge"] }, ["edge"], ["edge"]],
    ["a name without a stack", { balancers: ["infra/lb", "lb"] }, ["null/lb"], ["lb"]],
    ["both where both are named", { balancers: ["infra/lb", "edge"] }, ["edge", "infra/lb"], ["edge", "infra/lb"]],
    ["the only one there is", {}, undefined, ["infra/lb"]],
    ["none where there is none", { balancers: [] }, undefined, []],
  ] as const satisfies readonly (readonly [string, HarnessOptions, readonly string[] | undefined, readonly string[]])[]
) {
  Deno.test(`importCertificate() is served by ${why}`, async () => {
    const { service } = await harness(options);
    const request = await foreign({}, links === undefined ? {} : { balancers: links });
    assertEquals((await service.importCertificate(request, CALL)).record.intent.balancers, expected);
  });
}

Deno.test("importCertificate() is served where its names were authorized", async () => {
  const { service } = await harness({ balancers: ["infra/lb", "edge"] });
  await service.authorize({ domain: name("example.com"), type: "http-01", balancer: "edge" }, CALL);
  assertEquals((await service.importCertificate(await foreign(), CALL)).record.intent.balancers, ["edge"]);
});

Deno.test("importCertificate() with several balancers and no link names them", async () => {
  const { service, vault } = await harness({ balancers: ["infra/lb", "edge"] });
  const error = await assertRejects(async () => service.importCertificate(await foreign(), CALL), InputError);
  assertEquals([error.field, error.todo], ["linked_service", "name one of infra/lb, edge"]);
  assertEquals(await vault.list(CALL), []);
});

Deno.test("importCertificate() does not take over a secret name that holds another subject's certificate", async () => {
  const { service } = await harness();
  const secretName = "LE_CERTIFICATE_www_example_com" as never;
  await service.request({ domains: parseDnsNames(["other.example"]), secretName }, CALL);
  const error = await assertRejects(async () => service.importCertificate(await foreign(), CALL), InputError);
  assertEquals(error.message, "LE_CERTIFICATE_www_example_com holds the certificate for other.example");
});

Deno.test("importCertificate() tells which balancer refused, and the vault has the certificate all the same", async () => {
  const { service, vault } = await harness({ swap: () => Promise.reject(new SidecarError("SWAP_REJECTED", "no")) });
  const { deployments } = await service.importCertificate(await foreign(), CALL);
  assertEquals(deployments.map((it) => it.state), ["held"]);
  assertEquals((await vault.list(CALL)).length, 3);
});

Deno.test("keeper watches an imported certificate's end, tells it more often towards it, and never renews it", async () => {
  const it = await harness();
  await it.service.importCertificate(await foreign(), CALL);
  const keep = keeper(it.parts, it.service, presentedAnswers(it.parts), []);
  const told = async (days: number): Promise<readonly string[]> => {
    it.clock.move(days * DAY);
    it.events.length = 0;
    await keep.look(CALL);
    return it.events.map((event) => event.name).filter((event) => event.startsWith("certificate."));
  };

  assertEquals(await told(0), [], "59 days are left");
  assertEquals(await told(29), ["certificate.expiring"], "a third");
  assertEquals(await told(0), []);
  assertEquals(await told(10), []);
  assertEquals(await told(8), ["certificate.expiring"]);
  assertEquals(await told(13), ["certificate.expired"]);
  assertEquals(await told(0.5), []);
  assertEquals(await told(1), ["certificate.expired"]);
  assertEquals(it.authority.issued(), 0);
});

Deno.test("keeper renews an imported certificate once its names are authorized", async () => {
  const it = await harness();
  await it.service.importCertificate(await foreign({}, {}, await generateKey("ec-256")), CALL);
  const keep = keeper(it.parts, it.service, presentedAnswers(it.parts), []);
  for (const domain of ["www.example.com", "example.com"]) {
    await it.service.authorize({ domain: name(domain), type: "http-01", balancer: "infra/lb" }, CALL);
  }
  await keep.look(CALL);
  assertEquals(it.authority.issued(), 0, "not due yet");

  it.clock.move(30 * DAY);
  await keep.look(CALL);

  assertEquals(it.authority.issued(), 1);
  assertEquals((await it.service.certificates(CALL)).map((held) => held.record.origin), ["ca"]);
});

const CLIENTS = { extensions: [new ExtendedKeyUsageExtension(["1.3.6.1.5.5.7.3.2"])] };
for (
  const [why, options, reason] of [
    ["is not for servers", CLIENTS, "no-server-auth"],
    ["is signed over SHA-1", { signing: { name: "ECDSA", hash: "SHA-1" } }, "weak-signature"],
  ] as const
) {
  Deno.test(`importCertificate() refuses a certificate that ${why}, and takes it by force with a warning`, async () => {
    const { service, vault, events } = await harness();
    const request = await foreign(options);
    const error = await assertRejects(() => service.importCertificate(request, CALL), InputError);
    assertEquals([error.field, error.message.startsWith("Cannot import the certificate: ")], ["certificate", true]);
    assert(error.todo?.endsWith("or use --force"));
    assertEquals(await vault.list(CALL), []);

    const held = await service.importCertificate({ ...request, force: true }, CALL);

    assertEquals(held.record.warnings?.map((it) => it.name), [reason]);
    assert(events.some((it) => it.name === "certificate.warning"));
  });
}

Deno.test("importCertificate() takes what is worse than the one before, because a person brings it, and tells it", async () => {
  const { service, authority, clock, records, swaps } = await harness();
  const mint = mintAt(authority, clock.now, inUse);
  const domains = parseDnsNames(["www.example.com", "example.com"]);
  await service.request({ domains }, CALL);
  mint.next = (asked) => ofAnother(asked);
  await assertRejects(() => service.request({ domains }, CALL), SidecarError);

  const held = await service.importCertificate(await foreign({ notAfter: new Date("2026-06-20T00:00:00Z") }), CALL);

  assertEquals(held.record.warnings?.map((it) => it.name), [
    "private-over-public",
    "ends-earlier",
    "issuer-changed",
    "key-type-changed",
  ]);
  assertEquals([held.aside, await records.asides.list(CALL), swaps.length], [undefined, [], 2]);
});
