import { setImmediate as turn } from "node:timers/promises";
import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { dnsContent, recordName } from "../../../src/challenge/dns_record.ts";
import { presentedAnswers } from "../../../src/flow/answers.ts";
import { keeper } from "../../../src/flow/keeper.ts";
import type { HeldCertificate } from "../../../src/flow/service.ts";
import { parseDnsNames } from "../../../src/model/dns_name.ts";
import { OrderParkedError } from "../../../src/model/errors.ts";
import type { Intent } from "../../../src/model/records.ts";
import { certificateSecrets } from "../../../src/model/secret_name.ts";
import type { SwapReport } from "../../../src/ports.ts";
import { lifeOf } from "../../support/dying.ts";
import { CALL } from "../../support/fakes.ts";
import { type Harness, harness, type HarnessOptions } from "../../support/flow_harness.ts";
import { declare } from "../../support/renewal_stage.ts";

const DAY = 86_400_000;
const MINUTE = 60_000;

/** A keeper, a person, and the DNS between them. */
interface Stage extends Harness {
  look(): Promise<void>;
  /** Looks several times, a minute apart. */
  watch(looks: number): Promise<void>;
  authorize(...names: string[]): Promise<void>;
  /** The same, and served by `infra/lb`. */
  authorizeLinked(...names: string[]): Promise<void>;
  /** Sets all records that are wanted. */
  setRecords(): Promise<void>;
  get(...names: string[]): Promise<HeldCertificate>;
  /** The CA forgets every authorization, as it does after days. */
  forget(): Promise<void>;
  /** What the CA was asked for, but for its directory and its clock. */
  asked(): readonly string[];
  /** How often DNS was looked at. */
  lookups(): number;
}

async function stage(options: HarnessOptions & { readonly declared?: readonly Intent[] } = {}): Promise<Stage> {
  const table: Record<string, readonly string[]> = {};
  let lookups = 0;
  const dns = new Proxy(table, {
    get(target, name): readonly string[] | undefined {
      lookups++;
      return target[String(name)];
    },
  });
  const it = await harness({ reuse: true, dns, ...options });
  const { records, clock } = it;
  const keep = keeper(it.parts, it.service, presentedAnswers(it.parts), options.declared ?? []);
  return {
    ...it,
    look: () => keep.look(CALL),
    async watch(looks: number): Promise<void> {
      for (let i = 0; i < looks; i++) {
        clock.move(MINUTE * 1.2);
        await keep.look(CALL);
      }
    },
    async authorize(...names: string[]): Promise<void> {
      for (const domain of parseDnsNames(names)) await it.service.authorize({ domain, type: "dns-01" }, CALL);
    },
    async authorizeLinked(...names: string[]): Promise<void> {
      for (const domain of parseDnsNames(names)) {
        await it.service.authorize({ domain, type: "dns-01", balancer: "infra/lb" }, CALL);
      }
    },
    async setRecords(): Promise<void> {
      for (const { value: { name, keyAuthorization } } of await records.authorizations.list(CALL)) {
        table[recordName(name)] = [...table[recordName(name)] ?? [], await dnsContent(keyAuthorization)];
      }
    },
    get: (...names) => it.service.get({ domains: parseDnsNames(names) }, CALL),
    async forget(): Promise<void> {
      for (const { id, value } of await records.authorizations.list(CALL)) {
        await records.authorizations.put(id, { ...value, expires: clock.now() }, CALL);
      }
    },
    asked: () => it.authority.asked.filter((line) => line !== "directory" && line !== "time"),
    lookups: () => lookups,
  };
}

/** One whose certificate a person got, and is due. */
async function due(options: HarnessOptions = {}): Promise<Stage> {
  const it = await stage({ reuse: false, ...options });
  await it.authorize("a.example.com");
  await it.setRecords();
  await it.get("a.example.com");
  it.clock.move(61 * DAY);
  await it.forget();
  return it;
}

Deno.test("keeper renews what a person authorized once the record is seen, and asks the CA for nothing before", async () => {
  const it = await due();
  await it.watch(3);
  assertEquals(it.authority.issued(), 1, "nobody has authorized it again");

  await it.authorize("a.example.com");
  const before = it.asked();
  await it.watch(5);
  assertEquals(it.asked(), before, "the record is missing");

  await it.setRecords();
  await it.watch(1);
  assertEquals(it.authority.issued(), 2);
  assert(it.events.some((event) => event.name === "certificate.records_seen"));
});

Deno.test("keeper looks at DNS about once a minute, however often it looks at the rest", async () => {
  const it = await due();
  await it.authorize("a.example.com");
  const before = it.lookups();
  for (let i = 0; i < 60; i++) {
    it.clock.move(10_000);
    await it.look();
  }
  assertEquals(it.lookups() - before, 10);
});

Deno.test("keeper does not renew from the authorization that brought the held certificate about", async () => {
  const it = await stage();
  await it.authorize("a.example.com");
  await it.setRecords();
  await it.get("a.example.com");
  it.clock.move(61 * DAY); // the authorization has no end, and its record is still in DNS
  await it.watch(3);
  assertEquals(it.authority.issued(), 1);
});

Deno.test("keeper leaves an authorization alone that has expired, and says what to do", async () => {
  const it = await due();
  await it.authorize("a.example.com");
  await it.setRecords();
  await it.forget();
  const before = it.asked();
  await it.watch(3);

  assertEquals(it.asked(), before);
  const [held] = await it.service.certificates(CALL);
  assertEquals(
    held?.byHand?.todo,
    "run kontena certificate authorize a.example.com, set the record that it shows, then run kontena certificate get " +
      "a.example.com (it is run by itself once the records are seen in DNS)",
  );
});

Deno.test("keeper waits for the records of all names", async () => {
  const it = await stage();
  await it.authorize("a.example.com", "b.example.com");
  await it.setRecords();
  await it.get("a.example.com", "b.example.com");
  it.clock.move(61 * DAY);
  await it.forget();

  await it.authorize("a.example.com");
  await it.setRecords();
  await it.watch(3);
  assertEquals(it.authority.issued(), 1, "one is not authorized again");
  await it.authorize("b.example.com");
  await it.setRecords();
  await it.watch(1);
  assertEquals(it.authority.issued(), 2);
});

Deno.test("get is answered once with what the keeper got in a person's place", async () => {
  const it = await due({ reuse: true });
  await it.authorize("a.example.com");
  await it.setRecords();
  await it.watch(1);
  const [kept] = await it.service.certificates(CALL);
  const before = it.asked();

  const got = await it.get("a.example.com");
  assertEquals(got.record.facts, kept?.record.facts);
  assertEquals(it.asked(), before, "the CA was not asked");

  const again = await it.get("a.example.com");
  assertNotEquals(again.record.facts.serial, got.record.facts.serial, "who asks again wants another one");
});

Deno.test("get is not answered with what the keeper got where it is due again, or authorized again", async () => {
  const it = await due();
  await it.authorize("a.example.com");
  await it.setRecords();
  await it.watch(1);
  it.clock.move(61 * DAY);
  await it.setRecords();
  await it.get("a.example.com").catch(() => {}); // parked: the CA wants a new record
  assertEquals(it.authority.orders.length, 3);

  const other = await due();
  await other.authorize("a.example.com");
  await other.setRecords();
  await other.watch(1);
  other.clock.move(MINUTE);
  await other.forget();
  await other.authorize("a.example.com");
  await other.setRecords();
  await other.get("a.example.com");
  assertEquals(other.authority.issued(), 3);
});

Deno.test("get with another --cert-type is answered by the same certificate, in the form that was asked for", async () => {
  const it = await due();
  await it.authorize("a.example.com");
  await it.setRecords();
  await it.watch(1);
  const before = it.authority.issued();
  const [held] = await it.service.certificates(CALL);
  const { certificate, bundle } = certificateSecrets(held!.record.intent.secretName);
  await it.vault.write([{ name: certificate, value: "in another form" }], CALL);

  const got = await it.service.get({ domains: parseDnsNames(["a.example.com"]), certType: "cert" }, CALL);

  assertEquals([it.authority.issued(), got.record.intent.certType], [before, "cert"]);
  const [leaf] = (await it.vault.read(bundle, CALL))!.value.split(/(?<=-----END CERTIFICATE-----)/);
  assertEquals((await it.vault.read(certificate, CALL))?.value, leaf);
});

Deno.test("get for another kind of key is another intent than what the keeper got", async () => {
  const it = await due({ reuse: true });
  await it.authorize("a.example.com");
  await it.setRecords();
  await it.watch(1);
  const before = it.authority.orders.length;
  const other = it.service.get({ domains: parseDnsNames(["a.example.com"]), keyType: "ec-384" }, CALL);
  await other.catch(() => {}); // the CA of this test cannot sign it
  assertEquals(it.authority.orders.length, before + 1);
});

Deno.test("get that comes while the keeper is on its way joins it, and has its answer", async () => {
  const { promise: open, resolve: release } = Promise.withResolvers<void>();
  const { promise: swapping, resolve: began } = Promise.withResolvers<void>();
  let swaps = 0;
  const it = await stage({
    async swap(): Promise<SwapReport> {
      if (++swaps === 2) {
        began();
        await open;
      }
      return { kind: "replaced", shadowed: [] };
    },
  });
  await it.authorizeLinked("a.example.com");
  await it.setRecords();
  await it.get("a.example.com");
  it.clock.move(61 * DAY);
  await it.forget();
  await it.authorizeLinked("a.example.com");
  await it.setRecords();
  it.clock.move(2 * MINUTE);
  const looking = it.look();
  await swapping;

  const getting = it.get("a.example.com");
  for (let i = 0; i < 8; i++) await turn(); // enough for it to get there: all is in memory
  release();
  const [got] = await Promise.all([getting, looking]);

  assertEquals(it.authority.issued(), 2);
  const [held] = await it.service.certificates(CALL);
  assertEquals([held?.record.facts, held?.record.intent.awaited], [got.record.facts, undefined]);
});

Deno.test("keeper and a get that differs in where it serves order one certificate between them", async () => {
  const it = await due();
  await it.authorize("a.example.com");
  await it.setRecords();
  const [held] = await it.service.certificates(CALL);
  assert(held !== undefined);
  const intent = { ...held.record.intent, balancers: ["infra/lb"] };

  await Promise.all([it.get("a.example.com"), it.service.finish(intent, CALL)]);

  assertEquals(it.authority.issued(), 2);
});

Deno.test("keeper goes on with an order that a person's get left parked", async () => {
  const it = await stage({ reuse: false });
  await it.authorize("a.example.com", "b.example.com");
  await it.setRecords();
  const parked = await it.get("a.example.com", "b.example.com").catch((error: unknown) => error);
  assert(parked instanceof OrderParkedError);
  const orders = it.authority.orders.length;
  const before = it.asked();
  await it.watch(3);
  assertEquals(it.asked(), before);

  await it.setRecords();
  await it.watch(1);
  assertEquals([it.authority.issued(), it.authority.orders.length], [1, orders]);
  await it.get("a.example.com", "b.example.com");
  assertEquals(it.authority.issued(), 1, "the get that was printed is answered");
});

Deno.test("keeper gets what a person asked for too early, once the records are seen", async () => {
  const it = await stage();
  await it.authorize("a.example.com", "b.example.com");
  const early = await it.get("b.example.com", "a.example.com").catch((error: unknown) => error);
  assert(early instanceof OrderParkedError);
  const before = it.asked();
  await it.watch(3);
  assertEquals(it.asked(), before);
  const missing = it.events.filter((event) => event.name === "certificate.records_missing");
  assertEquals(missing.map((event) => event.text), [
    "The certificate for b.example.com, a.example.com is got once DNS shows its records; they are shown by kontena " +
    "certificate get b.example.com a.example.com",
  ], "told once");
  assertEquals(
    (await it.service.explainCertificate("b.example.com", CALL))?.next,
    "It is got once DNS shows the records that a person has to set: kontena certificate get b.example.com a.example.com " +
      "shows them.",
  );

  await it.setRecords();
  await it.watch(1);
  assertEquals(it.authority.issued(), 1);
  const next = (await it.service.explainCertificate("b.example.com", CALL))?.next ?? "";
  assert(next.startsWith("It is not renewed by itself: "), next);
  await it.watch(3);
  assertEquals(await it.records.wishes.list(CALL), []);
  const got = await it.get("b.example.com", "a.example.com");
  assertEquals([it.authority.issued(), got.record.intent.names[0]], [1, "b.example.com"]);
});

Deno.test("keeper forgets what a person asked for when its authorization is taken away or over", async () => {
  const it = await stage();
  const asking = async (name: string): Promise<void> => {
    await it.authorize(name);
    await it.get(name).catch(() => {});
  };
  await asking("a.example.com");
  await asking("b.example.com");
  assertEquals((await it.records.wishes.list(CALL)).length, 2);
  await it.service.removeAuthorization(parseDnsNames(["a.example.com"])[0], CALL);
  await it.look();
  assertEquals((await it.records.wishes.list(CALL)).map((entry) => entry.value.intent.names.join()), ["b.example.com"]);
  await it.setRecords();
  await it.forget();
  it.clock.move(2 * MINUTE);
  await it.look();
  assertEquals(await it.records.wishes.list(CALL), []);
  assertEquals(it.authority.issued(), 0);
});

Deno.test("what the keeper got in a person's place is known as that after a failure in the middle", async () => {
  const it = await due();
  await it.authorize("a.example.com");
  await it.setRecords();
  it.authority.refuse("certificate", "serverInternal", 500);
  await it.watch(1);
  assertEquals((await it.service.certificates(CALL))[0]?.record.intent.awaited, undefined);

  await it.watch(2);
  assertEquals((await it.service.certificates(CALL))[0]?.record.intent.awaited, true);
  await it.get("a.example.com");
  assertEquals(it.authority.issued(), 2);
});

Deno.test("what a person proves stays theirs to prove, where an order for it is interrupted", async () => {
  const it = await stage({ reuse: false });
  await it.authorizeLinked("a.example.com", "b.example.com");
  await it.get("a.example.com", "b.example.com").catch(() => {}); // too early
  await it.setRecords();
  const newOrder = it.authority.orders.length + 1;
  it.authority.loseAnswer("newOrder");
  await it.watch(1);
  assertEquals(it.authority.orders.length, newOrder);
  await it.watch(2);

  assertEquals(it.asked().filter((line) => line === "respond http-01"), []);
  const open = (await it.records.orders.list(CALL)).map((entry) => entry.value.step);
  assertEquals(open.filter((step) => step === "parked").length, 1, "the CA wants new records");
});

/** A keeper dies after so many writes in a person's place, another goes on, and then the person's `get` comes. */
async function dieInPlaceOf(writes: number): Promise<{ readonly issued: number; readonly died: boolean }> {
  const before = await stage();
  await before.authorizeLinked("a.example.com", "b.example.com");
  await before.get("a.example.com", "b.example.com").catch(() => {}); // too early
  await before.setRecords();
  const life = lifeOf(writes);
  const dying = await before.restart({ ledger: life.ledger, vault: life.vault });
  await keeper(dying.parts, dying.service, presentedAnswers(dying.parts), []).look(CALL).catch(() => {});
  await dying.service.landed();
  const died = life.writes() === writes;

  const after = await before.restart();
  const keep = keeper(after.parts, after.service, presentedAnswers(after.parts), []);
  for (let i = 0; i < 3; i++) {
    after.clock.move(2 * MINUTE);
    await keep.look(CALL);
  }
  assertEquals((await after.service.certificates(CALL)).length, 1, `after ${writes} writes`);
  await after.service.get({ domains: parseDnsNames(["a.example.com", "b.example.com"]) }, CALL);
  return { issued: after.authority.issued(), died };
}

Deno.test("keeper that dies after any of its writes in a person's place: one certificate, also for the get", async () => {
  let writes = 0;
  for (let died = true; died; writes++) {
    const end = await dieInPlaceOf(writes);
    assertEquals(end.issued, 1, `after ${writes} writes`);
    died = end.died;
  }
  assert(writes > 8, `only ${writes} writes were tried`);
});

Deno.test("keeper rests after a failure of the CA, also where all records are seen", async () => {
  const it = await due();
  await it.authorize("a.example.com");
  await it.setRecords();
  it.authority.refuse("finalize", "serverInternal", 500);
  await it.watch(1);
  const before = it.asked();
  it.clock.move(20_000);
  await it.look();
  assertEquals(it.asked(), before);
});

Deno.test("keeper brings a declared wildcard about once a person has set its record, without a get", async () => {
  const it = await stage({ declared: [declare("*.example.com")] });
  await it.watch(3);
  assertEquals(it.asked().filter((line) => line.startsWith("newOrder")), []);
  assert(it.events.some((event) => event.text.includes("--auth-type dns-01 *.example.com")));

  it.clock.move(DAY);
  await it.authorize("*.example.com");
  const before = it.asked();
  await it.watch(3);
  assertEquals(it.asked(), before);
  await it.setRecords();
  await it.watch(1);
  assertEquals((await it.service.certificates(CALL))[0]?.deployments.map((one) => one.state), ["served"]);

  const got = await it.get("*.example.com");
  assertEquals(got.record.intent.balancers, ["infra/lb"], "it is served where the keeper serves it");
  assertEquals(it.authority.issued(), 1);
});

Deno.test("keeper renews a declared wildcard only for a person, also where CHALLENGE names dns-01", async () => {
  const settings = { challenges: ["http-01", "dns-01"] } as const;
  const it = await stage({ declared: [declare("*.example.com")], reuse: false, settings });
  await it.watch(1); // the first time an order is placed, so that there is a record to set
  await it.setRecords();
  await it.watch(1);
  assertEquals([it.authority.issued(), it.authority.orders.length], [1, 1]);

  it.clock.move(61 * DAY);
  await it.forget();
  await it.watch(3);
  assertEquals(it.authority.orders.length, 1);
});

Deno.test("keeper orders a declared wildcard by itself neither when it is due nor when it is lost", async () => {
  const wanted = declare("*.example.com");
  const it = await stage({ declared: [wanted], reuse: false });
  await it.authorize("*.example.com");
  await it.setRecords();
  await it.watch(1);
  assertEquals(it.authority.issued(), 1);

  it.clock.move(61 * DAY);
  await it.forget();
  const before = it.asked();
  it.events.length = 0;
  await it.watch(3);
  assertEquals(it.asked(), before);
  const told = it.events.find((event) => event.name === "certificate.expiring");
  assertStringIncludes(told?.text ?? "", "then run kontena certificate get '*.example.com'");

  await it.vault.remove(certificateSecrets(wanted.secretName).bundle, CALL);
  await it.watch(3);
  assertEquals(it.asked(), before);
});
