import { createHash } from "node:crypto";
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { systemClock } from "../../plugin/clock.ts";
import { acmeAuthority } from "../../src/acme/authority.ts";
import { pollWaits } from "../../src/model/backoff.ts";
import { parseDnsName } from "../../src/model/dns_name.ts";
import { AcmeProblemError, SidecarError } from "../../src/model/errors.ts";
import type { Order } from "../../src/model/order.ts";
import { problemName } from "../../src/model/problem.ts";
import type { AccountKey, AuthorityAccount, CertificateAuthority } from "../../src/ports.ts";
import { makeAccountKey } from "../support/account_key.ts";
import { type Pebble, PEBBLE_PROGRAMS, type PebbleOptions, startPebble } from "../support/pebble.ts";
import { has, start, tempDir } from "../support/process.ts";

const call = { signal: new AbortController().signal };
const NO_CONTACT = { contact: [], termsOfServiceAgreed: true };

/** A CA of its own for each test, with a client that writes its requests down. */
function withPebble(name: string, options: PebbleOptions, run: (ca: Bench) => Promise<void>): void {
  Deno.test({
    name: `${name} [needs pebble]`,
    ignore: !has(...PEBBLE_PROGRAMS),
    async fn(): Promise<void> {
      await using pebble = await startPebble(options);
      await run(bench(pebble));
    },
  });
}

interface Bench {
  readonly pebble: Pebble;
  readonly authority: CertificateAuthority;
  /** `POST /path` and the status, in the order of the answers; the last part of the path is left out where it is random. */
  readonly requests: string[];
}

function bench(pebble: Pebble): Bench {
  const requests: string[] = [];
  const counting = (async (input: string | URL, init?: RequestInit) => {
    const response = await pebble.fetch(input, init);
    const [, resource] = new URL(input).pathname.split("/");
    requests.push(`${init?.method} ${resource} ${response.status}`);
    return response;
  }) as typeof fetch;
  const authority = acmeAuthority({
    directory: pebble.directory,
    fetch: counting,
    clock: systemClock,
    userAgent: "kontena-certificates-test/1",
  });
  return { pebble, authority, requests };
}

async function open({ authority }: Bench, key: AccountKey): Promise<AuthorityAccount> {
  return authority.as(await authority.register(key, NO_CONTACT, call), key);
}

/** A CSR by another hand than the product's. */
async function makeCsr(names: readonly string[]): Promise<Uint8Array<ArrayBuffer>> {
  using dir = tempDir();
  const san = names.map((name) => `DNS:${name}`).join(",");
  await using openssl = start("openssl", {
    args: [
      ...["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-outform", "DER"],
      ...["-subj", "/", "-addext", `subjectAltName=${san}`, "-keyout", `${dir.path}/key`, "-out", `${dir.path}/csr`],
    ],
  });
  assertEquals(await openssl.exit, 0, openssl.output());
  return await Deno.readFile(`${dir.path}/csr`);
}

async function settled(account: AuthorityAccount, order: Order, ...statuses: Order["status"][]): Promise<Order> {
  const waits = pollWaits();
  let last = order;
  while (!statuses.includes(last.status)) {
    await systemClock.sleep(waits.next().value, call);
    last = await account.order(last.url, call);
  }
  return last;
}

/** From names to the certificate's order, as the flow does it. */
async function issue(account: AuthorityAccount, names: readonly string[]): Promise<Order & { status: "valid" }> {
  const order = await account.newOrder({ names: names.map((name) => parseDnsName(name)) }, call);
  if (order.status === "pending") {
    const all = await Promise.all(order.authorizations.map((url) => account.authorization(url, call)));
    const open = all.filter((it) => it.status === "pending").map((it) => it.challenges[0]);
    await Promise.all(open.map((challenge) => account.respond(challenge?.url ?? assertNever(), call)));
  }
  const ready = await settled(account, order, "ready", "invalid");
  assertEquals(ready.status, "ready", JSON.stringify(ready));
  const valid = await settled(account, await account.finalize(ready, await makeCsr(names), call), "valid", "invalid");
  assert(valid.status === "valid", JSON.stringify(valid));
  return valid;
}

function assertNever(): never {
  throw new Error("an authorization without challenges");
}

for (const alg of ["ES256", "ES384", "RS256"] as const) {
  withPebble(`register() and find() agree on the account of an ${alg} key`, {}, async (ca) => {
    const key = await makeAccountKey(alg);
    assertEquals(await ca.authority.find(key, call), undefined);
    const url = await ca.authority.register(
      key,
      { contact: ["mailto:a@example.com"], termsOfServiceAgreed: true },
      call,
    );
    assertEquals(await ca.authority.find(key, call), url);
    assertEquals(await ca.authority.register(key, NO_CONTACT, call), url);
  });
}

withPebble("about() reads the directory once", {}, async (ca) => {
  const about = await ca.authority.about(call);
  assertMatch(about.termsOfService?.href ?? "", /^data:text\/plain/);
  await ca.authority.about(call);
  assertEquals(ca.requests, ["GET dir 200"]);
});

withPebble("register() without agreement shows the CA's own words", {}, async (ca) => {
  const key = await makeAccountKey();
  const request = { contact: [], termsOfServiceAgreed: false };
  const error = await assertRejects(
    () => ca.authority.register(key, request, call),
    AcmeProblemError,
    "terms of service",
  );
  assertEquals(problemName(error.problem), "agreementRequired");
});

const EAB = { "kid-1": "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W" };
withPebble("register() binds an external account", { externalAccounts: EAB }, async (ca) => {
  assertEquals((await ca.authority.about(call)).externalAccountRequired, true);
  const key = await makeAccountKey();
  const error = await assertRejects(() => ca.authority.register(key, NO_CONTACT, call), AcmeProblemError);
  assertEquals(problemName(error.problem), "externalAccountRequired");
  assertStringIncludes(error.todo ?? "", "ACME_EAB_KID");
  const wrong = { ...NO_CONTACT, externalAccount: { kid: "kid-1", hmacKey: "AAAA" } };
  await assertRejects(() => ca.authority.register(key, wrong, call), AcmeProblemError);
  const right = { ...NO_CONTACT, externalAccount: { kid: "kid-1", hmacKey: EAB["kid-1"] } };
  assertEquals(await ca.authority.register(key, right, call), await ca.authority.find(key, call));
});

withPebble("one name on a warm account is seven requests", { alwaysValid: true }, async (ca) => {
  const account = await open(ca, await makeAccountKey());
  ca.requests.length = 0;
  const order = await issue(account, ["one.example.com"]);
  const { pem } = await account.certificate(order.certificate, call);
  assertMatch(pem, /^-----BEGIN CERTIFICATE-----/);
  const polls = ca.requests.filter((line) => line.includes("my-order"));
  assertEquals(ca.requests.filter((line) => !line.includes("my-order")), [
    "POST order-plz 201",
    "POST authZ 200",
    "POST chalZ 200",
    "POST finalize-order 200",
    "POST certZ 200",
  ]);
  assert(polls.length >= 2 && polls.length <= 4, `${polls.length} polls`);
});

withPebble("a hundred names cost at most 210 requests", { alwaysValid: true }, async (ca) => {
  const account = await open(ca, await makeAccountKey());
  ca.requests.length = 0;
  const order = await issue(account, Array.from({ length: 100 }, (_, i) => `n${i}.example.com`));
  await account.certificate(order.certificate, call);
  const polls = ca.requests.filter((line) => line.includes("my-order")).length;
  const others = ca.requests.length - polls;
  assert(others + 2 <= 210, `${others} requests and ${polls} polls`);
});

for (const nonceReject of [50, 90]) {
  const names = ["a.example.com", "b.example.com", "c.example.com"];
  withPebble(`an order comes through with ${nonceReject} % of nonces refused`, {
    alwaysValid: true,
    nonceReject,
    authzReuse: 50,
  }, async (ca) => {
    const account = await open(ca, await makeAccountKey());
    for (let i = 0; i < 100 / nonceReject; i++) await issue(account, names);
    const refused = ca.requests.filter((line) => line.endsWith(" 400")).length;
    const asked = ca.requests.filter((line) => line.includes("nonce")).length;
    assert(refused > 3, `${refused} refused`);
    assert(asked <= 4, `${asked} nonces asked for, though every refusal brings one`);
  });
}

withPebble("certificate() names the alternate chains", { alwaysValid: true, alternateRoots: 2 }, async (ca) => {
  const account = await open(ca, await makeAccountKey());
  const order = await issue(account, ["www.example.com"]);
  const { pem, alternates } = await account.certificate(order.certificate, call);
  assertEquals(alternates.length, 2);
  const others = await Promise.all(alternates.map((url) => account.certificate(url, call)));
  const chains = [pem, ...others.map((it) => it.pem)];
  assertEquals(new Set(chains.map((it) => it.split("-----END CERTIFICATE-----")[0])).size, 1, "the leaf is the same");
  assertEquals(new Set(chains).size, 3);
});

withPebble("revoke() is done also where it was done before", { alwaysValid: true }, async (ca) => {
  const account = await open(ca, await makeAccountKey());
  const order = await issue(account, ["www.example.com"]);
  const { pem } = await account.certificate(order.certificate, call);
  const leaf = Uint8Array.fromBase64(pem.split("-----")[2] ?? "");
  await account.revoke(leaf, 4, call);
  await account.revoke(leaf, 4, call);
  const statuses = ca.requests.filter((line) => line.includes("revoke"));
  assertEquals(statuses, ["POST revoke-cert 200", "POST revoke-cert 400"]);
});

withPebble("orders() goes through all pages", { ordersPerPage: 2 }, async (ca) => {
  const account = await open(ca, await makeAccountKey());
  const made = [];
  for (const name of ["a", "b", "c", "d", "e"]) {
    made.push((await account.newOrder({ names: [parseDnsName(`${name}.example.com`)] }, call)).url.href);
  }
  const listed = [];
  for await (const url of account.orders(call)) listed.push(url.href);
  assertEquals(listed.sort(), made.sort());
});

withPebble("newOrder() keeps the star of a wildcard", { alwaysValid: true }, async (ca) => {
  const account = await open(ca, await makeAccountKey());
  const names = [parseDnsName("*.example.com"), parseDnsName("example.com")];
  const order = await account.newOrder({ names }, call);
  assertEquals([...order.names].sort(), [...names].sort());
  const read = await Promise.all(order.authorizations.map((url) => account.authorization(url, call)));
  assertEquals(read.map((it) => it.name).sort(), [...names].sort());
});

withPebble("respond() has the CA look, and the authorization tells what it saw", {}, async (ca) => {
  const key = await makeAccountKey();
  const account = await open(ca, key);
  const order = await account.newOrder({ names: ["good", "bad"].map((it) => parseDnsName(`${it}.example.com`)) }, call);
  for (const url of order.authorizations) {
    const { name, challenges } = await account.authorization(url, call);
    const dns01 = challenges.find((it) => it.type === "dns-01");
    const digest = createHash("sha256").update(`${dns01?.token}.${key.thumbprint}`).digest("base64url");
    await ca.pebble.setCname(`_acme-challenge.${name}`, `${name}.acme.example.net`);
    await ca.pebble.setTxt(`${name}.acme.example.net`, name === "good.example.com" ? digest : "something else");
    await account.respond(dns01?.url ?? assertNever(), call);
  }
  assertEquals((await settled(account, order, "invalid", "ready")).status, "invalid");
  const read = await Promise.all(order.authorizations.map((url) => account.authorization(url, call)));
  const said = read.map((it) => [it.name, it.status, it.challenges[0]?.problem?.type]).sort();
  assertEquals(said, [
    ["bad.example.com", "invalid", "urn:ietf:params:acme:error:unauthorized"],
    ["good.example.com", "valid", undefined],
  ]);
});

withPebble("a finalize that comes too early is refused in the CA's own words", {}, async (ca) => {
  const account = await open(ca, await makeAccountKey());
  const order = await account.newOrder({ names: [parseDnsName("www.example.com")] }, call);
  const csr = await makeCsr(["www.example.com"]);
  const error = await assertRejects(() => account.finalize(order, csr, call), AcmeProblemError);
  assertEquals(problemName(error.problem), "orderNotReady");
});

withPebble("changeKey() gives the account another key: the new one finds it, the old one does not", {}, async (ca) => {
  const [old, next] = [await makeAccountKey(), await makeAccountKey("ES384")];
  const account = await open(ca, old);
  await account.changeKey(next, call);
  assertEquals([await ca.authority.find(next, call), await ca.authority.find(old, call)], [account.url, undefined]);
  await assertRejects(() => account.newOrder({ names: [parseDnsName("www.example.com")] }, call), AcmeProblemError);
  await ca.authority.as(account.url, next).newOrder({ names: [parseDnsName("www.example.com")] }, call);
});

withPebble("changeKey() to a key that has an account already is refused, and each keeps its own", {}, async (ca) => {
  const [one, other] = [await makeAccountKey(), await makeAccountKey()];
  const [account, taken] = [await open(ca, one), await open(ca, other)];
  // Not 409 with a Location, as §7.3.5 wants, but 500: whoever wants to know whose the key is has to look for it.
  await assertRejects(() => account.changeKey(other, call), AcmeProblemError, "already in use by account");
  assertEquals([await ca.authority.find(one, call), await ca.authority.find(other, call)], [account.url, taken.url]);
});

withPebble("update() puts another contact in place, and one that is none is refused", {}, async (ca) => {
  const account = await open(ca, await makeAccountKey());
  await account.update({ contact: ["mailto:b@example.com"] }, call);
  assertEquals(await account.read(call), { status: "valid", contact: ["mailto:b@example.com"] });
  await assertRejects(() => account.update({ contact: ["mailto:nobody"] }, call), AcmeProblemError);
});

withPebble("deactivate() ends the account: it is read as deactivated, and its key finds no other", {}, async (ca) => {
  const key = await makeAccountKey();
  const account = await open(ca, key);
  await account.deactivate(call);
  assertEquals((await account.read(call)).status, "deactivated");
  assertEquals((await assertRejects(() => ca.authority.find(key, call), SidecarError)).code, "ACCOUNT_DEACTIVATED");
});
