import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { keeper } from "../../../src/flow/keeper.ts";
import { presentedAnswers } from "../../../src/flow/answers.ts";
import { accountId } from "../../../src/ledger/records.ts";
import { memoryLedger } from "../../../src/ledger/memory_ledger.ts";
import { parseDnsName, parseDnsNames } from "../../../src/model/dns_name.ts";
import { AcmeProblemError, SidecarError } from "../../../src/model/errors.ts";
import { ACCOUNT_KEY } from "../../../src/model/secret_name.ts";
import type { Call } from "../../../src/ports.ts";
import { generateAccountKey } from "../../../src/x509/account_key.ts";
import { checkAccount, dyingAtEachWrite, keysOf, notesOf, registered } from "../../support/account_world.ts";
import { CALL } from "../../support/fakes.ts";
import type { Harness } from "../../support/flow_harness.ts";

const REQUEST = { domains: parseDnsNames(["www.example.com"]) };
const www = parseDnsName("www.example.com");
const AGAIN = { agreeTos: true, newAccount: true };

/** What was asked of the CA by the account; anybody may ask the time and for renewal information. */
function byTheAccount({ authority }: Harness): readonly string[] {
  return authority.asked.filter((it) => !/^(time|directory|renewalInfo)\b/.test(it));
}

/** Everything that needs the CA. */
const NEEDS: Readonly<Record<string, (world: Harness, call: Call) => Promise<unknown>>> = {
  authorize: ({ service }, call) => service.authorize({ domain: www, type: "dns-01" }, call),
  get: ({ service }, call) => service.get(REQUEST, call),
  request: ({ service }, call) => service.request(REQUEST, call),
  revoke: ({ service }, call) => service.revokeCertificate(www, "superseded", call),
  register: ({ service }, call) => service.register({ agreeTos: true }, call),
  "account update": ({ service }, call) => service.updateAccount("me@example.com", call),
  "account rollover": ({ service }, call) => service.rollOverAccount(call),
  "account deactivate": ({ service }, call) => service.deactivateAccount(call),
};

Deno.test("after a deactivation everything that needs the CA stops with one error, and the CA is not asked", async () => {
  const world = await registered();
  await world.service.request(REQUEST, CALL);
  const status = await world.service.deactivateAccount(CALL);
  assertEquals(status.state, "deactivated");
  const asked = world.authority.asked.length;

  for (const [what, need] of Object.entries(NEEDS)) {
    const error = await assertRejects(() => need(world, CALL), SidecarError);
    assertEquals(error.code, "ACCOUNT_DEACTIVATED", what);
    assertMatch(error.message, /^The account https:\S+ at ca\.test was deactivated on 2026-\S+Z by command$/, what);
    assertStringIncludes(error.todo ?? "", "kontena certificate register --new-account", what);
  }
  assertEquals([world.authority.asked.length, world.authority.accounts.size], [asked, 1]);
  assert((await world.service.exportCertificate(www, CALL)) !== undefined, "what is held stays");
});

Deno.test("a deactivation takes down what is presented, and tells it as an error", async () => {
  const world = await registered();
  await world.service.authorize({ domain: www, type: "http-01", balancer: "infra/lb" }, CALL);
  await world.service.deactivateAccount(CALL);
  assertEquals(await world.records.answers.list(CALL), []);
  assertEquals((await world.service.authorizations(CALL)).map(({ state, presented }) => [state, presented]), [
    ["error", false],
  ]);
  const [told] = world.events.filter(({ name }) => name === "account.deactivated");
  assertEquals([told?.level, told?.fields?.["by"]], ["error", "command"]);
});

Deno.test("the keeper says each hour that the account is closed, and asks the CA for nothing in its name", async () => {
  const world = await registered();
  await world.service.request(REQUEST, CALL);
  await world.service.deactivateAccount(CALL);
  world.clock.move(70 * 86_400_000); // the certificate is due
  const keep = keeper(world.parts, world.service, presentedAnswers(world.parts), []);
  const [asked, told] = [byTheAccount(world), world.events.length];
  for (let minute = 0; minute < 90; minute++) {
    await keep.look(CALL);
    world.clock.move(60_000);
  }
  const events = world.events.slice(told).filter(({ level }) => level === "error");
  assertEquals(events.filter(({ name }) => name === "account.closed").length, 2);
  assert(
    events.some(({ name, fields }) => name === "certificate.failed" && fields?.["code"] === "ACCOUNT_DEACTIVATED"),
  );
  assertEquals(byTheAccount(world), asked);
});

Deno.test("F-26: an account that was deactivated at the CA is told so, and no other one is made in its place", async () => {
  const world = await registered();
  const [url] = [...world.authority.accounts.keys()];
  world.authority.deactivate(new URL(url!));

  for (const what of ["request", "request", "register"]) {
    const error = await assertRejects(() => NEEDS[what]!(world, CALL), SidecarError);
    assertEquals(error.code, "ACCOUNT_DEACTIVATED");
    assertMatch(error.message, /was deactivated at the CA, found on 2026-/);
  }
  assertEquals([world.authority.accounts.size, (await notesOf(world)).closure?.by], [1, "ca"]);
  assertEquals(world.authority.asked.filter((it) => it.startsWith("newOrder")).length, 1);
});

for (
  const [how, look] of [
    ["show", ({ service }: Harness): Promise<unknown> => service.account(CALL)],
    ["update", ({ service }: Harness): Promise<unknown> => service.updateAccount("a@example.com", CALL)],
    ["rollover", ({ service }: Harness): Promise<unknown> => service.rollOverAccount(CALL)],
  ] as const
) {
  Deno.test(`F-26: account ${how} notices that the account was deactivated at the CA`, async () => {
    const world = await registered();
    world.authority.deactivate(new URL([...world.authority.accounts.keys()][0]!));
    await look(world).catch(() => {});
    const { closure, change } = await notesOf(world);
    assertEquals([closure?.by, change, world.authority.accounts.size], ["ca", undefined, 1]);
  });
}

Deno.test("F-26: a deactivated account is not replaced where the ledger was lost, or its key was", async () => {
  const world = await registered();
  world.authority.deactivate(new URL([...world.authority.accounts.keys()][0]!));
  const ledger = memoryLedger(world.clock);
  const after = await world.restart({ ledger: () => ledger });
  const error = await assertRejects(() => after.service.request(REQUEST, CALL), SidecarError);
  assertMatch(error.message, /^The account at ca\.test was deactivated at the CA/);

  await world.vault.remove(ACCOUNT_KEY, CALL);
  await assertRejects(() => after.service.request(REQUEST, CALL), SidecarError, "deactivated at the CA");
  assertEquals(world.authority.accounts.size, 1);
});

Deno.test("an unauthorized answer about something else does not close the account", async () => {
  const world = await registered({ failing: ["www.example.com"] });
  await assertRejects(() => world.service.request(REQUEST, CALL), SidecarError, "not convincing");
  assertEquals(await notesOf(world), { change: undefined, closure: undefined });
});

Deno.test("F-26: a process that dies after any write of a deactivation knows whether it happened, and who did it", async () => {
  const ends: string[] = [];
  await dyingAtEachWrite(
    async () => {
      const world = await registered();
      await world.service.authorize({ domain: www, type: "http-01", balancer: "infra/lb" }, CALL);
      return world;
    },
    (world) => world.service.deactivateAccount(CALL),
    async (after, writes) => {
      const error = await after.service.openAccount(CALL).then(() => undefined, (error) => error);
      const [account] = [...after.authority.accounts.values()];
      const { closure, change } = await notesOf(after);
      assertEquals(change, undefined);
      assertEquals(error?.code, account?.status === "valid" ? undefined : "ACCOUNT_DEACTIVATED", `${writes}`);
      assertEquals(closure?.by, account?.status === "valid" ? undefined : "command", `after ${writes} writes`);
      if (closure !== undefined) assertEquals(await after.records.answers.list(CALL), []);
      ends.push(account!.status);
      assertEquals(after.authority.accounts.size, 1);
    },
  );
  assertEquals(new Set(ends), new Set(["valid", "deactivated"]));
});

Deno.test("a deactivation that did not arrive is told, and not sent again by itself", async () => {
  const world = await registered();
  world.authority.drop("deactivate");
  await assertRejects(() => world.service.deactivateAccount(CALL), SidecarError, "reset");
  assert(world.events.some(({ name }) => name === "account.not_deactivated"));
  await checkAccount(world);
  await world.service.request(REQUEST, CALL);
});

Deno.test("a deactivation whose answer is lost took effect, by command", async () => {
  const world = await registered();
  world.authority.loseAnswer("deactivate");
  assertEquals((await world.service.deactivateAccount(CALL)).state, "deactivated");
  assertEquals((await notesOf(world)).closure?.by, "command");
});

for (const by of ["command", "ca"] as const) {
  Deno.test(`another account is made where that is said, after a deactivation by ${by}`, async () => {
    const world = await registered();
    await world.service.request(REQUEST, CALL);
    const [first] = [...world.authority.accounts.keys()];
    const before = await checkAccount(world);
    if (by === "command") await world.service.deactivateAccount(CALL);
    else world.authority.deactivate(new URL(first!));
    await world.service.request(REQUEST, CALL).catch(() => {});

    const record = await world.service.register(AGAIN, CALL);

    assert(record.url.href !== first);
    const after = await checkAccount(world, 2);
    assert(after !== before);
    assertEquals([(await keysOf(world.vault)).earlier, (await notesOf(world)).closure], [[before], undefined]);
    await world.service.request(REQUEST, CALL);
  });
}

Deno.test("a process that dies after any write of that makes no third account, and it can be repeated", async () => {
  await dyingAtEachWrite(
    async () => {
      const world = await registered();
      await world.service.request(REQUEST, CALL);
      await world.service.deactivateAccount(CALL);
      return world;
    },
    (world) => world.service.register(AGAIN, CALL),
    async (after) => {
      await after.service.openAccount(CALL).catch((error) => assertEquals(error.code, "ACCOUNT_DEACTIVATED"));
      assert(after.authority.accounts.size <= 2);
      if ((await notesOf(after)).closure !== undefined) await after.service.register(AGAIN, CALL);
      await checkAccount(after, 2);
      await after.service.request(REQUEST, CALL);
    },
  );
});

Deno.test("an account that works is not replaced by another one", async () => {
  const world = await registered();
  const error = await assertRejects(
    () => world.service.register(AGAIN, CALL),
    SidecarError,
    "there is nothing to replace",
  );
  assertEquals([error.code, world.authority.accounts.size], ["CONFLICT", 1]);
});

Deno.test("the key of another account that a person puts in place ends the closure", async () => {
  const world = await registered();
  await world.service.deactivateAccount(CALL);
  const { key, pem } = await generateAccountKey();
  await world.vault.write([{ name: ACCOUNT_KEY, value: pem }], CALL);
  await assertRejects(() => world.service.request(REQUEST, CALL), SidecarError, "by command");

  const url = world.authority.takeKey(key.thumbprint);
  await world.service.request(REQUEST, CALL);
  assertEquals((await world.service.account(CALL)).record?.url, url);
});

Deno.test("an account whose key was mislaid is not replaced by itself", async () => {
  const world = await registered();
  await world.vault.remove(ACCOUNT_KEY, CALL);
  const error = await assertRejects(() => world.service.request(REQUEST, CALL), SidecarError, "is not in the vault");
  assertEquals([error.code, world.authority.accounts.size], ["ACCOUNT_MISSING", 1]);
  assertEquals((await world.service.account(CALL)).state, "unknown");

  await world.vault.write([{ name: ACCOUNT_KEY, value: (await generateAccountKey()).pem }], CALL);
  await assertRejects(() => world.service.request(REQUEST, CALL), SidecarError, "is not its key");
  await world.service.register({ agreeTos: true }, CALL); // a person says so
  await checkAccount(world, 2);
});

Deno.test("a contact is changed at the CA and in the record", async () => {
  const world = await registered();
  const status = await world.service.updateAccount("me@example.com", CALL);
  assert(status.state === "valid");
  assertEquals([status.contact, status.record?.email], [["mailto:me@example.com"], "me@example.com"]);
  assert(world.events.some(({ name }) => name === "account.updated"));
});

Deno.test("F-34: a contact that the CA does not take leaves the former one", async () => {
  const world = await registered({ refusedContacts: ["mailto:nobody@localhost"] });
  await assertRejects(() => world.service.updateAccount("nobody@localhost", CALL), AcmeProblemError, "contact");
  const [account] = [...world.authority.accounts.values()];
  assertEquals(account?.contact, ["mailto:you@example.com"]);
  const record = (await world.records.accounts.get(accountId(world.authority.directory), CALL))?.value;
  assertEquals(record?.email, "you@example.com");
});

Deno.test("F-33: an account key that cannot be read is told by every account command, and nothing is changed", async () => {
  const world = await registered();
  await world.vault.write([{ name: ACCOUNT_KEY, value: "-----BEGIN EC PRIVATE KEY-----\nAAAA" }], CALL);
  for (const what of ["account rollover", "account deactivate", "account update", "register"]) {
    const error = await assertRejects(() => NEEDS[what]!(world, CALL), SidecarError);
    assertEquals(error.code, "INPUT", what);
  }
  assertEquals([world.authority.accounts.size, await notesOf(world)], [1, { change: undefined, closure: undefined }]);
});

Deno.test("the state of an account is unknown while the CA does not answer, and it is not closed for that", async () => {
  const world = await registered();
  world.authority.drop("account");
  const status = await world.service.account(CALL);
  assert(status.state === "unknown");
  assertEquals([status.reason, status.keyType], ["the connection was reset", "ec-256"]);
  assertEquals((await world.service.account(CALL)).state, "valid");
});
