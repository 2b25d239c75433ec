import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { ChainFacts, LinkFacts } from "../../../src/model/chain_facts.ts";
import { parseDnsName } from "../../../src/model/dns_name.ts";
import { judge, type Proposed, type Standing } from "../../../src/model/judge.ts";
import { trustOf } from "../../../src/model/trust.ts";
import { isOverridable } from "../../../src/model/verdict.ts";

const RUNS = { seed: 87, numRuns: 3_000 };
const NOW = new Date("2026-11-23T12:00:00Z");
const TOLERANCE = 5 * 60_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Around now more often than far from it: that is where judgements turn. */
const at = fc.oneof(
  fc.integer({ min: -100 * DAY, max: 100 * DAY }),
  fc.integer({ min: -10 * 60_000, max: 10 * 60_000 }),
  fc.constantFrom(0, 1, -1, TOLERANCE, TOLERANCE + 1),
).map((ms) => new Date(NOW.getTime() + ms));
const before = fc.integer({ min: 0, max: 400 * DAY }).map((ms) => new Date(NOW.getTime() - ms));
const after = fc.integer({ min: 1, max: 400 * DAY }).map((ms) => new Date(NOW.getTime() + ms));
const dates = fc.oneof({ weight: 1, arbitrary: fc.tuple(at, at) }, { weight: 4, arbitrary: fc.tuple(before, after) });
const name = fc.constantFrom("a.example", "b.example", "*.c.example", "d.example").map((it) => parseDnsName(it));
const issuer = fc.constantFrom(
  "C=US\nO=Let's Encrypt\nCN=R10",
  "O=Google Trust Services\nCN=WR1",
  "O=(STAGING) Let's Encrypt\nCN=(STAGING) Riddling Rhubarb R12",
  "CN=Pebble Intermediate CA 28a5b6",
  "O=Our own\nCN=Our lower",
);
const directory = fc.constantFrom(
  new URL("https://acme-v02.api.letsencrypt.org/directory"),
  new URL("https://acme-staging-v02.api.letsencrypt.org/directory"),
  new URL("https://ca.internal/acme/directory"),
);
const key = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ family: "EC", curve: "P-256" } as const) },
  fc.constantFrom(512, 1024, 2047, 2048, 4096).map((bits) => ({ family: "RSA", bits }) as const),
  fc.constantFrom("P-192", "P-224", "secp256k1", "P-384").map((curve) => ({ family: "EC", curve }) as const),
);
const digest = fc.oneof({ weight: 6, arbitrary: fc.constant("SHA-256") }, fc.constantFrom("SHA-1", "MD5", "unknown"));
const link: fc.Arbitrary<LinkFacts> = fc.record({ issuer, dates, key, digest }).map(({ dates, ...it }) => ({
  ...it,
  subject: "x",
  notBefore: dates[0],
  notAfter: dates[1],
}));
const usages = fc.constantFrom(undefined, ["serverAuth"], ["serverAuth", "clientAuth"], ["clientAuth"], ["any"], []);
const fault = fc.oneof(
  { weight: 6, arbitrary: fc.constant(undefined) },
  fc.constantFrom("wrong-key", "chain-order", "chain-broken").map((name) => ({ name, found: "found" }) as const),
);

const chain: fc.Arbitrary<ChainFacts> = fc.record({
  leaf: link,
  rest: fc.array(link, { maxLength: 2 }),
  names: fc.uniqueArray(name, { minLength: 1, maxLength: 3 }),
  usages,
  fault,
  fingerprint: fc.constantFrom("a", "b", "c"),
}).map(({ leaf, rest, names, usages, fault, fingerprint }) => ({
  facts: {
    subject: "x",
    issuer: "y",
    names,
    serial: "01",
    notBefore: leaf.notBefore,
    notAfter: leaf.notAfter,
    fingerprint,
  },
  dnsNames: names,
  links: [leaf, ...rest] as const,
  ...usages === undefined ? {} : { usages },
  selfSigned: false,
  ...fault === undefined ? {} : { fault },
}));
const proposed: fc.Arbitrary<Proposed> = fc.record({
  chain,
  asked: fc.uniqueArray(name, { minLength: 1, maxLength: 3 }),
  same: fc.boolean(),
  directory: fc.option(directory, { nil: undefined }),
}).map(({ chain, asked, same, directory }) => ({
  chain,
  names: same ? chain.facts.names.toReversed() : asked,
  ...directory === undefined ? {} : { directory },
}));
const standing: fc.Arbitrary<Standing | undefined> = fc.option(
  fc.record({ chain, directory: fc.option(directory, { nil: undefined }), revoked: fc.boolean() }),
  { nil: undefined },
).map((it) => {
  if (it === undefined) return undefined;
  const { directory, ...rest } = it;
  return directory === undefined ? rest : { ...rest, directory };
});

Deno.test("judge() never lets a certificate through whose key, chain, names, dates, strength or use do not fit", () => {
  let through = 0;
  fc.assert(
    fc.property(proposed, standing, (it, current) => {
      const verdict = judge(it, current, NOW);
      if (verdict.do === "keep aside") return;
      through++;
      const { chain, names } = it;
      assertEquals(chain.fault, undefined);
      assertEquals([...chain.dnsNames].sort(), [...names].sort());
      for (const { notBefore, notAfter, key, digest } of chain.links) {
        assert(notAfter > NOW);
        assert(notBefore.getTime() <= NOW.getTime() + TOLERANCE);
        assert(!["SHA-1", "MD5"].includes(digest));
        assert(key.family === "RSA" ? key.bits >= 2048 : key.family === "EC" && /^P-(256|384)$/.test(key.curve));
      }
      assert(chain.usages === undefined || chain.usages.some((usage) => ["serverAuth", "any"].includes(usage)));
    }),
    RUNS,
  );
  assert(through > 100, `only ${through} came through`);
});

Deno.test("judge() never lets a certificate take the place of one that more clients trust, or of one that lives longer", () => {
  let through = 0;
  fc.assert(
    fc.property(proposed, standing, (it, current) => {
      if (current === undefined || current.chain.facts.fingerprint === it.chain.facts.fingerprint) return;
      if (judge(it, current, NOW).do === "keep aside") return;
      through++;
      const [now, then] = [trustOf(it.chain, it.directory), trustOf(current.chain, current.directory)];
      assert(now === then || now === "public" || then === "test", `${now} over ${then}`);
      const [a, b] = [it.chain.facts, current.chain.facts];
      const earlier = b.notAfter.getTime() - a.notAfter.getTime() > HOUR;
      const sixDays = a.notAfter.getTime() - a.notBefore.getTime() >= 6 * DAY;
      if (earlier && !current.revoked) assert(sixDays && a.notBefore > b.notBefore);
    }),
    RUNS,
  );
  assert(through > 50, `only ${through} came through`);
});

Deno.test("judge() keeps aside only with a reason, the same for the same facts, and what can be waited for comes to be", () => {
  fc.assert(
    fc.property(proposed, standing, (it, current) => {
      const verdict = judge(it, current, NOW);
      assertEquals(judge(it, current, NOW), verdict);
      if (verdict.do !== "keep aside") return;
      assert(verdict.reasons.length > 0);
      if (verdict.waitUntil === undefined) return;
      const later = judge(it, current, verdict.waitUntil);
      const rest = later.do === "keep aside" ? later.reasons.map((reason) => reason.name) : [];
      assert(rest.every((name) => name === "expired"), rest.join());
    }),
    RUNS,
  );
});

Deno.test("judge() with nothing to compare gives only reasons that nobody can pass over", () => {
  fc.assert(
    fc.property(proposed, (it) => {
      const verdict = judge(it, undefined, NOW);
      assert(verdict.do !== "swap with warnings");
      if (verdict.do === "keep aside") assert(verdict.reasons.every((reason) => !isOverridable([reason])));
    }),
    RUNS,
  );
});
