/**
 * A fleet that is served: all that the stores hold of it, and nothing that is due.
 *
 * @module
 */
import { authorizationId, deploymentId } from "../../src/ledger/records.ts";
import { type DnsName, parseDnsName } from "../../src/model/dns_name.ts";
import type { CertificateRecord, Intent } from "../../src/model/records.ts";
import type { RenewalRecord } from "../../src/model/renewal_record.ts";
import { certificateSecrets, defaultSecretName } from "../../src/model/secret_name.ts";
import type { FlowParts } from "../../src/flow/parts.ts";
import { CALL } from "./fakes.ts";

const DAY = 86_400_000;
const BALANCER = "infra/lb";

/** What is known of one certificate. */
export interface FleetMember {
  readonly record: CertificateRecord;
  readonly renewal: RenewalRecord;
}

/** The member of that number: issued within the last days, renewed in a window that is a month away. */
export function fleetMember(i: number, directory: URL, now: Date): FleetMember {
  const name = parseDnsName(`n${i}.example.com`);
  const intent: Intent = {
    names: [name],
    keyType: "ec-256",
    secretName: defaultSecretName(name),
    certType: "fullchain",
    balancers: [BALANCER],
  };
  const after = (days: number): Date => new Date(now.getTime() + days * DAY + (i % 1_440) * 60_000);
  const certId = `AQIDBAUGBwg.${i}`;
  return {
    record: {
      intent,
      facts: {
        subject: `CN=${name}`,
        issuer: "CN=Test CA",
        names: [name],
        serial: i.toString(16).padStart(8, "0"),
        notBefore: after(-2),
        notAfter: after(88),
        fingerprint: i.toString(16).padStart(64, "0"),
        certId,
      },
      origin: "ca",
      directory,
      account: at("account", 1),
      order: at("order", i),
      storedAt: after(-2),
    },
    renewal: {
      certId,
      draw: { window: { start: after(58), end: after(60) }, at: after(59) },
      askedAt: now,
      askAt: after(1),
      failures: 0,
      recalls: 0,
    },
  };
}

/** Writes so many members into the stores, as work has left them. */
export async function settleFleet({ authority, records, vault, clock }: FlowParts, size: number): Promise<void> {
  const { directory } = authority;
  const now = clock.now();
  for (let i = 0; i < size; i++) {
    const { record, renewal } = fleetMember(i, directory, now);
    const { intent: { secretName, names: [name] }, facts: { fingerprint } } = record;
    const { bundle, certificate, privateKey } = certificateSecrets(secretName);
    await vault.write([bundle, certificate, privateKey].map((it) => ({ name: it, value: "a PEM text" })), CALL);
    await records.certificates.put(secretName, record, CALL);
    await records.renewals.put(secretName, renewal, CALL);
    await records.attempts.put(secretName, { failures: 0, lastAt: record.storedAt }, CALL);
    await settleAuthorization({ records }, directory, name, i, now);
    const about = { balancer: BALANCER, secretName, fingerprint, at: record.storedAt };
    await records.deployments.put(
      deploymentId(BALANCER, secretName),
      { ...about, state: "served", shadowed: [] },
      CALL,
    );
  }
}

async function settleAuthorization(
  { records }: Pick<FlowParts, "records">,
  directory: URL,
  name: DnsName,
  i: number,
  now: Date,
): Promise<void> {
  const account = at("account", 1);
  await records.authorizations.put(authorizationId({ directory, account, name }), {
    directory,
    account,
    name,
    type: "tls-alpn-01",
    balancer: BALANCER,
    order: at("order", i),
    authorization: at("authorization", i),
    challenge: at("challenge", i),
    token: `${i}`.padStart(43, "t"),
    keyAuthorization: `${i}`.padStart(43, "t") + `.${"p".repeat(43)}`,
    state: "validated",
    presented: false,
    expires: new Date(now.getTime() + 28 * DAY),
    createdAt: new Date(now.getTime() - 2 * DAY),
  }, CALL);
}

function at(kind: string, i: number): URL {
  return new URL(`https://ca.test/${kind}/${i}`);
}
