/**
 * Small stand-ins for ports: they remember what was asked of them and do nothing else.
 *
 * @module
 */
import type {
  AlpnAnswering,
  Call,
  ChallengeCertificate,
  DnsLookup,
  LoadBalancer,
  PublishedAnswers,
  SniAnswering,
  SniChallengeCertificate,
} from "../../src/ports.ts";

/** A call that nobody aborts. */
export const CALL: Call = { signal: new AbortController().signal };

/** Published answers in a map that a test can look into. */
export function memoryAnswers(): PublishedAnswers & { readonly published: ReadonlyMap<string, string> } {
  const published = new Map<string, string>();
  return {
    published,
    publish: (token, keyAuthorization) => Promise.resolve(void published.set(token, keyAuthorization)),
    withdraw: (token) => Promise.resolve(void published.delete(token)),
    find: (token) => Promise.resolve(published.get(token)),
  };
}

/** The ability to answer tls-alpn-01, in a map by name; `prove` compares what is in the map. */
export function fakeAlpn(): AlpnAnswering & { readonly served: Map<string, ChallengeCertificate> } {
  const served = new Map<string, ChallengeCertificate>();
  return {
    served,
    answer: (certificate) => Promise.resolve(void served.set(certificate.name, certificate)),
    prove: (certificate) =>
      served.get(certificate.name)?.fingerprint === certificate.fingerprint
        ? Promise.resolve()
        : Promise.reject(new Error("another certificate answers")),
    withdraw: (name) => Promise.resolve(void served.delete(name)),
  };
}

/** What {@linkcode fakeSni} makes. */
export type FakeSni = SniAnswering & { readonly served: Map<string, SniChallengeCertificate> };

/** The ability to answer tls-sni-01, in a map by the name that is proven. */
export function fakeSni(): FakeSni {
  const served = new Map<string, SniChallengeCertificate>();
  return {
    served,
    answer: (certificate) => Promise.resolve(void served.set(certificate.name, certificate)),
    withdraw: (name) => Promise.resolve(void served.delete(name)),
  };
}

/** A balancer with the given abilities; whatever else is asked of it is a mistake. */
export function fakeBalancer(abilities: Partial<LoadBalancer> = {}): LoadBalancer {
  const unexpected = (): Promise<never> => Promise.reject(new Error("the test does not expect this call"));
  const wiring = { lines: unexpected, check: unexpected };
  return {
    name: "lb",
    kind: "fake",
    wiring,
    state: unexpected,
    sign: unexpected,
    inventory: unexpected,
    swap: unexpected,
    remove: unexpected,
    served: unexpected,
    ...abilities,
  };
}

/** DNS from a table; an error in the table is thrown. */
export function fakeDns(table: Readonly<Record<string, readonly string[] | Error>>): DnsLookup {
  return {
    txt: (name) => {
      const found = table[name] ?? [];
      return found instanceof Error ? Promise.reject(found) : Promise.resolve(found);
    },
  };
}
