import { SidecarError } from "../model/errors.ts";
import { sniSecretName } from "../model/secret_name.ts";
import type {
  Call,
  ChallengeAnswer,
  ChallengeSolver,
  LoadBalancer,
  Presented,
  SniAnswering,
  SniChallengeCertificate,
  Vault,
} from "../ports.ts";
import { sniChallengeCertificate } from "../x509/sni_challenge_certificate.ts";
import { type Link, obstacleFor, unknownBalancer } from "./linked_balancer.ts";
import { look, notReady } from "./not_ready.ts";
import { cleanUp, presented } from "./presented.ts";

/** What {@linkcode tlsSni01Solver} works with. */
export interface TlsSni01Parts {
  /** Those that may answer, by name. */
  readonly balancers: ReadonlyMap<string, LoadBalancer>;
  /** The sidecar's own TLS face, for balancers that route `*.acme.invalid` to it, or where there is none. */
  readonly listener?: SniAnswering;
  /** Where challenge certificate and key are kept while they are served. */
  readonly vault: Pick<Vault, "write" | "remove">;
  /** Dates the challenge certificate. */
  readonly now: () => Date;
}

/** Who serves the challenge certificate of a name, and the balancer that it has to be seen through. */
interface Places {
  readonly serving: readonly SniAnswering[];
  readonly balancer?: LoadBalancer;
  /** Why there is nobody. */
  readonly obstacle?: SidecarError;
}

/**
 * Answers tls-sni-01 (draft-ietf-acme-acme-01): a self-signed certificate for a name below `acme.invalid` is kept as the
 * secret `LE_TLS_SNI_<name>` and served by the linked balancer, by the sidecar's own listener, or by both: which of them the
 * CA meets is decided by the balancer's routes. It is served under no other name.
 *
 * Whoever can upload a certificate for an `.invalid` name to a shared address passes this challenge for its other users,
 * which is why CAs gave it up; nothing here chooses it unasked.
 */
export function tlsSni01Solver(parts: TlsSni01Parts): ChallengeSolver {
  return {
    type: "tls-sni-01",
    async present(answer: ChallengeAnswer, call: Call): Promise<Presented> {
      const places = placesFor(parts, answer);
      const down = (call: Call): Promise<void> => takeDown(parts, places, answer, call);
      try {
        return presented(await putUp(parts, places, answer, call), down);
      } catch (error) {
        await cleanUp(down).catch(() => {}); // what came to nothing leaves nothing, as far as it can
        throw error;
      }
    },
    obstacle: (link) => placesFor(parts, link).obstacle,
  };
}

function placesFor({ balancers, listener }: TlsSni01Parts, link: Link): Places {
  const own = listener === undefined ? [] : [listener];
  if (link.balancer === undefined) {
    return own.length > 0 ? { serving: own } : nowhere(
      link,
      "Service link needs to be given for the tls-sni-01 authorization type",
      "name the balancer that answers with --linked-service, or set CHALLENGE_TLS_LISTEN",
    );
  }
  const balancer = balancers.get(link.balancer);
  if (balancer === undefined) {
    return { serving: own, obstacle: unknownBalancer("tls-sni-01", link, balancers, "set LOAD_BALANCERS") };
  }
  const serving = [...balancer.sni === undefined ? [] : [balancer.sni], ...own];
  return serving.length > 0 ? { serving, balancer } : nowhere(
    link,
    `balancer ${balancer.name} cannot serve a challenge certificate`,
    "set CHALLENGE_TLS_LISTEN and route names that end with .acme.invalid there",
  );
}

function nowhere(link: Link, found: string, todo: string): Places {
  return { serving: [], obstacle: obstacleFor("tls-sni-01", link, found, todo) };
}

/** Keeps the certificate, then serves it. Returns what looks for it on the way that the CA will take. */
async function putUp(
  parts: TlsSni01Parts,
  { serving, balancer, obstacle }: Places,
  { name, keyAuthorization }: ChallengeAnswer,
  call: Call,
): Promise<(call: Call) => Promise<void>> {
  if (obstacle !== undefined) throw obstacle;
  const certificate = await sniChallengeCertificate(name, keyAuthorization, parts.now());
  await keep(parts.vault, certificate, call);
  const failures = rejections(await Promise.allSettled(serving.map((it) => it.answer(certificate, call))));
  call.signal.throwIfAborted();
  if (failures.length === serving.length) throw failures[0];
  // Without a balancer only the CA can tell.
  return async (call) => balancer === undefined ? undefined : await find(balancer, certificate, failures[0], call);
}

async function keep(vault: TlsSni01Parts["vault"], { name, pem }: SniChallengeCertificate, call: Call): Promise<void> {
  try {
    await vault.write([{ name: sniSecretName(name), value: pem }], call);
  } catch (cause) {
    call.signal.throwIfAborted();
    const code = cause instanceof SidecarError ? cause.code : "VAULT_UNAVAILABLE";
    throw new SidecarError(code, "Failed to store the needed tls-sni-01 secret", {
      field: "tls_sni_secret",
      todo: "check that the vault can be written",
      cause,
    });
  }
}

/** Asks the balancer as the CA will; `failure` is what one of several places said to the certificate. */
async function find(
  balancer: LoadBalancer,
  { name, serverName, fingerprint }: SniChallengeCertificate,
  failure: unknown,
  call: Call,
): Promise<void> {
  const refuse = (found: string, cause: unknown): SidecarError =>
    notReady(`Balancer ${balancer.name} does not answer tls-sni-01 for ${name}: ${found}`, {
      todo: "check that probe= is where it serves TLS, and that .acme.invalid is routed nowhere but to the sidecar",
      cause,
    });
  const [served] = await look(
    call,
    () => balancer.served([serverName], call),
    (cause) => refuse("it does not answer", cause),
  );
  if (served === undefined) throw refuse("it has no certificate for the challenge's name", failure);
  if (served.fingerprint !== fingerprint) {
    throw refuse(`another certificate answers (serial ${served.serial})`, failure);
  }
}

/** Takes it down everywhere, whatever becomes of one of the steps. */
async function takeDown({ vault }: TlsSni01Parts, { serving }: Places, { name }: Link, call: Call): Promise<void> {
  const steps = [...serving.map((it) => it.withdraw(name, call)), vault.remove(sniSecretName(name), call)];
  const failures = rejections(await Promise.allSettled<unknown>(steps));
  if (failures.length > 0) throw failures[0];
}

function rejections(outcomes: readonly PromiseSettledResult<unknown>[]): readonly unknown[] {
  return outcomes.flatMap((it) => it.status === "rejected" ? [it.reason as unknown] : []);
}
