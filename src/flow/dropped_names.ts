import { covers, type DnsName } from "../model/dns_name.ts";
import type { DeploymentRecord, Intent } from "../model/records.ts";
import { certificateSecrets } from "../model/secret_name.ts";
import type { Call, Served } from "../ports.ts";
import { leafDer } from "../x509/bundle.ts";
import { certificateFacts } from "../x509/certificate.ts";
import type { FlowParts } from "./parts.ts";

/**
 * The names of a former certificate that neither the one for the intent is for, nor any other of ours: nobody has decided what
 * clients get for them.
 */
export async function lostNames(
  { records }: FlowParts,
  { names, secretName, twinOf }: Pick<Intent, "secretName" | "twinOf"> & { readonly names: readonly DnsName[] },
  before: readonly DnsName[],
  call: Call,
): Promise<readonly DnsName[]> {
  const left = notCovered(before, names);
  if (left.length === 0) return left;
  const all = (await records.certificates.list(call)).map((entry) => entry.value.intent);
  // A second kind follows the first one.
  const others = all.filter((it) => (it.twinOf ?? it.secretName) !== (twinOf ?? secretName));
  return notCovered(left, others.flatMap((it) => it.names));
}

/**
 * Tells which names the certificate before had and the new one has not, and what clients get for them from now on: often the
 * balancer's default certificate, which nobody has chosen for them.
 *
 * @param before What the balancer served until now.
 * @param names Those of the new one.
 */
export async function tellDropped(
  parts: FlowParts,
  before: Former,
  names: readonly DnsName[],
  call: Call,
): Promise<void> {
  const { balancer, secretName } = before;
  const dropped = notCovered(await namesOf(parts, before, call), names);
  if (dropped.length === 0) return;
  const served = await parts.balancers.get(balancer)?.served(dropped, call).catch(() => undefined);
  call.signal.throwIfAborted();
  for (const name of dropped) {
    const found = served?.find((it) => it.name === name);
    const answer = served === undefined ? "it cannot be seen what answers it" : await described(parts, found, call);
    parts.events.emit({
      level: "warn",
      name: "certificate.name_dropped",
      text: `${balancer}: ${name} is not in ${secretName} any more: ${answer}`,
      fields: { balancer, secret: secretName, name },
    });
  }
}

type Former = Pick<DeploymentRecord, "balancer" | "secretName" | "fingerprint">;

/** The names of the version that was served, as long as the vault still has it. */
async function namesOf(
  { vault }: FlowParts,
  { secretName, fingerprint }: Former,
  call: Call,
): Promise<readonly DnsName[]> {
  const earlier = await vault.history(certificateSecrets(secretName).bundle, call).catch(() => []); // it may be away
  for (const { value } of earlier) {
    try {
      const facts = certificateFacts(leafDer(value));
      if (facts.fingerprint === fingerprint) return facts.names;
    } catch {
      // something else was kept under that name once
    }
  }
  return [];
}

async function described({ records }: FlowParts, found: Served | undefined, call: Call): Promise<string> {
  if (found === undefined) return "clients get no certificate for it";
  const all = (await records.certificates.list(call)).map((entry) => entry.value);
  const ours = all.find((it) => it.facts.fingerprint === found.fingerprint)?.intent;
  if (ours !== undefined) return `it is answered with the certificate for ${ours.names[0]}`;
  return `it is answered with another certificate, the default one perhaps (serial ${found.serial})`;
}

function notCovered(all: readonly DnsName[], names: readonly DnsName[]): readonly DnsName[] {
  return all.filter((it) => !names.some((name) => covers(name, it)));
}
