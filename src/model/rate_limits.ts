import { flag, number, object, oneOf, optional, text } from "./shape.ts";
import type { Counted, Per, RateLimit } from "./rates.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/**
 * Let's Encrypt's limits of late 2026. Its limits of requests a second are not among them: they are answered with 503 and
 * `Retry-After`, and one sidecar does not reach them. An order with `replaces` counts as arriving in the CA's window: the
 * flow sends it only there.
 */
export const LETSENCRYPT_LIMITS: readonly RateLimit[] = [
  { name: "accounts", counts: "account", per: "address", capacity: 10, refillMs: 18 * MINUTE, exempt: [] },
  {
    name: "orders",
    counts: "order",
    per: "account",
    capacity: 300,
    refillMs: 36_000,
    exempt: ["replaces", "same names"],
  },
  {
    name: "certificates-per-domain",
    counts: "certificate",
    per: "domain",
    capacity: 50,
    refillMs: 7 * 24 * HOUR / 50,
    exempt: ["replaces", "same names"],
  },
  {
    name: "certificates-per-names",
    counts: "certificate",
    per: "names",
    capacity: 5,
    refillMs: 7 * 24 * HOUR / 5,
    exempt: ["replaces"],
  },
  { name: "failures", counts: "failure", per: "name", capacity: 5, refillMs: 12 * MINUTE, exempt: [] },
];

/** What each kind can be counted by: an account that is not there yet has no bucket of its own, and so on. */
const PER: Readonly<Record<Counted, readonly Per[]>> = {
  account: ["address"],
  order: ["address", "account", "domain", "names"],
  certificate: ["address", "account", "domain", "names"],
  failure: ["address", "account", "domain", "name"],
};

const FIELDS = ["name", "counts", "per", "capacity", "refill_seconds", "exempt_replaces", "exempt_same_names"];

/**
 * Reads limits: an array of objects with `name`, `counts`, `per`, `capacity` and `refill_seconds`, where wanted with
 * `exempt_replaces` and `exempt_same_names`.
 *
 * @param json The parsed text.
 * @throws {SyntaxError} With the first field that is wrong, where it stands, and what belongs there.
 */
export function readRateLimits(json: unknown): readonly RateLimit[] {
  if (!Array.isArray(json)) throw new SyntaxError("the file holds no array of limits; write [] for none");
  const limits = json.map((item, i) => within(`limit ${i + 1}`, () => readOne(item)));
  const twice = limits.find(({ name }, i) => limits.findIndex((it) => it.name === name) !== i);
  if (twice !== undefined) throw new SyntaxError(`two limits have the "name" ${twice.name}; give each its own`);
  return limits;
}

function readOne(item: unknown): RateLimit {
  const it = object(item, "limit");
  const strange = Object.keys(it).find((field) => !FIELDS.includes(field));
  if (strange !== undefined) throw new SyntaxError(`${JSON.stringify(strange)} is none of ${FIELDS.join(", ")}`);
  const name = text(it, "name");
  if (!/^[a-z0-9][a-z0-9-]{0,59}$/.test(name)) {
    throw new SyntaxError('"name" is not possible: use up to 60 of a-z, 0-9 and -');
  }
  const counts = oneOf(it, "counts", Object.keys(PER) as readonly Counted[]);
  const per = oneOf(it, "per", PER[counts]);
  const capacity = number(it, "capacity");
  if (!Number.isInteger(capacity) || capacity < 1 || capacity > 1e6) {
    throw new SyntaxError('"capacity" is not a whole number from 1 to 1000000');
  }
  const refillMs = Math.round(number(it, "refill_seconds") * 1_000);
  if (refillMs < 1 || refillMs > 366 * 24 * HOUR) {
    throw new SyntaxError(
      '"refill_seconds" is not between 0.001 and 31622400: write the time after which one is free again',
    );
  }
  return {
    name,
    counts,
    per,
    capacity,
    refillMs,
    exempt: [
      ...optional(it, "exempt_replaces", flag) ? ["replaces" as const] : [],
      ...optional(it, "exempt_same_names", flag) ? ["same names" as const] : [],
    ],
  };
}

function within<T>(place: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof SyntaxError ? new SyntaxError(`${place}: ${error.message}`) : error;
  }
}
