/**
 * What the Kontena Load Balancer reads below `/kontena/haproxy/NAME` in etcd, and the names that are ours there. Keys under
 * other names are never touched; its agent leaves ours alone.
 *
 * @module
 */
import type { Node } from "./etcd.ts";

/** The directory of a balancer. */
export function rootOf(service: string): string {
  return `/kontena/haproxy/${service}`;
}

/**
 * The service whose `custom_settings` hold the revision: a comment in the rendered configuration. The balancer reads its
 * certificate directory again only when that text changes.
 */
export function revisionKey(service: string): string {
  return `${revisionService(service)}/custom_settings`;
}

/** The directory of that service. */
export function revisionService(service: string): string {
  return `${rootOf(service)}/services/kontena-certificates`;
}

/**
 * The service that http-01 requests go to. Routes with host and path come first in the balancer's rules, and among those the
 * first key in alphabetical order wins: no name of a Kontena service sorts before `0-`.
 */
export function routeService(service: string): string {
  return `${rootOf(service)}/services/0-kontena-certificates-http-01`;
}

/** The prefix that is routed (RFC 8555 §8.3). The balancer compares the beginning of the path. */
export const CHALLENGE_PATH = "/.well-known/acme-challenge/";

/** Keys that make the balancer's generator fail at every poll, so that it stays with its last configuration. */
export function freezingKeys(nodes: readonly Node[]): readonly string[] {
  return nodes.map((node) => node.key).filter((key) => /\/tcp-services\/[^/]+\/health_check_uri$/.test(key));
}

/** The next revision: one more than the number in the text that is there. */
export function nextRevision(settings: string | undefined): string {
  const [, digits = "0"] = /^# rev (\d{1,15})\b/.exec(settings ?? "") ?? [];
  return `# rev ${Number(digits) + 1}`;
}
