import type { Striking } from "./faults/board.ts";
import type { Nonces } from "./nonces.ts";
import type { Random } from "./random.ts";
import type { Settings } from "./settings.ts";
import type { Store } from "./state/store.ts";
import type { Tasks } from "./tasks.ts";
import type { Urls } from "./urls.ts";
import type { Issuer } from "./x509/issuer.ts";

/** What every endpoint works with. */
export interface Parts {
  readonly settings: Settings;
  readonly store: Store;
  readonly nonces: Nonces;
  readonly issuer: Issuer;
  readonly urls: Urls;
  readonly tasks: Tasks;
  readonly faults: Striking;
  readonly chance: Readonly<Record<Course, Random>>;
  /** What was counted so far. */
  readonly counters: Counters;
}

/** What is left to chance; each has a course of its own, so that one does not move another. */
export const COURSES = ["ids", "serials", "profiles", "reuse", "listing", "retryAfter", "directory", "faults"] as const;

/** One of {@linkcode COURSES}. */
export type Course = typeof COURSES[number];

/** What was done so far. */
export interface Counters {
  /** All that came in, whatever came of it. */
  requests: number;
  /** Accounts that were made. */
  accounts: number;
  /** Orders that were made; those that were handed back again are not counted. */
  orders: number;
  /** Answers to newOrder with an order that was there already. */
  ordersHandedBack: number;
  /** Validations that were begun, whatever came of them. */
  validations: number;
}
