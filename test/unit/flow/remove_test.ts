import { assert, assertEquals, assertRejects } from "@std/assert";
import { presentedAnswers } from "../../../src/flow/answers.ts";
import { keeper } from "../../../src/flow/keeper.ts";
import { parseDnsNames } from "../../../src/model/dns_name.ts";
import { InUseError, SidecarError } from "../../../src/model/errors.ts";
import { CALL } from "../../support/fakes.ts";
import { type Harness, harness, type HarnessOptions } from "../../support/flow_harness.ts";
import { name } from "../../support/port_authority.ts";

const DOMAINS = parseDnsNames(["www.example.com"]);

async function serving(options: HarnessOptions = {}): Promise<Harness> {
  const it = await harness(options);
  await it.service.request({ domains: DOMAINS, balancers: options.balancers ?? ["infra/lb"] }, CALL);
  return it;
}

/** Names in the vault, without the account's key. */
async function secrets({ vault }: Harness): Promise<readonly string[]> {
  return (await vault.list(CALL)).map((it) => it.name as string).filter((it) => it.startsWith("LE_CERT"));
}

Deno.test("removeCertificate() refuses while balancers serve it, names them, and changes nothing", async () => {
  const it = await serving({ balancers: ["infra/lb", "edge"] });

  const error = await assertRejects(
    () => it.service.removeCertificate("www.example.com", { force: false }, CALL),
    InUseError,
  );

  assertEquals([...error.balancers].sort(), ["edge", "infra/lb"]);
  assertEquals([(await secrets(it)).length, it.removals], [3, []]);
});

Deno.test("removeCertificate() by force takes it out of the balancers, then out of vault and ledger", async () => {
  const it = await serving({ balancers: ["infra/lb", "edge"] });

  assertEquals(await it.service.removeCertificate("WWW.example.com", { force: true }, CALL), true);

  assertEquals(it.removals.sort(), [
    "edge LE_CERTIFICATE_www_example_com.pem",
    "infra/lb LE_CERTIFICATE_www_example_com.pem",
  ]);
  const { certificates, deployments, attempts, orders } = it.records;
  const left = await Promise.all([certificates, deployments, attempts, orders].map((table) => table.list(CALL)));
  assertEquals([await secrets(it), left.flat()], [[], []]);
  assert(it.events.some((event) => event.name === "certificate.removed"));
});

Deno.test("removeCertificate() leaves the certificate in the vault while a balancer will not give it up", async () => {
  const refused = new SidecarError("SWAP_REJECTED", "it is the default certificate");
  const it = await serving({
    balancers: ["infra/lb", "edge"],
    remove: (_file, balancer) => balancer === "edge" ? Promise.reject(refused) : Promise.resolve(),
  });

  const error = await assertRejects(
    () => it.service.removeCertificate("www.example.com", { force: true }, CALL),
    SidecarError,
    "Cannot take LE_CERTIFICATE_www_example_com out of edge: it is the default certificate",
  );

  assertEquals([error.code, error.field], ["SWAP_REJECTED", "linked_service"]);
  assertEquals((await secrets(it)).length, 3);
  const held = await it.service.certificate("www.example.com", CALL);
  assertEquals(held?.deployments.map((on) => on.balancer), ["edge"]);
});

Deno.test("removeCertificate() needs no force where no balancer has it", async () => {
  const it = await serving({ balancers: [] });
  assertEquals(await it.service.removeCertificate("www.example.com", { force: false }, CALL), true);
  assertEquals(await secrets(it), []);
});

Deno.test("removeCertificate() finishes what was interrupted", async () => {
  const broken = { once: true };
  const it = await serving({
    vault: (vault) => ({
      ...vault,
      remove: (secret, call) => {
        if (!secret.endsWith("_CERTIFICATE") || !broken.once) return vault.remove(secret, call);
        broken.once = false;
        return Promise.reject(new SidecarError("VAULT_UNAVAILABLE", "gone for a moment"));
      },
    }),
  });
  await assertRejects(() => it.service.removeCertificate("www.example.com", { force: true }, CALL), SidecarError);
  assertEquals((await it.service.certificates(CALL)).length, 1);

  assertEquals(await it.service.removeCertificate("www.example.com", { force: true }, CALL), true);

  assertEquals([await secrets(it), await it.service.certificates(CALL)], [[], []]);
});

Deno.test("removeCertificate() of what there is not says so", async () => {
  const { service } = await harness();
  assertEquals(await service.removeCertificate("www.example.com", { force: true }, CALL), false);
});

Deno.test("removeCertificate() is not undone by the keeper, neither by an order nor by a swap that was refused", async () => {
  const it = await serving({ swap: () => Promise.reject(new SidecarError("BALANCER_UNREACHABLE", "no socket")) });
  const keep = keeper(it.parts, it.service, presentedAnswers(it.parts), []);
  const [{ value: record }] = await it.records.certificates.list(CALL) as never as [{ value: { intent: never } }];
  const url = new URL("https://ca.test/order/99");
  const about = { directory: url, account: url, names: DOMAINS, createdAt: it.clock.now() };
  await it.records.orders.put("left", { id: "left", ...about, step: "finalizing", url, intent: record.intent }, CALL);

  await it.service.removeCertificate("www.example.com", { force: true }, CALL);
  it.swaps.length = 0;
  it.clock.move(86_400_000);
  await keep.look(CALL);

  assertEquals([await it.service.certificates(CALL), it.swaps, it.authority.issued()], [[], [], 1]);
});

Deno.test("redeploy() of a certificate that was removed meanwhile swaps nothing in", async () => {
  const it = await serving();
  const held = await it.service.certificate("www.example.com", CALL);
  await it.service.removeCertificate("www.example.com", { force: true }, CALL);
  it.swaps.length = 0;
  await it.service.redeploy(held!.record, CALL);
  assertEquals([it.swaps, await it.records.deployments.list(CALL)], [[], []]);
});

Deno.test("removeAuthorization() takes the answer down and forgets the record and its order", async () => {
  const it = await harness();
  await it.service.authorize({ domain: name("www.example.com"), type: "http-01" }, CALL);
  await it.service.authorize({ domain: name("other.example.com"), type: "dns-01" }, CALL);
  assertEquals((await it.records.answers.list(CALL)).length, 1);

  assertEquals(await it.service.removeAuthorization(name("www.example.com"), CALL), true);

  assertEquals((await it.service.authorizations(CALL)).map((record) => record.name), [name("other.example.com")]);
  assertEquals(await it.records.answers.list(CALL), []);
  assertEquals((await it.records.orders.list(CALL)).map(({ value }) => value.names), [[name("other.example.com")]]);
  assertEquals(await it.service.removeAuthorization(name("www.example.com"), CALL), false);
});

Deno.test("removeAuthorization() keeps a record whose answer cannot be taken down", async () => {
  const it = await harness();
  await it.service.authorize({ domain: name("www.example.com"), type: "http-01" }, CALL);
  const [entry] = await it.records.authorizations.list(CALL);
  await it.records.authorizations.put(entry!.id, { ...entry!.value, type: "tls-alpn-01", balancer: "infra/lb" }, CALL);
  const { service } = await it.restart(); // nobody here answers tls-alpn-01

  const error = await assertRejects(() => service.removeAuthorization(name("www.example.com"), CALL), SidecarError);

  assertEquals([error.code, error.field], ["BALANCER_UNREACHABLE", "linked_service"]);
  assertEquals((await service.authorizations(CALL)).length, 1);
});
