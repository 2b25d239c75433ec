/**
 * The flow over real balancers with memory stores, and the loop that keeps both the same. Certificates come from no CA: what
 * the CA is asked for would stand in `authority.asked`.
 *
 * @module
 */
import { tlsAlpn01Solver } from "../../src/challenge/tls_alpn01.ts";
import { type Answers, presentedAnswers } from "../../src/flow/answers.ts";
import { reconcile } from "../../src/flow/reconcile.ts";
import type { Bundle } from "../../src/model/certificate.ts";
import type { Intent } from "../../src/model/records.ts";
import { defaultSecretName, type SecretName } from "../../src/model/secret_name.ts";
import type { Clock, LoadBalancer } from "../../src/ports.ts";
import { bundleWrites } from "../../src/vault/certificate_secrets.ts";
import { watchedVault } from "../../src/vault/watched_vault.ts";
import { haproxyBalancer } from "../../plugin/haproxy/balancer.ts";
import { parseHaproxy } from "../../plugin/haproxy/url.ts";
import { systemClock } from "../../plugin/clock.ts";
import { probe } from "../../plugin/net/tls_probe.ts";
import { CALL } from "./fakes.ts";
import { type Harness, harness } from "./flow_harness.ts";
import type { TestHaproxy } from "./haproxy.ts";

/** The flow, and its loop as soon as it is started. Disposing ends it. */
export interface ReconcileStage extends Harness, AsyncDisposable {
  /** Puts a bundle into vault and ledger as if it had been issued; nobody is told to swap it in. */
  hold(bundle: Bundle, balancers: readonly string[]): Promise<SecretName>;
  readonly answers: Answers;
  /** Starts the loop. */
  start(): void;
  /** One look, without the loop. */
  look(): Promise<void>;
}

/** What a stage can be told. */
export interface StageOptions {
  readonly clock?: Clock;
  readonly declared?: readonly Intent[];
}

/** Makes a {@linkcode ReconcileStage}. */
export async function reconcileStage(
  adapters: readonly LoadBalancer[],
  { clock = systemClock, declared = [] }: StageOptions = {},
): Promise<ReconcileStage> {
  const inside = await harness({
    clock,
    adapters,
    vault: watchedVault,
    solvers: (balancers) => [tlsAlpn01Solver({ balancers, now: () => clock.now() })],
  });
  const lifetime = new AbortController();
  const { parts, records } = inside;
  let running: Promise<void> = Promise.resolve();
  const answers = presentedAnswers(parts);
  const loop = reconcile(parts, inside.service, answers, declared);
  return {
    ...inside,
    vault: parts.vault,
    answers,
    async hold(bundle, balancers): Promise<SecretName> {
      const [first, ...names] = bundle.facts.names;
      if (first === undefined) throw new RangeError("a certificate without a name");
      const secretName = defaultSecretName(first);
      const intent = {
        names: [first, ...names],
        keyType: "ec-256",
        secretName,
        certType: "fullchain",
        balancers,
      } as const;
      await parts.vault.write(bundleWrites(secretName, bundle, "fullchain"), CALL);
      const record = { intent, facts: bundle.facts, storedAt: clock.now(), origin: "imported" } as const;
      await records.certificates.put(secretName, record, CALL);
      return secretName;
    },
    start(): void {
      running = loop.run({ signal: lifetime.signal });
    },
    look: () => loop.look(CALL),
    async [Symbol.asyncDispose](): Promise<void> {
      lifetime.abort(new Error("the test is over"));
      await running;
    },
  };
}

/** The adapter of a HAProxy, over its own socket or one before it. */
export function adapterOf(haproxy: TestHaproxy, name = "lb", socket = haproxy.socket): LoadBalancer {
  return haproxyBalancer(parseHaproxy(name, haproxy.url().replace(haproxy.socket, socket)), {
    clock: systemClock,
    events: { emit: (): void => {} },
  });
}

/** SHA-256 of the leaf that a client gets for the name; undefined where it gets none. */
export async function clientSees(
  haproxy: Pick<TestHaproxy, "httpsPort">,
  serverName: string,
): Promise<string | undefined> {
  try {
    return (await probe({ hostname: "127.0.0.1", port: haproxy.httpsPort }, { serverName }, CALL)).fingerprint;
  } catch {
    return undefined;
  }
}
