import type { DnsName } from "./dns_name.ts";
import type { Problem } from "./problem.ts";

/** One answer of the CA about an order; each status carries only what it has (RFC 8555 §7.1.3, §7.1.6). */
export type Order =
  & {
    readonly url: URL;
    /** The names asked for, in whatever order the CA likes (RFC 8555 §7.1.3). */
    readonly names: readonly DnsName[];
    readonly authorizations: readonly URL[];
    readonly finalize: URL;
    readonly expires?: Date;
    /** How long the CA asks us to wait before the next look, in milliseconds (`Retry-After`). */
    readonly pollAfterMs?: number;
  }
  & (
    | { readonly status: "pending" }
    | { readonly status: "ready" }
    | { readonly status: "processing" }
    | { readonly status: "valid"; readonly certificate: URL }
    | { readonly status: "invalid"; readonly problem?: Problem }
  );

/** The CA's question whether we control one name (RFC 8555 §7.1.4). */
export interface Authorization {
  /** Where the CA keeps it. */
  readonly url: URL;
  /** With `*.` where the CA says `wildcard: true`. */
  readonly name: DnsName;
  /** State of the CA's question (RFC 8555 §7.1.6). */
  readonly status: "pending" | "valid" | "invalid" | "deactivated" | "expired" | "revoked";
  /** After this instant the CA has forgotten it. */
  readonly expires?: Date;
  /** The ways to answer; one is enough. */
  readonly challenges: readonly Challenge[];
  /** How long the CA asks us to wait before the next look, in milliseconds (`Retry-After`). */
  readonly pollAfterMs?: number;
}

/** One way in which the CA lets us prove it (RFC 8555 §7.1.5). */
export interface Challenge {
  /** As the CA spells it; may be a type that we do not know. */
  readonly type: string;
  /** Where the answer is announced. */
  readonly url: URL;
  /** State of this way (RFC 8555 §7.1.6). */
  readonly status: "pending" | "processing" | "valid" | "invalid";
  /** What the answer is made of; not every type has one. */
  readonly token?: string;
  /** Why the CA was not convinced. */
  readonly problem?: Problem;
}

/** What to do next about an order. */
export type Step =
  | { readonly do: "prove"; readonly authorizations: readonly URL[] }
  | { readonly do: "finalize"; readonly at: URL }
  | { readonly do: "wait" }
  | { readonly do: "download"; readonly from: URL }
  | { readonly do: "abandon"; readonly problem?: Problem };

/**
 * Decides the next step of an order (RFC 8555 §7.4); knows no clock, no network and no CA.
 *
 * @param order The CA's newest answer.
 * @param proven Whether every challenge of it was answered by us already: then there is nothing to do but to wait.
 */
export function nextStep(order: Order, proven: boolean): Step {
  switch (order.status) {
    case "pending":
      return proven ? { do: "wait" } : { do: "prove", authorizations: order.authorizations };
    case "ready":
      return { do: "finalize", at: order.finalize };
    case "processing":
      return { do: "wait" };
    case "valid":
      return { do: "download", from: order.certificate };
    case "invalid":
      return { do: "abandon", ...(order.problem === undefined ? {} : { problem: order.problem }) };
  }
}
