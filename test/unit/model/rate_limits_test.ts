import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseDnsName } from "../../../src/model/dns_name.ts";
import { demandsOf, failureDemands } from "../../../src/model/rate_demand.ts";
import { LETSENCRYPT_LIMITS, readRateLimits } from "../../../src/model/rate_limits.ts";
import type { Renewal } from "../../../src/model/rates.ts";
import { registeredDomain } from "../../../src/suffixes/registered_domain.ts";

const account = new URL("https://ca.test/account/1");
const names = ["www.example.co.uk", "example.co.uk", "*.a.github.io"].map((it) => parseDnsName(it));
const SET = "*.a.github.io,example.co.uk,www.example.co.uk";

function demands(ask: "register" | "newOrder" | "respond" | "finalize", renewal?: Renewal): readonly string[] {
  const question = { ask, account, names, ...(renewal === undefined ? {} : { renewal }) };
  return demandsOf(LETSENCRYPT_LIMITS, question, registeredDomain)
    .map(({ limit, key, want }) => `${want} ${limit.name} ${key.replace(account.href, "A")}`);
}

const DOMAINS = ["certificates-per-domain example.co.uk", "certificates-per-domain a.github.io"];
const FAILURES = ["www.example.co.uk", "example.co.uk", "a.github.io"].map((name) => `see failures A ${name}`);

for (
  const [ask, renewal, expected] of [
    ["register", undefined, ["take accounts "]],
    ["newOrder", undefined, [
      "take orders A",
      ...DOMAINS.map((it) => `hold ${it}`),
      `hold certificates-per-names ${SET}`,
      ...FAILURES,
    ]],
    ["newOrder", "same names", [`hold certificates-per-names ${SET}`, ...FAILURES]],
    ["newOrder", "replaces", FAILURES],
    ["respond", undefined, FAILURES],
    ["finalize", undefined, [...DOMAINS.map((it) => `take ${it}`), `take certificates-per-names ${SET}`]],
    ["finalize", "same names", [`take certificates-per-names ${SET}`]],
    ["finalize", "replaces", [`count certificates-per-names ${SET}`]],
  ] as const
) {
  Deno.test(`demandsOf() of ${ask}${renewal === undefined ? "" : ` (${renewal})`} are Let's Encrypt's`, () => {
    assertEquals(demands(ask, renewal), expected);
  });
}

Deno.test("failureDemands() counts a wildcard's failure for the name without its star", () => {
  const [demand] = failureDemands(LETSENCRYPT_LIMITS, account, parseDnsName("*.example.com"), registeredDomain);
  assertEquals([demand?.key, demand?.want], [`${account.href} example.com`, "count"]);
});

for (
  const [name, expected, why] of [
    ["a.b.example.com", "example.com", "the label before a suffix of one"],
    ["www.example.co.uk", "example.co.uk", "the label before a suffix of two"],
    ["x.y.github.io", "y.github.io", "the list's private part"],
    ["github.io", "github.io", "a suffix itself"],
    ["www.example.test", "example.test", "a top level that the list does not know"],
    ["city.kobe.jp", "city.kobe.jp", "an exception of the list"],
  ] as const
) {
  Deno.test(`registeredDomain() knows ${why}`, () => {
    assertEquals(registeredDomain(parseDnsName(name)), expected);
  });
}

const ONE = { name: "orders", counts: "order", per: "account", capacity: 20, refill_seconds: 30 };

Deno.test("readRateLimits() reads every field", () => {
  assertEquals(readRateLimits([{ ...ONE, exempt_replaces: true }, { ...ONE, name: "b", exempt_same_names: true }]), [
    { name: "orders", counts: "order", per: "account", capacity: 20, refillMs: 30_000, exempt: ["replaces"] },
    { name: "b", counts: "order", per: "account", capacity: 20, refillMs: 30_000, exempt: ["same names"] },
  ]);
  assertEquals(readRateLimits([]), []);
});

Deno.test("readRateLimits() reads what Let's Encrypt's limits are written as", () => {
  const written = LETSENCRYPT_LIMITS.map(({ refillMs, exempt, ...it }) => ({
    ...it,
    refill_seconds: refillMs / 1_000,
    exempt_replaces: exempt.includes("replaces"),
    exempt_same_names: exempt.includes("same names"),
  }));
  assertEquals(readRateLimits(JSON.parse(JSON.stringify(written))), LETSENCRYPT_LIMITS);
});

for (
  const [json, fault] of [
    [{}, "no array of limits; write [] for none"],
    [[ONE, 1], "limit 2: "],
    [[{ ...ONE, name: undefined }], 'limit 1: "name" is missing'],
    [[{ ...ONE, name: "New Orders" }], 'limit 1: "name" is not possible: use up to 60 of a-z, 0-9 and -'],
    [[{ ...ONE, counts: "orders" }], 'limit 1: "counts" is none of account, order, certificate, failure'],
    [[{ ...ONE, per: "name" }], 'limit 1: "per" is none of address, account, domain, names'],
    [[{ ...ONE, capacity: 0 }], 'limit 1: "capacity" is not a whole number from 1'],
    [[{ ...ONE, capacity: "20" }], 'limit 1: "capacity" is string, not a number'],
    [[{ ...ONE, refill_seconds: 0 }], 'limit 1: "refill_seconds" is not between'],
    [[{ ...ONE, refill: 3 }], 'limit 1: "refill" is none of name, counts, per'],
    [[ONE, ONE], 'two limits have the "name" orders; give each its own'],
  ] as const
) {
  Deno.test(`readRateLimits() refuses ${fault}`, () => {
    assertStringIncludes(assertThrows(() => readRateLimits(json), SyntaxError).message, fault);
  });
}
