import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { parseDnsNames } from "../../../src/model/dns_name.ts";
import { OrderParkedError, SidecarError } from "../../../src/model/errors.ts";
import { CALL } from "../../support/fakes.ts";
import { harness } from "../../support/flow_harness.ts";
import { name } from "../../support/port_authority.ts";

/** Requests since the last look, without those that only look. */
function asked(authority: { readonly asked: string[] }): readonly string[] {
  return authority.asked.splice(0).filter((it) => it !== "order");
}

Deno.test("authorize() places a carrier order and does not tell the CA to look", async () => {
  const { service, authority } = await harness();

  const { record, txt } = await service.authorize({ domain: name("api.example.com"), type: "dns-01" }, CALL);

  assertEquals(record.state, "created");
  assertEquals(txt?.name, "_acme-challenge.api.example.com");
  assertMatch(txt?.content ?? "", /^[A-Za-z0-9_-]{43}$/);
  assertEquals(authority.asked.includes("newOrder api.example.com"), true);
  assertEquals(authority.asked.some((it) => it.startsWith("respond")), false);
});

Deno.test("authorize() repeats a pending authorization without asking the CA", async () => {
  const { service, authority } = await harness();
  const request = { domain: name("api.example.com"), type: "dns-01" } as const;
  const first = await service.authorize(request, CALL);
  asked(authority);

  const second = await service.authorize(request, CALL);

  assertEquals(second.txt, first.txt);
  assertEquals(asked(authority), []);
});

Deno.test("authorize() says which types the CA does offer", async () => {
  const { service } = await harness({ types: ["dns-01"] });

  const error = await assertRejects(
    () => service.authorize({ domain: name("api.example.com"), type: "http-01" }, CALL),
    SidecarError,
    "the CA did not offer any http-01 challenge",
  );

  assertEquals(error.field, "challenge");
  assertStringIncludes(error.todo ?? "", "dns-01");
});

Deno.test("get() refuses a name that nobody authorized", async () => {
  const { service } = await harness();

  const error = await assertRejects(
    () => service.get({ domains: parseDnsNames(["api.example.com"]) }, CALL),
    SidecarError,
    "Domain authorization not found for domain api.example.com",
  );

  assertEquals(error.field, "authorization");
});

Deno.test("get() with one record missing tells the CA about no name at all", async () => {
  const dns: Record<string, readonly string[]> = {};
  const { service, authority } = await harness({ dns });
  const domains = parseDnsNames(["a.example.com", "b.example.com"]);
  for (const domain of domains) {
    const { txt } = await service.authorize({ domain, type: "dns-01" }, CALL);
    if (domain === "a.example.com") dns[txt!.name] = [txt!.content];
  }
  asked(authority);

  const error = await assertRejects(
    () => service.get({ domains }, CALL),
    OrderParkedError,
    "Expected DNS record not present for domain b.example.com",
  );

  assertEquals(error.field, "dns_record");
  assertEquals(error.records.map((it) => it.domain), ["b.example.com"]);
  assertEquals(asked(authority), []);
});

Deno.test("get() of one name finishes the order that carries its authorization", async () => {
  const dns: Record<string, readonly string[]> = {};
  const { service, authority } = await harness({ dns });
  const { txt } = await service.authorize({ domain: name("api.example.com"), type: "dns-01" }, CALL);
  dns[txt!.name] = ["something else", txt!.content];
  asked(authority);

  const held = await service.get({ domains: parseDnsNames(["api.example.com"]) }, CALL);

  assertEquals(held.record.facts.names, [name("api.example.com")]);
  assertEquals(asked(authority), ["authorization", "respond dns-01", "finalize", "certificate"]);
});

Deno.test("get() of two names with reuse proves the printed content and orders once", async () => {
  const dns: Record<string, readonly string[]> = {};
  const { service, authority } = await harness({ dns, reuse: true });
  const domains = parseDnsNames(["a.example.com", "b.example.com"]);
  for (const domain of domains) {
    const { txt } = await service.authorize({ domain, type: "dns-01" }, CALL);
    dns[txt!.name] = [txt!.content];
  }
  asked(authority);

  await service.get({ domains }, CALL);

  assertEquals(asked(authority), [
    "respond dns-01",
    "respond dns-01",
    "newOrder a.example.com,b.example.com",
    "finalize",
    "certificate",
  ]);
});

Deno.test("get() of two names without reuse parks once, shows new records, and then goes on with the same order", async () => {
  const dns: Record<string, readonly string[]> = {};
  const { service, authority, records } = await harness({ dns });
  const domains = parseDnsNames(["a.example.com", "b.example.com"]);
  for (const domain of domains) {
    const { txt } = await service.authorize({ domain, type: "dns-01" }, CALL);
    dns[txt!.name] = [txt!.content];
  }
  const parked = await assertRejects(() => service.get({ domains }, CALL), OrderParkedError);
  assertEquals(parked.records.map((it) => it.domain).sort(), ["a.example.com", "b.example.com"]);
  assertEquals((await records.orders.list(CALL)).filter(({ value }) => value.step === "parked").length, 1);
  for (const record of parked.records) dns[record.name] = [...dns[record.name] ?? [], record.content];
  asked(authority);

  await service.get({ domains }, CALL);

  assertEquals(asked(authority).filter((it) => it.startsWith("newOrder")), []);
  assertEquals((await records.orders.list(CALL)).filter(({ value }) => value.step === "parked").length, 0);
});

Deno.test("request() proves names by the preferred automatic challenge and swaps the bundle in", async () => {
  const { service, swaps, vault } = await harness();

  const held = await service.request({ domains: parseDnsNames(["www.example.com", "example.com"]) }, CALL);

  assertEquals(held.record.facts.subject, "example.com");
  assertEquals(held.autoRenewable, true);
  assertEquals(held.deployments.map((it) => it.state), ["served"]);
  assertEquals(swaps.length, 1);
  const names = (await vault.list(CALL)).map((it) => it.name as string).filter((it) => it.startsWith("LE_CERT"));
  assertEquals(names, [
    "LE_CERTIFICATE_www_example_com_BUNDLE",
    "LE_CERTIFICATE_www_example_com_CERTIFICATE",
    "LE_CERTIFICATE_www_example_com_PRIVATE_KEY",
  ]);
});

Deno.test("request() takes the answers down when the CA has decided", async () => {
  const { service, records } = await harness();

  await service.request({ domains: parseDnsNames(["www.example.com"]) }, CALL);

  assertEquals(await records.answers.list(CALL), []);
  assertEquals((await records.authorizations.list(CALL)).map(({ value }) => value.presented), [false]);
  assertEquals(await records.orders.list(CALL), []);
});

Deno.test("request() of a failing name reports the CA's own words and leaves no order behind", async () => {
  const { service, records } = await harness({ failing: ["bad.example.com"] });

  const error = await assertRejects(
    () => service.request({ domains: parseDnsNames(["good.example.com", "bad.example.com"]) }, CALL),
    SidecarError,
    "bad.example.com: bad.example.com was not convincing (unauthorized)",
  );

  assertEquals(error.code, "CHALLENGE_FAILED");
  assertEquals(await records.orders.list(CALL), []);
  assertEquals(await records.answers.list(CALL), []);
  const states = (await records.authorizations.list(CALL)).map(({ value }) => `${value.name} ${value.state}`);
  assertEquals(states.sort(), ["bad.example.com error", "good.example.com validated"]);
});

Deno.test("request() asked twice at once orders once", async () => {
  const { service, authority } = await harness();
  const request = { domains: parseDnsNames(["www.example.com"]) };

  await Promise.all([service.request(request, CALL), service.request(request, CALL)]);

  assertEquals(authority.issued(), 1);
});

for (const balancers of [["edge", "infra/lb", "edge"], ["all"], ["edge", "all"]]) {
  Deno.test(`request() with ${balancers.join(", ")} is served by both balancers, each with a record of its own`, async () => {
    const { service, records } = await harness({ balancers: ["infra/lb", "edge"] });
    const held = await service.request({ domains: parseDnsNames(["www.example.com"]), balancers }, CALL);

    assertEquals([...held.record.intent.balancers].sort(), ["edge", "infra/lb"]);
    assertEquals((await records.deployments.list(CALL)).map((it) => [it.value.balancer, it.value.state]), [
      ["edge", "served"],
      ["infra/lb", "served"],
    ]);
  });
}

Deno.test("request() takes all for a balancer that has that name", async () => {
  const { service } = await harness({ balancers: ["infra/lb", "all"] });
  const held = await service.request({ domains: parseDnsNames(["www.example.com"]), balancers: ["all"] }, CALL);
  assertEquals(held.record.intent.balancers, ["all"]);
});

Deno.test("request() with several balancers and no link names them", async () => {
  const { service } = await harness({ balancers: ["infra/lb", "edge"] });

  const error = await assertRejects(
    () => service.request({ domains: parseDnsNames(["www.example.com"]) }, CALL),
    SidecarError,
  );

  assertEquals(error.field, "linked_service");
  assertEquals(error.todo, "name one of infra/lb, edge");
});

Deno.test("request() whose caller goes away is carried on", async () => {
  const reached = Promise.withResolvers<void>();
  const free = Promise.withResolvers<void>();
  const { service } = await harness({
    swap: async () => {
      reached.resolve();
      await free.promise;
      return { kind: "added", shadowed: [] };
    },
  });
  const caller = new AbortController();
  const waiting = service.request({ domains: parseDnsNames(["www.example.com"]) }, { signal: caller.signal });

  await reached.promise;
  caller.abort(new Error("gone"));
  await assertRejects(() => waiting, Error, "gone");
  free.resolve();
  await service.landed();

  assertEquals((await service.certificates(CALL)).map((it) => it.deployments.map((on) => on.state)), [["served"]]);
});

Deno.test("a balancer that refuses is reported with its reason, and the vault has the certificate all the same", async () => {
  const { service, vault } = await harness({
    swap: () => Promise.reject(new SidecarError("SWAP_REJECTED", "unknown curve")),
  });

  const { deployments } = await service.request({ domains: parseDnsNames(["www.example.com"]) }, CALL);

  assertEquals(deployments.map((it) => it.state === "held" ? it.reason : it.state), ["unknown curve"]);
  assertEquals((await vault.list(CALL)).some((it) => it.name === "LE_CERTIFICATE_www_example_com_BUNDLE"), true);
});

Deno.test("request() of a name whose authorization an unfinished order has, with others, does not wait for those", async () => {
  const { service, authority } = await harness();
  authority.drop("respond");
  await assertRejects(
    () => service.request({ domains: parseDnsNames(["a.example", "b.example"]) }, CALL),
    SidecarError,
  );

  const held = await service.request({ domains: parseDnsNames(["b.example", "c.example"]) }, CALL);

  assertEquals([...held.record.facts.names].sort(), ["b.example", "c.example"]);
});
