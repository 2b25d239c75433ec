import {
  accountId,
  type CertificateAuthority,
  type Clock,
  closedText,
  describe,
  holdText,
  type Intent,
  type LoadBalancer,
  type Records,
  type Vault,
} from "../mod.ts";

/** What readiness is judged by. */
export interface ReadinessParts {
  readonly authority: CertificateAuthority;
  readonly vault: Vault;
  readonly balancers: ReadonlyMap<string, LoadBalancer>;
  readonly records: Records;
  readonly clock: Clock;
  readonly declared: readonly Intent[];
}

/** A probe asks every few seconds; a hanging part must not make it wait longer than this. */
const PATIENCE_MS = 3_000;

/** Tells what is missing for the main job, in words without secrets. Nothing missing: ready. */
export async function readiness(
  parts: ReadinessParts,
): Promise<{ readonly ready: boolean; readonly missing: readonly string[] }> {
  const { authority, vault, balancers, records, declared } = parts;
  const call = { signal: AbortSignal.timeout(PATIENCE_MS) };
  const looks: Promise<string | undefined>[] = [
    absence(`CA ${authority.directory.host}`, () => authority.about(call)),
    absence("vault", () => vault.list(call)),
    hasAccount(records, authority),
    ...[...balancers.values()].map((it) => absence(`load balancer ${it.name}`, () => it.state(call))),
    ...declared.map((intent) => hasCertificate(parts, intent)),
  ];
  const found = await Promise.all(looks.map((look) => look.catch((error: unknown) => `ledger: ${describe(error)}`)));
  const missing = [...new Set(found.filter((it) => it !== undefined))];
  return { ready: missing.length === 0, missing };
}

async function absence(what: string, look: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await look();
    return undefined;
  } catch (error) {
    const why = describe(error);
    return why.toLowerCase().startsWith(what.toLowerCase()) ? why : `${what}: ${why}`;
  }
}

async function hasAccount(records: Records, { directory }: CertificateAuthority): Promise<string | undefined> {
  const call = { signal: AbortSignal.timeout(PATIENCE_MS) };
  const closure = (await records.closures.get(accountId(directory), call))?.value;
  if (closure !== undefined) {
    return `account: ${closedText(closure)} (kontena certificate register --new-account EMAIL)`;
  }
  const account = await records.accounts.get(accountId(directory), call);
  return account === undefined ? "account: nobody has registered (kontena certificate register EMAIL)" : undefined;
}

async function hasCertificate(parts: ReadinessParts, { secretName, names }: Intent): Promise<string | undefined> {
  const { records, clock } = parts;
  const call = { signal: AbortSignal.timeout(PATIENCE_MS) };
  if (await records.certificates.get(secretName, call) !== undefined) return undefined;
  const aside = (await records.asides.get(secretName, call))?.value;
  const kept = aside === undefined ? "" : `: one was kept aside (${aside.reasons.map((it) => it.found).join("; ")})`;
  const hold = await holdText(parts, names, clock.now(), call);
  return `certificate: ${names.join(", ")} is not there yet${hold === undefined ? kept : `: ${hold}`}`;
}
