/**
 * The API over a service that answers what the test says, and values for it to answer with.
 *
 * @module
 */
import type { Hono } from "hono";
import { api, type ApiOptions } from "../../plugin/http/api.ts";
import type { BalancerService, BalancerView } from "../../src/flow/balancers.ts";
import type { CertificateService, HeldCertificate } from "../../src/flow/service.ts";
import { parseDnsName, parseDnsNames } from "../../src/model/dns_name.ts";
import type { AuthorizationRecord, DeploymentRecord } from "../../src/model/records.ts";
import { parseSecretName } from "../../src/model/secret_name.ts";
import type { Event, Vault } from "../../src/ports.ts";
import { memoryVault } from "../../src/vault/memory_vault.ts";
import { normaliseValue } from "../../src/vault/value.ts";
import { fakeClock } from "./fake_clock.ts";

/** The token of {@linkcode testApi}. */
export const TOKEN = "a-token-of-the-test";

/** The time of its clock. */
export const NOW = new Date("2026-01-01T00:00:00Z");

/** A service that rejects every call that the test does not expect. */
export function fakeService(expected: Partial<CertificateService> = {}): CertificateService {
  const unexpected = (): Promise<never> => Promise.reject(new Error("the test does not expect this call"));
  return {
    registration: unexpected,
    register: unexpected,
    account: unexpected,
    updateAccount: unexpected,
    rollOverAccount: unexpected,
    deactivateAccount: unexpected,
    authorize: unexpected,
    authorizations: unexpected,
    get: unexpected,
    request: unexpected,
    certificates: unexpected,
    certificate: unexpected,
    explainCertificate: unexpected,
    exportCertificate: unexpected,
    importCertificate: unexpected,
    removeCertificate: unexpected,
    acceptCertificate: unexpected,
    revokeCertificate: unexpected,
    removeAuthorization: unexpected,
    ...expected,
  };
}

/** A service of the balancer `infra/lb` and, away, `edge`; of others it knows nothing. */
export function fakeBalancers(): BalancerService {
  const all: readonly BalancerView[] = [
    {
      name: "infra/lb",
      kind: "haproxy",
      challenges: ["http-01", "tls-alpn-01"],
      state: { ok: true, version: "2.6.12", pid: 42 },
      certificates: [
        { subject: parseDnsName("example.com"), deployment: SERVED },
        { deployment: { ...SERVED, state: "held", reason: "it was refused", until: NOW } },
      ],
    },
    {
      name: "edge",
      kind: "kontena",
      challenges: ["http-01"],
      state: { ok: false, found: "etcd does not answer", todo: "check that etcd runs" },
      certificates: [],
    },
  ];
  const find = (name: string): BalancerView | undefined => all.find((it) => it.name === name);
  return {
    balancers: () => Promise.resolve(all),
    balancer: (name) => Promise.resolve(find(name)),
    wiring: (name) => Promise.resolve(find(name) && `# ${name}\n`),
    check: (name) =>
      Promise.resolve(
        find(name) && [
          { part: "runtime socket", state: "ok", found: "HAProxy answers" },
          ...name === "infra/lb"
            ? []
            : [{ part: "TLS", state: "missing", found: "no answer", todo: "mend it" } as const],
          { part: "http-01 route", state: "untried", found: "http= is not set", todo: "set it", carries: ["http-01"] },
        ],
      ),
  };
}

/** The API under test, and what it did. */
export interface TestApi {
  readonly app: Hono;
  readonly vault: Vault;
  readonly events: readonly Event[];
  /** Sends a request with the token; a body that is not text goes as JSON. */
  ask(method: string, path: string, body?: unknown): Promise<Answer>;
}

/** An answer, read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed body, undefined where it is empty. */
  readonly json: unknown;
}

/** What the API of the grid `test` is made of. */
export function apiOptions(service: Partial<CertificateService> = {}): ApiOptions {
  const clock = fakeClock(NOW);
  return {
    service: fakeService(service),
    balancers: fakeBalancers(),
    vault: memoryVault(clock),
    token: TOKEN,
    grid: "test",
    clock,
    events: { emit: () => {} },
    normalise: normaliseValue,
    ready: () => Promise.resolve({ ready: true, missing: [] }),
    metrics: () => Promise.resolve("up 1\n"),
  };
}

/** Makes the API of the grid `test` over the service. */
export function testApi(service: Partial<CertificateService> = {}, options: Partial<ApiOptions> = {}): TestApi {
  const events: Event[] = [];
  const whole = { ...apiOptions(service), events: { emit: (event: Event) => void events.push(event) }, ...options };
  const { vault } = whole;
  const app = api(whole);
  return {
    app,
    vault,
    events,
    async ask(method, path, body): Promise<Answer> {
      const response = await app.request(path, {
        method,
        headers: { authorization: `Bearer ${TOKEN}` },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      return await readAnswer(response);
    },
  };
}

/** Reads a response. */
export async function readAnswer(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json") ?? false;
  const { status, headers } = response;
  return { status, headers, text, json: isJson ? JSON.parse(text) : undefined };
}

/** The fingerprint of {@linkcode heldCertificate}. */
export const FINGERPRINT = "ab".repeat(32);

/** A certificate for the names, valid from 2026-01-01 to 2026-04-01. */
export function heldCertificate(
  names: readonly string[] = ["example.com", "www.example.com"],
  deployments: readonly DeploymentRecord[] = [],
  secretName = `LE_CERTIFICATE_${names[0]?.replaceAll(".", "_")}`,
): HeldCertificate {
  const domains = parseDnsNames(names);
  return {
    record: {
      intent: {
        names: domains,
        keyType: "ec-256",
        secretName: parseSecretName(secretName),
        certType: "fullchain",
        balancers: deployments.map((it) => it.balancer),
      },
      facts: {
        subject: domains[0],
        issuer: "CN=Test CA",
        names: domains,
        serial: "0badcafe",
        notBefore: new Date("2026-01-01T00:00:00Z"),
        notAfter: new Date("2026-04-01T00:00:00Z"),
        fingerprint: FINGERPRINT,
      },
      origin: "ca",
      directory: new URL("https://ca.example/directory"),
      account: new URL("https://ca.example/account/1"),
      order: new URL("https://ca.example/order/1"),
      storedAt: new Date("2026-01-01T00:00:05Z"),
    },
    deployments,
    autoRenewable: true,
  };
}

/** A balancer `infra/lb` that serves {@linkcode heldCertificate}. */
export const SERVED: DeploymentRecord = {
  balancer: "infra/lb",
  secretName: parseSecretName("LE_CERTIFICATE_example_com"),
  fingerprint: FINGERPRINT,
  at: NOW,
  state: "served",
  shadowed: [],
};

/** A pending authorization. */
export function authorizationRecord(
  name = "api.example.com",
  change: Partial<AuthorizationRecord> = {},
): AuthorizationRecord {
  return {
    directory: new URL("https://ca.example/directory"),
    account: new URL("https://ca.example/account/1"),
    name: parseDnsName(name),
    type: "dns-01",
    order: new URL("https://ca.example/order/1"),
    authorization: new URL("https://ca.example/authz/1"),
    challenge: new URL("https://ca.example/challenge/1"),
    token: "token123",
    keyAuthorization: "token123.thumbprint456",
    state: "created",
    presented: false,
    expires: new Date("2026-01-08T00:00:00Z"),
    createdAt: NOW,
    ...change,
  };
}
