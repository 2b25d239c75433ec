/**
 * What all routes under `/v1` share.
 *
 * @module
 */
import type { Context } from "hono";
import {
  type BalancerService,
  type Call,
  type CertificateService,
  type Clock,
  type DnsName,
  type Events,
  parseDnsName,
  type SecretName,
  type Vault,
} from "../../mod.ts";

/** What the routes under `/v1` talk to. */
export interface Face {
  readonly service: CertificateService;
  readonly balancers: BalancerService;
  readonly vault: Vault;
  /** The only grid there is. */
  readonly grid: string;
  readonly events: Events;
  readonly clock: Clock;
  /** Brings the value of a secret into the form in which it is kept. */
  readonly normalise: (value: string, field?: string) => string;
  /** Rejects a value that must not be kept under the name, for example a broken account key. */
  readonly checkSecret?: (name: SecretName, value: string) => Promise<void>;
}

/** Kontena's id of a service: one outside of any stack is in the stack `null`. */
export function serviceId(grid: string, balancer: string): string {
  return `${grid}/${balancer.includes("/") ? balancer : `null/${balancer}`}`;
}

/** Ends the waiting when the caller hangs up; the work itself goes on (see `CertificateService`). */
export function callOf(c: Context): Call {
  return { signal: c.req.raw.signal };
}

/** The balancer that a body names. */
export function balancerOf(link: string | null | undefined): string | undefined {
  return typeof link === "string" ? balancerIn(link) : undefined;
}

/** A balancer's name. The original's client writes `null/lb` for a service outside of any stack. */
export function balancerIn(link: string): string {
  return link.replace(/^null\//, "");
}

/** The balancers that a body names, one or several; undefined where it names none. */
export function balancersOf(links: string | readonly string[] | null | undefined): readonly string[] | undefined {
  const all = typeof links === "string" ? [links] : links ?? [];
  const balancers = all.map(balancerOf).filter((link) => link !== undefined);
  return balancers.length === 0 ? undefined : balancers;
}

/** The subject in a path as we keep it; what is no DNS name stays as it is, and will not be found. */
export function subjectOf(path: string): DnsName | string {
  try {
    return parseDnsName(path);
  } catch {
    return path;
  }
}
